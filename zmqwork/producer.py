"""`Producer`: a producer node as its user holds it, explicit or implicit."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Container, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from weakref import WeakSet

from zmqwork.batching import Dividing
from zmqwork.config import check_name
from zmqwork.core.effects import Notice
from zmqwork.core.events import PauseRequested, WorkersRequested
from zmqwork.core.ledger import TaskSpec
from zmqwork.degrading import Degrading
from zmqwork.errors import NoWorker, UsageError
from zmqwork.future import TaskFuture, mark_running
from zmqwork.inside import refuse_waiting
from zmqwork.keeping import Keeping
from zmqwork.offering import Offer
from zmqwork.parts import StreamFuture

if TYPE_CHECKING:
    from zmqwork.adoption import Adoption
    from zmqwork.core.events import Claimed
    from zmqwork.hooks import Hearing
    from zmqwork.journal.folder import Folder
    from zmqwork.nodes.callbacks import Callbacks
    from zmqwork.nodes.producer import Producer as Node
    from zmqwork.nodes.recorder import Recorder
    from zmqwork.queues import Queues

R = TypeVar("R")

# How long a producer that wants to leave waits for its tasks while no worker is known.
GIVE_UP_TIMEOUT = 10.0
# How often it looks whether one is known; a person's pace.
_LOOK_INTERVAL = 0.25
# It waits this long without a word.
_PATIENCE = 2.0

_log = logging.getLogger("zmqwork")


class Producer(Keeping, Degrading, Dividing):
    """Where an app's tasks go: it finds workers, hands them the tasks and settles the futures.

    `App` makes one at the first `submit`. The explicit form says when it begins and ends, and how
    much may wait in it::

        with app.producer(max_pending=1_000) as producer:
            futures = [thumbnail.submit(path) for path in paths]
            print(producer.status())

    Leaving the block waits for the tasks as long as a worker is known, and 10 s for one. When an
    exception leaves it, nothing is waited for. What is not settled by then is cancelled.

    Attributes:
        node_id: 32 hexadecimal digits, random; the first 8 begin the ids of its tasks. With a
            journal that of the journal, from `start` on.
        callbacks: the thread in which the done-callbacks of its futures, and hooks, run.
        hearing: the app's hooks; None: it is no app's.
    """

    def __init__(
        self,
        make_node: Callable[[Producer, Recorder | None], Node],
        node_id: str,
        callbacks: Callbacks,
        *,
        enter: Callable[[Producer], None],
        leave: Callable[[Producer], None],
        open_folder: Callable[[], Folder] | None = None,
        hearing: Hearing | None = None,
    ) -> None:
        self.node_id = node_id
        self.callbacks = callbacks
        self._make_node = make_node
        self._enter = enter
        self._leave = leave
        self._open_folder = open_folder
        self.hearing = hearing
        self._adoption: Adoption | None = None
        # Futures of generators. Bound: `max_pending`, and those that somebody keeps.
        self.streams: WeakSet[StreamFuture[Any, Any]] = WeakSet()
        self._node: Node | None = None
        # What tasks that run in this process hand on; None: none do.
        self._inherited: Callable[[TaskSpec], TaskSpec] | None = None
        self._pid = os.getpid()
        self._submit: Callable[[TaskSpec, bytes, object], int] = self._not_started
        self._divider = None
        # How often fallbacks took over, by the name of the task. Bound: the program's text.
        self.degraded: dict[str, int] = {}
        self.mark_running = mark_running

    def __repr__(self) -> str:
        state = "started" if self._node is not None else "not started"
        return f"<Producer {self.node_id[:8]}, {state}>"

    def start(self) -> Self:
        """Start the node, and take the app's tasks from now on."""
        self.refuse_if_inherited()
        if self._node is not None:
            raise UsageError(f"{self!r} was started already")
        self._node = node = self._start_node()
        self.node_id = node.node_id
        self._submit = node.submit
        if "zmqwork.execution.context" in sys.modules:
            from zmqwork.inheriting import inherited  # noqa: PLC0415 - others have not loaded it

            self._inherited = inherited
        self._enter(self)
        return self

    def _start_node(self) -> Node:
        if self._open_folder is None:
            return self._make_node(self, None)
        from zmqwork.adoption import Adoption  # noqa: PLC0415 - only with a journal
        from zmqwork.nodes.recorder import Recorder  # noqa: PLC0415

        folder = self._open_folder()
        node = self._make_node(self, Recorder(folder.take))
        self._adoption = Adoption(folder, lambda recorder: self._make_node(self, recorder))
        self._adoption.start()
        return node

    def submit(self, spec: TaskSpec, args: bytes) -> TaskFuture[Any]:
        """Hand over one task with its encoded arguments; what `Task.submit` calls.

        Raises:
            PendingFull: `max_pending` tasks are unsettled, and `on_full` is ``"raise"``.
            UsageError: the producer is not started, or stopped.
        """
        if self._inherited is not None:
            spec = self._inherited(spec)
        future: TaskFuture[Any] = (StreamFuture if spec.streams else TaskFuture)(self)
        future.seq = self._submit(spec, args, future)
        if future.degraded:
            future.seq = future.__dict__.get("followed", future.seq)
        return future

    async def asubmit(self, spec: TaskSpec, args: bytes) -> TaskFuture[Any]:
        """As `submit`; the running event loop goes on while this waits for room."""
        offer = self.offer(spec, args)
        await offer.wait()
        return offer.future

    def offer(self, spec: TaskSpec, args: bytes) -> Offer:
        """One task that is not handed over yet, for callers that must not block their thread."""
        pending = self._started().pending
        if self._inherited is not None:
            spec = self._inherited(spec)
        # (While a block of `App.batch` is open, it is perhaps put aside.)
        submit = None if self._divider is None else self._submit
        return Offer(
            (StreamFuture if spec.streams else TaskFuture)(self), spec, args, pending, submit
        )

    def workers_for(self, spec: TaskSpec, patience: float) -> list[tuple[str, str]]:
        """Node id and name of each worker that serves such a task; none within `patience`: empty.

        Raises `UsageError` if the producer is stopped.
        """
        # A friend's: the node has nothing to add to what its machine answers.
        workers = self._started()._ask(lambda r: WorkersRequested(spec, patience, r), None)
        if workers is None:
            raise UsageError("this producer has stopped: it takes no more tasks")
        answer: list[tuple[str, str]] = workers
        return answer

    def pause(self, queue: str) -> None:
        """Let no task of this queue begin.

        What runs ends; what a worker holds and has not begun comes back, but for the few
        milliseconds of work that its slots have. What waits expires, and may be cancelled. `drain`,
        and leaving the ``with`` statement, wait until it is resumed.

        Raises:
            ConfigError: it is no name of a queue.
            UsageError: the producer is not started, or stopped, or has 1,024 queues paused.
        """
        if queue not in self._set_paused(queue, paused=True):
            raise UsageError(f"queue {queue!r} cannot be paused: too many are")

    def resume(self, queue: str) -> None:
        """Let the tasks of this queue go on; nothing happens if it is not paused."""
        self._set_paused(queue, paused=False)

    def _set_paused(self, queue: str, *, paused: bool) -> list[str]:
        check_name("a queue", queue)
        answer: list[str] | None = self._started()._ask(
            lambda r: PauseRequested(queue, paused, r), None
        )
        if answer is None:
            raise UsageError("this producer has stopped: there is nothing to pause or resume")
        return answer

    def cancel(self, seq: int, *, running: bool = False, hard: bool = False) -> bool:
        """Cancel a task; False if it is settled otherwise, or nobody knows any more.

        `running`: even if its handler has begun; `hard`: it is given no time to end by itself.
        """
        return self._started().cancel(seq, running=running, hard=hard)

    def claim(
        self, seq: int, names: Container[str], queues: Queues, *, from_worker: bool
    ) -> Claimed | None:
        """Take back a task that nobody has begun, to run it here; the caller settles its future."""
        heir: TaskFuture[Any] = TaskFuture(self)
        heir.seq = seq
        return self._started().claim(seq, names, queues, heir, from_worker=from_worker)

    def take_parts(self, seq: int, count: int) -> None:
        """The application has taken all parts of a task below this number; from any thread."""
        if self._node is not None and self._pid == os.getpid():
            self._node.take_parts(seq, count)

    def resubmit(self, spec: TaskSpec, args: bytes, future: TaskFuture[Any]) -> int:
        """Hand over a task for a future that is there; its new number."""
        return self._submit(spec, args, future)

    def abandon(self, seqs: Sequence[int]) -> None:
        """Cancel tasks without waiting for the answer; from any thread, as in a finaliser."""
        if self._node is not None and self._pid == os.getpid():
            self._node.abandon(seqs)

    def status(self) -> dict[str, Any]:
        """What the node says of itself, as `zmqwork ps` shows it."""
        own: dict[str, Any] = {"degraded": dict(self.degraded)}
        if self.hearing is not None:
            own["hooks"] = self.hearing.status()
        return self._started().status() | own

    def explain(self, seq: int | None = None) -> str:
        """Why a task (or: anything) does not run: what was looked for where, and what to try."""
        return self._started().explain(seq)

    def workers_known(self) -> int:
        """How many workers are connected."""
        return self._started().workers_known()

    def on_notice(self, callback: Callable[[Notice], None]) -> None:
        """Call `callback` in the callback thread with what a person should know."""
        self._started().on_notice(callback)

    def drain(self, timeout: float | None = None) -> bool:
        """Wait until all submitted tasks are settled; False: the time is over, some are not."""
        return self._started().drain(timeout)

    def stop(self) -> None:
        """Leave now; tasks that are not settled are cancelled. Does nothing the second time.

        With a journal they stay there, for the next process.
        """
        if self._pid != os.getpid():
            return
        self._leave(self)
        if self._adoption is not None:
            self._adoption.stop()
        if self._node is not None:
            self._node.stop()
        # Behind the done-callbacks of what was settled last.
        self.callbacks.close()

    def cancel_all(self) -> None:
        """Cancel whatever has not begun; their futures are settled when this returns."""
        self._started().cancel_all()

    def finish(self, *, patient: bool = False) -> None:
        """Wait for the tasks as long as a worker is known, and 10 s for one; then stop.

        Args:
            patient: wait for a worker as long as it takes.

        KeyboardInterrupt stops it at once, and is raised again.
        """
        if self._node is None or self._pid != os.getpid():
            return
        for future in list(self.streams):
            future.leave_unread()
        try:
            self._wait_for_tasks(self._node, patient)
        except KeyboardInterrupt:
            fate = "left to the journal" if self._node.has_journal else "abandoned"
            _log.warning("%s %s: interrupted", self._unsettled(self._node), fate)
            raise
        finally:
            self.stop()

    def __enter__(self) -> Self:
        return self if self._node is not None else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.stop()

    # --- what futures ask

    def refuse_if_inherited(self) -> None:
        """Raise `UsageError` in a forked child: the parent has the sockets, and the thread."""
        if self._pid != os.getpid():
            raise UsageError(
                f"producer {self.node_id[:8]} and its futures belong to process {self._pid}; "
                "a forked child submits through a producer of its own"
            )

    def refuse_waiting(self) -> None:
        """Raise `UsageError` where waiting for a task would never end, or hold up other tasks."""
        self.refuse_if_inherited()
        refuse_waiting()

    def overdue(self, future: TaskFuture[Any], timeout: float) -> TimeoutError:
        """The exception of a wait that took `timeout` seconds."""
        node = self._started()
        why = node.explain(future.seq)
        if not future.running() and not node.could_run(future.seq):
            return NoWorker(future.id, f"not run within {_short(timeout)} s\n{why}")
        state = "running" if future.running() else "not running yet"
        return TimeoutError(f"task {future.id} is {state} after {_short(timeout)} s\n{why}")

    # --- inside

    def _started(self) -> Node:
        self.refuse_if_inherited()
        if self._node is None:
            raise UsageError(f"{self!r}: use it in a with statement, or call start()")
        return self._node

    def _not_started(self, spec: TaskSpec, args: bytes, owner: object) -> int:  # noqa: ARG002
        self._started()
        raise AssertionError("a started producer has a node to submit to")

    def _wait_for_tasks(self, node: Node, patient: bool) -> None:
        begun_at = worker_seen_at = time.monotonic()
        told = False
        while not node.drain(_LOOK_INTERVAL):
            now = time.monotonic()
            if node.workers_known():
                worker_seen_at = now
            elif now - worker_seen_at >= GIVE_UP_TIMEOUT and not patient:
                fate = "left to the journal" if node.has_journal else "given up"
                _log.warning(
                    "%s %s: no worker was there for %g s\n%s",
                    self._unsettled(node), fate, GIVE_UP_TIMEOUT, node.explain(None),
                )  # fmt: skip
                return
            if not told and now - begun_at >= _PATIENCE:
                told = True
                what = "leaves them to the journal" if node.has_journal else "abandons them"
                _log.warning("waiting for %s; Ctrl-C %s", self._unsettled(node), what)

    @staticmethod
    def _unsettled(node: Node) -> str:
        status = node.status()
        count = status.get("pending", 0)
        paused = ", ".join(map(repr, status.get("paused", ())))
        text = f"{count} unsettled task{'' if count == 1 else 's'}"
        return f"{text} (paused: {paused})" if paused else text


def _short(seconds: float) -> str:
    """To three digits behind the point, or three that count."""
    return f"{seconds:.3g}" if seconds < 1 else f"{seconds:.3f}".rstrip("0").rstrip(".")
