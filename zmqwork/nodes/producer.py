"""The producer node: a `Dispatcher` on a loop, fed by any thread."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Collection, Container, Sequence
from random import Random
from typing import Any

from zmqwork.config import ProducerConfig
from zmqwork.core.dispatcher import Dispatcher
from zmqwork.core.effects import Answer, Effect, Left, MarkRunning, Notice, Settle
from zmqwork.core.events import (
    CancelRequested,
    Claimed,
    ClaimRequested,
    EndRequested,
    Event,
    OutletsRequested,
    StatusRequested,
    StopRequested,
    Submitted,
)
from zmqwork.core.ledger import Entry, TaskSpec
from zmqwork.discovery.record import record_of
from zmqwork.discovery.sources import Discovery
from zmqwork.errors import ConfigError, PendingFull, UsageError
from zmqwork.nodes.callbacks import Callbacks
from zmqwork.nodes.notices import log_notice
from zmqwork.nodes.polling import poll_forever
from zmqwork.nodes.requests import Request, deliver
from zmqwork.nodes.why_not import why_not
from zmqwork.transport.loop import Loop
from zmqwork.transport.probe import raise_descriptor_limit

_log = logging.getLogger("zmqwork")

# The I/O thread ends within milliseconds of being told to; if not, an interpreter's end waits.
_JOIN_TIMEOUT = 10.0


class Producer:
    """A running producer. All methods may be called from any thread, except as noted.

    Args:
        config: who it is, and its limits.
        discovery: where it finds workers; the node closes it.
        settle: called on the I/O thread with each batch of settled entries.
        mark_running: the same with those whose handlers have begun.
        on_full: ``"block"`` or ``"raise"`` when `max_pending` is reached.
        callbacks: the thread for notices; the node does not close it.
    """

    def __init__(
        self,
        config: ProducerConfig,
        *,
        discovery: Discovery,
        settle: Callable[[list[Entry]], None],
        mark_running: Callable[[list[Entry]], None],
        on_full: str = "block",
        callbacks: Callbacks | None = None,
        random: Random | None = None,
    ) -> None:
        if on_full not in ("block", "raise"):
            raise ConfigError(f"on_full must be 'block' or 'raise', not {on_full!r}")
        raise_descriptor_limit()
        self._config = config
        # Unsettled tasks before `submit` waits. (The I/O thread may change it while it settles.)
        self.max_pending = config.max_pending
        self._discovery = discovery
        self._settle_futures = settle
        self._callbacks = callbacks or Callbacks()
        self._raises = on_full == "raise"
        self._notice_callbacks: list[Callable[[Notice], None]] = []
        self._entries: deque[Entry] = deque()  # bound: max_pending
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._seq = self._settled = self._waiting_for_room = 0
        self._submitted_bytes = self._settled_bytes = 0
        self._stopped = False
        self._drained: list[threading.Event] = []
        self._left = threading.Event()
        machine = Dispatcher(config, random or Random())  # noqa: S311
        self._machine = machine
        self._loop = Loop(
            machine,
            {
                Settle: self._settle,
                MarkRunning: lambda effect: mark_running(effect.entries),
                Answer: deliver,
                Notice: self._notice,
                Left: self._leave,
            },
            gone=discovery.proof_of_death,
            feed=self,
        )
        try:
            directory = discovery.directory
            wanted = [] if directory is None else [f"ipc://{directory.socket_path(config.node_id)}"]
            self._endpoints = tuple(self._loop.bind([*wanted, *discovery.default_bind]))
            if self._endpoints:
                record = record_of(config, "producer", self._endpoints)
                discovery.announce(record, self._loop.bind_again)
        except BaseException:
            self._loop.close()
            discovery.close()
            raise
        self._loop.start(
            f"zmqwork-producer-{config.node_id[:4]}",
            lambda: poll_forever(self._loop, discovery),
            self._finish,
        )

    def __repr__(self) -> str:
        return f"<Producer {self._config.node_id[:8]}: {self._seq - self._settled} unsettled>"

    @property
    def node_id(self) -> str:
        """32 hexadecimal digits; their first 8 begin the ids of its tasks."""
        return self._config.node_id

    @property
    def has_left(self) -> bool:
        """Whether it is gone: stopped, or its I/O thread failed."""
        return self._left.is_set()

    # -- tasks --------------------------------------------------------------------------------

    def submit(self, spec: TaskSpec, args: bytes, owner: object, sink_seq: int = 0) -> int:
        """Hand over a task; its number. `sink_seq`: its number at its inbox, if that is given.

        Raises:
            PendingFull: `max_pending` is reached and the producer was told not to wait.
            UsageError: it has stopped, or the arguments alone exceed `max_pending_bytes`.
        """
        config = self._config
        with self._lock:
            if (
                self._seq - self._settled >= self.max_pending
                or self._submitted_bytes - self._settled_bytes + len(args)
                > config.max_pending_bytes
                or self._stopped
            ):
                self._wait_for_room(len(args))
            self._seq = seq = self._seq + 1
            self._submitted_bytes += len(args)
            entry = Entry(seq, spec, args, owner)
            entry.sink_seq = sink_seq
            self._entries.append(entry)
        if self._loop._asleep:  # the node owns its loop; a method call less per task
            self._loop.wake()
        return seq

    def _wait_for_room(self, size_bytes: int) -> None:
        config = self._config
        if size_bytes > config.max_pending_bytes:
            raise UsageError(
                f"arguments of {size_bytes} bytes exceed max_pending_bytes "
                f"({config.max_pending_bytes}): put them into a file and pass its path"
            )

        def has_room() -> bool:
            pending_bytes = self._submitted_bytes - self._settled_bytes
            return self._stopped or (
                self._seq - self._settled < self.max_pending
                and pending_bytes + size_bytes <= config.max_pending_bytes
            )

        if not self._stopped and not has_room():
            if self._raises:
                raise PendingFull(
                    f"{self._seq - self._settled} tasks are unsettled (max_pending="
                    f"{self.max_pending}, max_pending_bytes={config.max_pending_bytes})"
                )
            if self._loop.on_loop_thread:
                raise PendingFull("the I/O thread cannot wait for room")
            self._waiting_for_room += 1
            try:
                while not self._room.wait_for(has_room, 0.5):
                    continue  # so that a signal that another thread got is handled
            finally:
                self._waiting_for_room -= 1
        if self._stopped:
            raise UsageError("this producer has stopped: it takes no more tasks")

    def wait_for_room(self) -> None:
        """Wait until fewer than `max_pending` tasks are unsettled. Raises as `submit` does."""
        if self._seq - self._settled >= self.max_pending or self._stopped:
            with self._lock:
                self._wait_for_room(0)

    def follow(self, spec: TaskSpec, args: bytes, owner: object, sink_seq: int = 0) -> None:
        """Hand over a task in the place of one that is being settled: there is room for it."""
        with self._lock:
            self._seq += 1
            self._submitted_bytes += len(args)
            entry = Entry(self._seq, spec, args, owner)
            entry.sink_seq = sink_seq
            self._entries.append(entry)

    def end(self, patience: float, also: Collection[str] = ()) -> list[dict[str, Any]]:
        """Tell the sinks that no more comes; what they have, as `events.EndRequested` says."""
        report: list[dict[str, Any]] = self._ask(lambda r: EndRequested(r, patience, also), [])
        return report

    def outlets(self) -> list[dict[str, Any]]:
        """The sinks that were met, as `events.OutletsRequested` says."""
        outlets: list[dict[str, Any]] = self._ask(OutletsRequested, [])
        return outlets

    def cancel(self, seq: int, *, running: bool = False, hard: bool = False) -> bool:
        """Cancel a task; False if it has begun and is not meant to, or is settled."""
        if self._left.is_set():
            return False
        if self._loop.on_loop_thread:
            # A finaliser of the user's that happens to run here: nobody could answer.
            self.abandon([seq])
            return False
        return bool(self._ask(lambda r: CancelRequested([seq], r, running, hard), []))

    def cancel_all(self) -> None:
        """Cancel every task that has not begun."""
        if not self._left.is_set():
            self._ask(lambda r: CancelRequested(None, r), None)

    def claim(
        self, seq: int, names: Container[str], queues: Collection[str], heir: object, *,
        from_worker: bool,
    ) -> Claimed | None:  # fmt: skip
        """Give a task that nobody has begun to the caller; see `events.ClaimRequested`."""
        claimed: Claimed | None = self._ask(
            lambda r: ClaimRequested(seq, names, queues, from_worker, heir, r), None
        )
        return claimed

    def abandon(self, seqs: Sequence[int]) -> None:
        """Cancel tasks that have not begun, without waiting for the answer."""
        self._loop.post(CancelRequested(list(seqs), None))

    def drain(self, timeout: float | None = None) -> bool:
        """Wait until every task submitted so far is settled; False if the time was over first."""
        drained = threading.Event()
        with self._lock:
            if self._seq == self._settled:
                return True
            self._drained.append(drained)
        try:
            return drained.wait(timeout)
        finally:
            with self._lock:
                if drained in self._drained:
                    self._drained.remove(drained)

    def stop(self) -> None:
        """Leave now: what is unsettled is cancelled. Waits for the I/O thread to end."""
        with self._lock:
            self._stopped = True
            self._room.notify_all()
        self._loop.post(StopRequested())
        if not self._loop.on_loop_thread and not self._loop.join(_JOIN_TIMEOUT):
            _log.error("%r did not end within %g s", self, _JOIN_TIMEOUT)

    # -- what people ask ----------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """What the node says of itself; plain values."""
        status: dict[str, Any] = self._ask(StatusRequested, {})
        if status:
            status["sources"] = self._discovery.describe()
            status["pending"] = self._seq - self._settled
        return status

    def explain(self, seq: int | None = None) -> str:
        """Why a task, or anything at all, does not run: what was looked for where, what to try."""
        about = None
        if seq is not None:
            stopped = {"text": "its producer has stopped"}
            about = self._ask(lambda r: StatusRequested(r, seq), stopped)
        return why_not(self._config, self.status(), seq, about)

    def could_run(self, seq: int) -> bool:
        """Whether some connected worker could run this unsettled task."""
        about = self._ask(lambda r: StatusRequested(r, seq), {"no_worker": False})
        return not about["no_worker"]

    def workers_known(self) -> int:
        """How many workers are connected."""
        return len(self.status().get("workers", ()))

    def on_notice(self, callback: Callable[[Notice], None]) -> None:
        """Call `callback` in the callback thread with what a person should know."""
        self._notice_callbacks.append(callback)

    def _ask(self, question: Callable[[Request], Event], default: Any) -> Any:
        """The machine's answer; the default if it has left, or this is its own thread."""
        request = Request()
        self._loop.post(question(request))
        while not self._loop.on_loop_thread:
            try:
                return request.wait(0.2)
            except UsageError:
                if self._left.is_set():
                    return default
        return default

    # -- the loop's thread --------------------------------------------------------------------

    def __bool__(self) -> bool:
        """As a feed: whether tasks were handed over."""
        return bool(self._entries)

    def take(self) -> list[Event]:
        """As a feed: the tasks handed over."""
        # All of it: a request in the inbox may be about the last one.
        entries = self._entries
        count = len(entries)
        pop = entries.popleft
        return [Submitted([pop() for _ in range(count)])] if count else []

    def _settle(self, effect: Settle) -> None:
        entries = effect.entries
        size_bytes = sum([entry.size_bytes for entry in entries])
        self._settle_futures(entries)
        with self._lock:
            self._settled += len(entries)
            self._settled_bytes += size_bytes
            if self._waiting_for_room:
                self._room.notify_all()
            if self._drained and self._seq == self._settled:
                for drained in self._drained:
                    drained.set()
                self._drained.clear()

    def _notice(self, notice: Notice) -> None:
        log_notice(notice)
        for callback in self._notice_callbacks:
            self._callbacks.run(callback, notice)

    def _leave(self, effect: Left) -> None:
        del effect
        # What was handed over in the last moment is taken in, and abandoned.
        if not self._entries:
            self._loop.stop()
            return
        now = self._loop.clock()
        for event in self.take():
            self._loop._do(self._machine.handle(event, now))
        self._loop._do(self._machine.tick(now))
        self._leave(Left())

    def _finish(self) -> None:
        try:
            if self._loop.failed:
                self._abandon_all()
        finally:
            self._discovery.close()
            self._left.set()

    def _abandon_all(self) -> None:
        """The I/O thread is about to end by an error: nobody shall wait for it for ever."""
        with self._lock:
            self._stopped = True
            self._room.notify_all()
        # First what was decided, in case that the machine fails again.
        self._settle_all(self._loop.undone())
        now = self._loop.clock()
        effects = self._machine.handle(StopRequested(), now)
        for event in [*self._loop.untaken(), *self.take()]:
            if isinstance(event, Submitted):
                effects += self._machine.handle(event, now)
        effects += self._machine.tick(now)
        self._settle_all(effects)

    def _settle_all(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Settle):
                self._settle(effect)
