"""What a producer was given and has not settled: how much it may be, and who waits for less."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from zmqwork.config import ProducerConfig
from zmqwork.core.events import Event, Submitted
from zmqwork.core.ledger import Entry, TaskSpec
from zmqwork.core.records import Recorded
from zmqwork.errors import ConfigError, JournalBroken, JournalFull, PendingFull, UsageError
from zmqwork.transport.loop import Loop

if TYPE_CHECKING:
    import asyncio


class Pending:
    """The tasks of a producer node, counted. From any thread, except as noted.

    It is the loop's feed: what is handed over waits here until the machine takes it.

    Args:
        config: its limits.
        on_full: ``"block"`` or ``"raise"`` when they are reached.
        newest: the greatest number that was given before.
        left: tasks of an earlier process, which count.

    Attributes:
        max_count: unsettled tasks before `submit` waits. (The I/O thread may change it while it
            settles.)
        raises: whether `submit` raises instead of waiting.
        loop: set by the node; woken when there is something to take.
    """

    loop: Loop

    def __init__(
        self, config: ProducerConfig, on_full: str, newest: int = 0, left: Sequence[Recorded] = ()
    ) -> None:
        if on_full not in ("block", "raise"):
            raise ConfigError(f"on_full must be 'block' or 'raise', not {on_full!r}")
        self._config = config
        self.max_count = config.max_pending
        self.raises = on_full == "raise"
        self._entries: deque[Entry] = deque()  # bound: max_count
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._written = threading.Condition(self._lock)
        self._seq = self._confirmed = newest
        self._settled = newest - len(left)
        self._waiting_for_room = 0
        self._submitted_bytes = sum(len(task.args) for task in left)
        self._settled_bytes = 0
        self._stopped = False
        self._left = False
        self._drained: list[threading.Event] = []
        # Bound: the coroutines that wait in `room`.
        self._awaiters: dict[asyncio.Future[None], None] = {}
        # The newest number that the journal refused, and that of which `flush` has told.
        self._refused = self._told = 0

    @property
    def stopped(self) -> bool:
        """Whether it takes nothing more."""
        return self._stopped

    @property
    def count(self) -> int:
        """How many tasks are unsettled."""
        return self._seq - self._settled

    # -- what is handed over ------------------------------------------------------------------

    def submit(
        self, spec: TaskSpec, args: bytes, owner: object, sink_seq: int = 0, *, wait: bool = True
    ) -> int:
        """Hand over a task; its number. `sink_seq`: its number at its inbox, if that is given.

        Raises:
            PendingFull: `max_pending` is reached, and the producer was told not to wait, or this
                call is (`wait`).
            UsageError: it has stopped, or the arguments alone exceed `max_pending_bytes`.
        """
        with self._lock:
            if (
                self._seq - self._settled >= self.max_count
                or self._submitted_bytes - self._settled_bytes + len(args)
                > self._config.max_pending_bytes
                or self._stopped
            ):
                self._wait_for_room(len(args), wait=wait)
            self._seq = seq = self._seq + 1
            self._submitted_bytes += len(args)
            entry = Entry(seq, spec, args, owner)
            entry.sink_seq = sink_seq
            self._entries.append(entry)
        if self.loop._asleep:  # the node owns its loop; a method call less per task
            self.loop.wake()
        return seq

    def check_group(self, count: int, size_bytes: int) -> None:
        """Raise `UsageError` if there can never be room for so many tasks at once."""
        config = self._config
        if count > config.max_pending or size_bytes > config.max_pending_bytes:
            raise UsageError(
                f"a group of {count} tasks with {size_bytes} bytes exceeds what may be unsettled "
                f"(max_pending={config.max_pending}, max_pending_bytes="
                f"{config.max_pending_bytes}): make it smaller, or these larger"
            )

    def submit_group(
        self,
        tasks: Sequence[tuple[TaskSpec, bytes, object]],
        number: Callable[[object, int], None],
    ) -> None:
        """Hand over tasks at once: specs, arguments and owners, which `number` tells their number.

        Raises as `submit`; then nothing is handed over.
        """
        size_bytes = sum(len(args) for _, args, _ in tasks)
        entries = []
        with self._lock:
            self._wait_for_room(size_bytes, len(tasks))
            for seq, (spec, args, owner) in enumerate(tasks, self._seq + 1):
                number(owner, seq)
                entries.append(Entry(seq, spec, args, owner))
            self._seq += len(entries)
            self._submitted_bytes += size_bytes
            self._entries.extend(entries)  # in one step: they are taken together
        self.loop.wake()

    def _wait_for_room(self, size_bytes: int, count: int = 1, *, wait: bool = True) -> None:
        config = self._config
        if size_bytes > config.max_pending_bytes:
            raise UsageError(
                f"arguments of {size_bytes} bytes exceed max_pending_bytes "
                f"({config.max_pending_bytes}): put them into a file and pass its path"
            )

        def has_room() -> bool:
            return self._stopped or self._has_room(size_bytes, count)

        if not has_room():
            if self.raises or not wait:
                raise PendingFull(
                    f"{self.count} tasks are unsettled (max_pending={self.max_count}, "
                    f"max_pending_bytes={config.max_pending_bytes})"
                )
            if self.loop.on_loop_thread:
                raise PendingFull("the I/O thread cannot wait for room")
            self._waiting_for_room += 1
            try:
                while not self._room.wait_for(has_room, 0.5):
                    continue  # so that a signal that another thread got is handled
            finally:
                self._waiting_for_room -= 1
        if self._stopped:
            raise UsageError("this producer has stopped: it takes no more tasks")

    def _has_room(self, size_bytes: int, count: int = 1) -> bool:
        return (
            self._seq - self._settled + count <= max(self.max_count, count)
            and self._submitted_bytes - self._settled_bytes + size_bytes
            <= self._config.max_pending_bytes
        )

    async def room(self, size_bytes: int) -> None:
        """Wait, in the running event loop, until there may be room for so many bytes."""
        import asyncio  # noqa: PLC0415 - programs without a loop never need it

        awaiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._lock:
            if self._stopped or self._has_room(size_bytes):
                return
            self._awaiters[awaiter] = None
        try:
            await awaiter
        except BaseException:
            with self._lock:
                if self._awaiters.pop(awaiter, awaiter) is awaiter:
                    self._wake_awaiters(1)  # it was woken, and does not take the room
            raise

    def _wake_awaiters(self, count: int) -> None:
        """There is room for so many; each looks for itself, and waits again if not."""
        while self._awaiters and count > 0:
            awaiter = next(iter(self._awaiters))
            del self._awaiters[awaiter]
            with contextlib.suppress(RuntimeError):  # its loop is closed
                awaiter.get_loop().call_soon_threadsafe(_let_go, awaiter)
                count -= 1

    def wait_for_room(self) -> None:
        """Wait until fewer than `max_count` tasks are unsettled. Raises as `submit` does."""
        if self._seq - self._settled >= self.max_count or self._stopped:
            with self._lock:
                self._wait_for_room(0)

    def follow(self, spec: TaskSpec, args: bytes, owner: object, sink_seq: int = 0) -> int:
        """Hand over a task in the place of one that is being settled; there is room for it.

        Returns its number. On the I/O thread.
        """
        return self.follow_for(spec, args, lambda _: owner, sink_seq)

    def follow_for(
        self, spec: TaskSpec, args: bytes, make_owner: Callable[[int], object], sink_seq: int = 0
    ) -> int:
        """As `follow`; the owner is made of the number."""
        with self._lock:
            self._seq = seq = self._seq + 1
            self._submitted_bytes += len(args)
            entry = Entry(seq, spec, args, make_owner(seq))
            entry.sink_seq = sink_seq
            self._entries.append(entry)
        return seq

    # -- who waits ----------------------------------------------------------------------------

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

    def is_confirmed(self, seq: int) -> bool:
        """Whether this task is in the journal, or was until it was settled."""
        return seq <= self._confirmed

    def wait_written(self, seq: int, timeout: float | None) -> bool:
        """Wait until this task is in the journal, or was refused by it; False: the time is over.

        Raises:
            JournalBroken: the producer has left before.
        """
        with self._lock:
            done = self._written.wait_for(
                lambda: self._left or max(self._confirmed, self._refused) >= seq, timeout
            )
            if done and max(self._confirmed, self._refused) < seq:
                raise JournalBroken("the producer has left, and not all of its tasks are recorded")
            return done

    def flush(self, timeout: float | None) -> bool:
        """As `wait_written`, for all tasks so far.

        Raises:
            JournalFull: the journal had no room for some of them, since this was called last.
        """
        done = self.wait_written(self._seq, timeout)
        with self._lock:
            told, self._told = self._told, self._refused
        if told < self._refused:
            raise JournalFull("the journal had no room for some tasks: their futures say so")
        return done

    # -- the node -----------------------------------------------------------------------------

    def stop(self) -> None:
        """Take nothing more."""
        with self._lock:
            self._stopped = True
            self._room.notify_all()
            self._wake_awaiters(len(self._awaiters))

    def leave(self) -> None:
        """Nothing is recorded any more."""
        with self._lock:
            self._left = True
            self._written.notify_all()

    def confirm(self, seq: int) -> None:
        """All up to this one are in the journal, save those that it refused."""
        with self._lock:
            self._confirmed = seq
            self._written.notify_all()

    def settle(self, entries: Sequence[Entry]) -> None:
        """These do not count any more."""
        size_bytes = sum([entry.size_bytes for entry in entries])
        with self._lock:
            self._settled += len(entries)
            self._settled_bytes += size_bytes
            if self._waiting_for_room:
                self._room.notify_all()
            if self._awaiters:
                self._wake_awaiters(self.max_count - self.count)
            if self._drained and self._seq == self._settled:
                for drained in self._drained:
                    drained.set()
                self._drained.clear()

    def reopen(self, entries: Sequence[Entry]) -> None:
        """These, which were settled, count again; there may be more than `max_count` then."""
        with self._lock:
            self._settled -= len(entries)
            self._settled_bytes -= sum(entry.size_bytes for entry in entries)

    def refuse(self, seq: int) -> None:
        """The journal had no room for this one."""
        with self._lock:
            self._refused = seq
            self._written.notify_all()

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


def _let_go(awaiter: asyncio.Future[None]) -> None:
    if not awaiter.done():
        awaiter.set_result(None)
