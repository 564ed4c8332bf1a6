"""A producer node that runs the tasks itself, in a thread: for tests of what stands above one.

It has the interface of `zmqwork.nodes.producer.Producer`, real threads and real bytes; what it
lacks is a network. `hold()` keeps tasks waiting, `let_go()` lets them run.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from collections import deque

from zmqwork.core.ledger import Entry
from zmqwork.errors import PendingFull, UsageError
from zmqwork.execution.invoke import error_record
from zmqwork.nodes.callbacks import Callbacks
from zmqwork.producer import Producer
from zmqwork.wire.values import decode_call, encode_value


class StandIn:
    has_journal = False

    def __init__(self, app, producer, *, max_pending=1_000_000, on_full="block", crash=()):
        self.node_id = producer.node_id
        self.app = app
        self.producer = producer
        self.max_pending = max_pending
        self.on_full = on_full
        # Arguments of a call that ends its worker whenever it is run.
        self.crash = set(crash)
        self.workers = 1
        # Node id and name of those to whom is broadcast; None: the producer has stopped.
        self.nodes = [("1" * 32, "one"), ("2" * 32, "two"), ("3" * 32, "three")]
        self.asked = []
        self.answer = ""
        self.submitted = []
        # What a sink would have: the results that do not come back.
        self.taken = []
        self.abandoned = []
        self.most_pending = 0
        self.begun = threading.Event()
        self._pending = {}
        self._waiting = deque()
        self._held = False
        self._stopped = False
        self._condition = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="stand-in", daemon=True)
        self._thread.start()

    # --- the interface of a producer node

    def submit(self, spec, args, owner):
        with self._condition:
            if self._stopped:
                raise UsageError("the producer is stopped")
            if len(self._pending) >= self.max_pending:
                if self.on_full == "raise":
                    raise PendingFull("full")
                self._condition.wait_for(lambda: len(self._pending) < self.max_pending)
            seq = len(self.submitted) + 1
            entry = Entry(seq, spec, args, owner)
            self.submitted.append((spec, args))
            self._pending[seq] = entry
            self.most_pending = max(self.most_pending, len(self._pending))
            self._waiting.append(entry)
            self._condition.notify_all()
            return seq

    def cancel(self, seq, *, running=False, hard=False):
        del running, hard  # whatever runs here is over in a moment
        with self._condition:
            entry = self._pending.get(seq)
            if entry is None or entry not in self._waiting:
                return False
            self._waiting.remove(entry)
            self._settle([entry], "cancelled")
            return True

    def abandon(self, seqs):
        self.abandoned += seqs
        for seq in seqs:
            self.cancel(seq)

    def _ask(self, question, default):
        self.asked.append(question(None))
        return default if self.nodes is None else self.nodes

    def explain(self, seq=None):
        return self.answer

    def workers_known(self):
        return self.workers

    def could_run(self, seq):
        return bool(self.workers)

    def status(self):
        return {"pending": len(self._pending)}

    def drain(self, timeout=None):
        with self._condition:
            return self._condition.wait_for(lambda: not self._pending, timeout)

    def stop(self):
        with self._condition:
            self._stopped = True
            rest = list(self._waiting)
            self._waiting.clear()
            self._settle(rest, "cancelled", {"text": "its producer stopped"})
            self._condition.notify_all()
        self._thread.join()

    # --- for tests

    def hold(self):
        with self._condition:
            self._held = True

    def let_go(self, count=None):
        """Let everything run, or only the oldest `count` tasks."""
        if count is None:
            with self._condition:
                self._held = False
                self._condition.notify_all()
            return
        with self._condition:
            batch = [self._waiting.popleft() for _ in range(count)]
        for entry in batch:
            self._work(entry)

    def names(self):
        return [spec.name for spec, _ in self.submitted]

    def _run(self):
        while True:
            with self._condition:
                self._condition.wait_for(
                    lambda: self._stopped or (self._waiting and not self._held)
                )
                if self._stopped:
                    return
                entry = self._waiting.popleft()
            self._work(entry)

    def _work(self, entry):
        self.producer.mark_running([entry])
        self.begun.set()
        args, kwargs = decode_call(entry.args)
        name = entry.spec.name
        task = self.app.tasks[name.removesuffix("[]")]
        handler = task.chunk_handler if name.endswith("[]") else task.handler
        items = args[0] if name.endswith("[]") else args
        if self.crash & {item for item in items if isinstance(item, int | str)}:
            entry.attempt = 3
            error = {"text": "3 of its attempts ended in a crash", "evidence": []}
            self._finish(entry, "dead", error)
            return
        for attempt in range(1, entry.spec.options.max_retries + 2):
            entry.attempt = attempt
            try:
                result = handler(*args, **kwargs)
                if inspect.isawaitable(result):
                    result = asyncio.run(_awaited(result))
                entry.value = encode_value(result)
                if entry.spec.options.goes_to_sink:
                    self.taken.append(result)
                    entry.value = encode_value(None)
            except (Exception, SystemExit) as error:
                entry.error = {**error_record(error), "attempts": attempt}
            else:
                self._finish(entry, "succeeded")
                return
        self._finish(entry, "failed", entry.error)

    def _finish(self, entry, state, error=None):
        with self._condition:
            self._settle([entry], state, error)

    def _settle(self, entries, state, error=None):
        for entry in entries:
            entry.state = state
            entry.error = error
            del self._pending[entry.seq]
        if entries:
            self.producer.settle(entries)
        self._condition.notify_all()


async def _awaited(awaitable):
    return await awaitable


@contextlib.contextmanager
def producing(app, **options):
    """The app's tasks go to a stand-in, which is the value."""
    nodes = []

    def make_node(producer, recorder=None):
        nodes.append(StandIn(app, producer, **options))
        return nodes[0]

    callbacks = Callbacks()
    home = app._producers
    producer = Producer(make_node, "ab" * 16, callbacks, enter=home.enter, leave=home.leave)
    producer.start()
    try:
        yield nodes[0]
    finally:
        nodes[0].let_go()
        producer.stop()
