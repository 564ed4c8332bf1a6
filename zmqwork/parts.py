"""What a generator task yields, on its way to whoever reads it: `StreamFuture` and `Parts`."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from zmqwork.core.ledger import Entry
from zmqwork.core.progress import ALL_PARTS, PARTS_BYTES_MAX, PARTS_MAX
from zmqwork.errors import UsageError
from zmqwork.future import TaskFuture
from zmqwork.inside import refuse_inside_task
from zmqwork.settling import wake_loops
from zmqwork.wire.values import decode_value

if TYPE_CHECKING:
    import asyncio

    from zmqwork.producer import Producer

Y = TypeVar("Y")
R = TypeVar("R")

# Parts are acked, so that the generator goes on, when so many were read, or there are no more here.
_ACK_COUNT = PARTS_MAX // 4
_ACK_BYTES = PARTS_BYTES_MAX // 4

# Nobody has asked for the parts yet; somebody reads them; nobody ever will.
_UNREAD, _READ, _UNWANTED = "unread", "read", "unwanted"


class Inflow:
    """The parts of one task that are here and were not read.

    Bound: the worker lets the generator wait when PARTS_MAX, or PARTS_BYTES_MAX, were not read.
    """

    __slots__ = ("_acked", "_future", "_source", "_unacked_bytes", "awaiters", "state",
                 "taken", "total", "values")  # fmt: skip

    def __init__(self, future: StreamFuture[Any, Any]) -> None:
        self._future = future
        self.state = _UNREAD
        self.values: deque[bytes] = deque()
        self.awaiters: list[asyncio.Future[None]] = []
        self.total = self.taken = 0
        # The entry that they come from, and how many there were before it: a fallback is another.
        # (One tuple: another thread reads it.)
        self._source = (0, 0)
        self._acked = 0
        self._unacked_bytes = 0

    def add(self, entry: Entry, values: Sequence[bytes]) -> None:
        """These have come, behind the others. For the I/O thread."""
        if entry.seq != self._source[0]:
            self._source = entry.seq, self.total
        if self.state == _UNWANTED:
            self._ack(2 * ALL_PARTS)
            return
        self.values.extend(values)
        self.total += len(values)
        watched = self._future._watch
        if watched is not None:  # (else nobody waits: who does attaches it, and looks again)
            with watched.lock:
                watched.condition.notify_all()
                awaiters, self.awaiters = self.awaiters, []
            wake_loops(awaiters)

    def take(self) -> bytes:
        """The next part. IndexError: none is here."""
        value = self.values.popleft()
        self.taken += 1
        self._unacked_bytes += len(value)
        unacked = self.taken - self._acked
        if not self.values or unacked >= _ACK_COUNT or self._unacked_bytes >= _ACK_BYTES:
            self._acked, self._unacked_bytes = self.taken, 0
            self._ack(self.taken)
        return value

    def give_up(self) -> None:
        """Nobody reads what comes, nor what is here."""
        self.state = _UNWANTED
        self.values.clear()
        self._ack(2 * ALL_PARTS)

    def _ack(self, count: int) -> None:
        entry, base = self._source
        if count > base and not self._future.done():
            seq = entry or self._future.seq
            self._future._producer.take_parts(seq, min(ALL_PARTS, count - base))


class Parts(Generic[Y]):
    """The parts of one task, in order: ``for part in parts``, or ``async for part in parts``.

    It ends when the task has succeeded, and raises what `TaskFuture.result` would if it has not,
    behind the parts that there were. The generator waits while 64 parts, or 1 MiB of them, were
    not read. Whoever stops in between closes it, or lets go of it: then the rest is dropped.

    Args:
        future: the task's.
        timeout: seconds to wait for each part; None: as long as it takes.
    """

    __slots__ = ("_future", "_inflow", "_timeout")

    def __init__(self, future: StreamFuture[Y, Any], inflow: Inflow, timeout: float | None) -> None:
        self._future = future
        self._inflow = inflow
        self._timeout = timeout

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Y:
        """The next part, decoded.

        Raises:
            NoWorker: none came within `timeout` seconds, and no worker that could run the task is
                known (a `TimeoutError`).
            TimeoutError: none came within `timeout` seconds.
            DecodeError: it needs a codec that is not registered here.
            TaskError: how the task ended, if it did not succeed.
        """
        future, inflow = self._future, self._inflow
        if not inflow.values and not future.done():
            refuse_inside_task("reading a stream")
            future._refuse_unsubmitted()
            timeout = None if self._timeout is None else min(self._timeout, threading.TIMEOUT_MAX)
            watched = future._watched
            with watched.lock:
                is_ready = watched.condition.wait_for(self._is_ready, timeout)
            if not is_ready:
                raise future._producer.overdue(future, cast("float", timeout))
        if not inflow.values:
            self._end()
            raise StopIteration
        return cast("Y", decode_value(inflow.take()))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Y:
        """As `__next__`, while the event loop goes on; for time-outs use asyncio's."""
        refuse_inside_task("reading a stream")
        self._future._refuse_unsubmitted()
        while not self._is_ready():
            await self._arrival()
        if not self._inflow.values:
            self._end()
            raise StopAsyncIteration
        return cast("Y", decode_value(self._inflow.take()))

    def close(self) -> None:
        """Drop what was not read, and what comes; the generator does not wait for it any more."""
        if self._inflow.state == _READ:
            self._inflow.give_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def _is_ready(self) -> bool:
        return bool(self._inflow.values) or self._future.done()

    def _end(self) -> None:
        """It is settled, and all was read: raise what there is to raise."""
        self._future.result()

    async def _arrival(self) -> None:
        import asyncio  # noqa: PLC0415 - loaded by whoever awaits

        awaiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        watched = self._future._watched
        with watched.lock:
            if self._is_ready():
                return
            self._inflow.awaiters.append(awaiter)
            watched.awaiters.append(awaiter)  # who is woken when the task is settled
        try:
            await awaiter
        finally:
            with watched.lock:
                for awaiters in (self._inflow.awaiters, watched.awaiters):
                    if awaiter in awaiters:
                        awaiters.remove(awaiter)


class StreamFuture(TaskFuture[R], Generic[Y, R]):
    """The future of a task that is a generator: `stream` gives what it yields.

    Its result is what the generator returns. Who waits for that, and has not called `stream`
    before, wants no parts: they are dropped. (A done-callback, as of `asyncio.wrap_future`, is none
    who waits: close the stream then, ``future.stream().close()``.)
    """

    __slots__ = ("_inflow",)

    def __init__(self, producer: Producer) -> None:
        super().__init__(producer)
        self._inflow = Inflow(self)
        producer.streams.add(self)

    def stream(self, timeout: float | None = None) -> Parts[Y]:
        """What the task yields, part by part; once.

        Args:
            timeout: seconds to wait for each part; None: as long as it takes.

        Raises:
            UsageError: somebody reads them already, or somebody has waited for the result: then
                they were dropped.
        """
        inflow = self._inflow
        if inflow.state != _UNREAD:
            raise UsageError(
                f"the parts of task {self.id} can be read once, and "
                + (
                    "are"
                    if inflow.state == _READ
                    else "were dropped: call stream() before result()"
                )
            )
        inflow.state = _READ
        return Parts(self, inflow, timeout)

    def add_parts(self, entry: Entry, values: Sequence[bytes]) -> None:
        """Parts have come. For the I/O thread."""
        self._inflow.add(entry, values)

    def leave_unread(self) -> None:
        """Nobody will read what nobody has begun to read: its producer leaves."""
        self._want_no_parts()

    def _wait_or_raise(self, timeout: float | None) -> None:
        if timeout is None or timeout > 0:
            self._want_no_parts()
        super()._wait_or_raise(timeout)

    def _arrival(self) -> Generator[Any, None, None]:
        self._want_no_parts()
        return super()._arrival()

    if not TYPE_CHECKING:

        @property
        def _waiters(self) -> list[Any]:
            self._want_no_parts()
            return super()._waiters

    def _want_no_parts(self) -> None:
        if self._inflow.state == _UNREAD and self.seq:
            self._inflow.give_up()
