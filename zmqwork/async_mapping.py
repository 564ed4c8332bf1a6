"""`Task.amap`: as `mapping`, for a caller who must not block his event loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from zmqwork.flight import Flight
from zmqwork.stream import Stream, pull
from zmqwork.window import MapOptions

if TYPE_CHECKING:
    from zmqwork.task import Task


class _Bell:
    """Sets an event of the loop from any thread; once per turn of the loop, however often rung."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._rung = False

    def ring(self) -> None:
        """Something has settled."""
        if self._rung:
            return
        self._rung = True
        try:
            self._loop.call_soon_threadsafe(self._wake)
        except RuntimeError:
            # The loop is closed, and the map with it: nobody waits.
            return

    def _wake(self) -> None:
        self._rung = False
        self.event.set()


class _Synchronous:
    """Input from an ordinary iterator, pulled by the event loop's thread between results."""

    def __init__(self, source: Iterator[Any]) -> None:
        self._source = source

    async def feed(self, stream: Stream) -> bool:
        """Pull what the stream wants; False: it wants nothing now."""
        count = stream.next_pull()
        if not count:
            return False
        begun_at = time.perf_counter()
        items, error = pull(self._source, count)
        stream.feed(items, time.perf_counter() - begun_at, error)
        # Filling a window takes a while; others use this loop, too.
        await asyncio.sleep(0)
        return True

    def close(self) -> None:
        """Nothing runs."""


class _Asynchronous:
    """Input from an asynchronous iterable, pulled by a task of its own while results go out."""

    def __init__(self, source: AsyncIterable[Any], arrived: asyncio.Event, *, whole: bool) -> None:
        self._source = aiter(source)
        self._arrived = arrived
        # Wait for as many items as were asked for; else what is there goes on its way at once.
        self._whole = whole
        self._asked = asyncio.Event()
        self._quota = 0
        # Bounded by the quota: what the stream asked for.
        self._items: list[Any] = []
        self._ended = False
        self._error: Exception | None = None
        self._fatal: BaseException | None = None
        self._puller = asyncio.create_task(self._pull())

    async def _pull(self) -> None:
        try:
            while True:
                while len(self._items) >= self._quota:
                    self._asked.clear()
                    await self._asked.wait()
                # (Not in one line: the list is another one after the wait.)
                item = await anext(self._source)
                self._items.append(item)
                self._arrived.set()
        except StopAsyncIteration:
            pass
        except Exception as error:  # noqa: BLE001 - raised behind the results, by `Stream.end`
            self._error = error
        except BaseException as error:  # noqa: BLE001 - and this one where they are asked for
            self._fatal = error
        finally:
            self._ended = True
            self._arrived.set()

    async def feed(self, stream: Stream) -> bool:
        """Submit what has arrived, and let more arrive; False: nothing did."""
        if self._items and not (self._whole and len(self._items) < self._quota and not self._ended):
            items, self._items = self._items, []
            self._quota = 0
            stream.feed(items, 0.0)
            return True
        if self._fatal is not None:
            raise self._fatal
        if not self._quota:
            self._quota = stream.next_pull()
            self._asked.set()
        if self._quota and self._ended:
            stream.feed([], 0.0, self._error)
            self._quota = 0
            return True
        return False

    def close(self) -> None:
        """Stop pulling."""
        self._puller.cancel()


async def hand_out_async(
    task: Task[..., Any],
    options: MapOptions,
    source: Iterator[Any] | AsyncIterable[Any],
    *,
    return_exceptions: bool,
) -> AsyncIterator[Any]:
    """Pull from `source`, run the task, yield the results."""
    bell = _Bell()
    stream = Stream(task, options, bell.ring)
    inflow = (
        _Synchronous(source)
        if isinstance(source, Iterator)
        else _Asynchronous(source, bell.event, whole=options.chunk is not None)
    )
    try:
        while True:
            bell.event.clear()
            if await inflow.feed(stream):
                continue
            if not stream.ready():
                if stream.finished:
                    stream.end()
                    return
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(bell.event.wait(), stream.patience())
                continue
            batch = stream.take()
            for index, value in enumerate(batch.values):
                trouble = batch.troubles.get(index)
                outcome = value
                if isinstance(trouble, Flight):
                    outcome, trouble = await _retried(stream, trouble, bell)
                if trouble is None:
                    yield outcome
                elif return_exceptions:
                    yield trouble
                else:
                    raise trouble
            stream.release(len(batch.values))
    finally:
        inflow.close()
        stream.close()


async def _retried(stream: Stream, flight: Flight, bell: _Bell) -> tuple[Any, Exception | None]:
    assert flight.future is not None
    while not flight.future.done():
        bell.event.clear()
        if not flight.future.done():
            await bell.event.wait()
    batch = stream.open(flight)
    trouble = batch.troubles.get(0)
    assert not isinstance(trouble, Flight)
    return batch.values[0], trouble
