"""`Task.map` and its kin: lazy at both ends, within a window, in chunks."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    Literal,
    ParamSpec,
    TypeVar,
    cast,
    overload,
)

from zmqwork.errors import ConfigError
from zmqwork.flight import Flight
from zmqwork.stream import Stream, pull
from zmqwork.window import MapOptions

if TYPE_CHECKING:
    from zmqwork.task import Task

P = ParamSpec("P")
Q = ParamSpec("Q")
A = TypeVar("A")
R = TypeVar("R")

Order = Literal["submitted", "completed"]
_ORDERS = ("submitted", "completed")


class Mappable(Generic[P, R]):
    """The part of a `Task` that runs it over many items.

    All four methods share these arguments:

    ``window``: items pulled from the input whose results were not handed out yet, at most. Without
    it: as many as keep the workers busy, within 64 MiB. ``order``: ``"submitted"`` (the input's)
    or ``"completed"``. ``chunk``: items per task on the wire; without it as many as make 5 ms of
    work, by measurement; 1 makes each item a task of its own. ``return_exceptions``: hand out the
    exception of an item that failed in its place; else it is raised there, which ends the map.

    Nothing is pulled before the first result is asked for. Closing the iterator early, or an
    exception, cancels what was not begun. The input is pulled in the thread (the event loop) that
    asks for results; an item that fails is retried by itself, with the task's `max_retries`. What
    the input raises ends it, and is raised behind the results of the items before.
    """

    @overload
    def map(
        self: Mappable[Concatenate[A, Q], R], iterable: Iterable[A], /, *,
        window: int | None = None, order: Order = "submitted", chunk: int | None = None,
        return_exceptions: Literal[False] = False,
    ) -> Iterator[R]: ...  # fmt: skip

    @overload
    def map(
        self: Mappable[Concatenate[A, Q], R], iterable: Iterable[A], /, *,
        window: int | None = None, order: Order = "submitted", chunk: int | None = None,
        return_exceptions: bool,
    ) -> Iterator[R | Exception]: ...  # fmt: skip

    def map(
        self, iterable: Iterable[Any], /, *, window: int | None = None,
        order: Order = "submitted", chunk: int | None = None, return_exceptions: bool = False,
    ) -> Iterator[Any]:  # fmt: skip
        """Run the task for each item, as its only argument; iterate over the results.

        Raises:
            ConfigError: an option has a value that it cannot have.
            TypeError: the function cannot be called with one argument.
            UsageError: the results go to a sink.
        """
        options = self._map_options(window, order, chunk, star=False)
        return hand_out(self._task, options, iter(iterable), return_exceptions=return_exceptions)

    @overload
    def starmap(
        self, iterable: Iterable[Iterable[Any]], /, *,
        window: int | None = None, order: Order = "submitted", chunk: int | None = None,
        return_exceptions: Literal[False] = False,
    ) -> Iterator[R]: ...  # fmt: skip

    @overload
    def starmap(
        self, iterable: Iterable[Iterable[Any]], /, *,
        window: int | None = None, order: Order = "submitted", chunk: int | None = None,
        return_exceptions: bool,
    ) -> Iterator[R | Exception]: ...  # fmt: skip

    def starmap(
        self, iterable: Iterable[Iterable[Any]], /, *, window: int | None = None,
        order: Order = "submitted", chunk: int | None = None, return_exceptions: bool = False,
    ) -> Iterator[Any]:  # fmt: skip
        """Like `map` for items that are the arguments of a call: ``f.starmap(zip(paths, sizes))``.

        An item that the function cannot be called with fails with TypeError at its place.
        """
        options = self._map_options(window, order, chunk, star=True)
        return hand_out(self._task, options, iter(iterable), return_exceptions=return_exceptions)

    @overload
    def amap(
        self: Mappable[Concatenate[A, Q], R], iterable: Iterable[A] | AsyncIterable[A], /, *,
        window: int | None = None, order: Order = "submitted", chunk: int | None = None,
        return_exceptions: Literal[False] = False,
    ) -> AsyncIterator[R]: ...  # fmt: skip

    @overload
    def amap(
        self: Mappable[Concatenate[A, Q], R], iterable: Iterable[A] | AsyncIterable[A], /, *,
        window: int | None = None, order: Order = "submitted", chunk: int | None = None,
        return_exceptions: bool,
    ) -> AsyncIterator[R | Exception]: ...  # fmt: skip

    def amap(
        self, iterable: Iterable[Any] | AsyncIterable[Any], /, *, window: int | None = None,
        order: Order = "submitted", chunk: int | None = None, return_exceptions: bool = False,
    ) -> AsyncIterator[Any]:  # fmt: skip
        """Like `map`, for ``async for``; the input may be asynchronous, too."""
        options = self._map_options(window, order, chunk, star=False)
        return self._hand_out_async(iterable, options, return_exceptions=return_exceptions)

    @overload
    def astarmap(
        self, iterable: Iterable[Iterable[Any]] | AsyncIterable[Iterable[Any]], /, *,
        window: int | None = None, order: Order = "submitted", chunk: int | None = None,
        return_exceptions: Literal[False] = False,
    ) -> AsyncIterator[R]: ...  # fmt: skip

    @overload
    def astarmap(
        self, iterable: Iterable[Iterable[Any]] | AsyncIterable[Iterable[Any]], /, *,
        window: int | None = None, order: Order = "submitted", chunk: int | None = None,
        return_exceptions: bool,
    ) -> AsyncIterator[R | Exception]: ...  # fmt: skip

    def astarmap(
        self, iterable: Iterable[Iterable[Any]] | AsyncIterable[Iterable[Any]], /, *,
        window: int | None = None, order: Order = "submitted", chunk: int | None = None,
        return_exceptions: bool = False,
    ) -> AsyncIterator[Any]:  # fmt: skip
        """Like `starmap`, for ``async for``; the input may be asynchronous, too."""
        options = self._map_options(window, order, chunk, star=True)
        return self._hand_out_async(iterable, options, return_exceptions=return_exceptions)

    @property
    def _task(self) -> Task[P, R]:
        return cast("Task[P, R]", self)

    def _map_options(
        self, window: int | None, order: str, chunk: int | None, *, star: bool
    ) -> MapOptions:
        if order not in _ORDERS:
            raise ConfigError(f"order must be 'submitted' or 'completed', not {order!r}")
        self._task.options.need_results(f"task {self._task.name!r} cannot be mapped")
        if not star:
            check: Any = self._task.check_call
            check(None)
        completed = order == "completed"
        return MapOptions(star=star, window=window, completed=completed, chunk=chunk)

    def _hand_out_async(
        self, iterable: Iterable[Any] | AsyncIterable[Any], options: MapOptions, *,
        return_exceptions: bool,
    ) -> AsyncIterator[Any]:  # fmt: skip
        # Imports asyncio, which takes 40 ms that other programs need not spend.
        from zmqwork.async_mapping import hand_out_async  # noqa: PLC0415

        if not isinstance(iterable, AsyncIterable):
            iterable = iter(iterable)
        return hand_out_async(self._task, options, iterable, return_exceptions=return_exceptions)


def hand_out(
    task: Task[..., Any], options: MapOptions, source: Iterator[Any], *, return_exceptions: bool
) -> Iterator[Any]:
    """Pull from `source`, run the task, yield the results. The thread that iterates waits."""
    event = threading.Event()
    stream = Stream(task, options, event.set if options.completed else None)
    try:
        while True:
            if count := stream.next_pull():
                begun_at = time.perf_counter()
                items, error = pull(source, count)
                stream.feed(items, time.perf_counter() - begun_at, error)
                continue
            if stream.finished:
                stream.end()
                return
            if not _wait(stream, event):
                continue
            batch = stream.take()
            if not batch.troubles:
                yield from batch.values
            else:
                for index, value in enumerate(batch.values):
                    trouble = batch.troubles.get(index)
                    outcome = value
                    if isinstance(trouble, Flight):
                        outcome, trouble = _retried(stream, trouble)
                    if trouble is None:
                        yield outcome
                    elif return_exceptions:
                        yield trouble
                    else:
                        raise trouble
            stream.release(len(batch.values))
    finally:
        stream.close()


def _wait(stream: Stream, event: threading.Event) -> bool:
    """Wait until something can be taken; False: it is time to look for more input."""
    patience = stream.patience()
    while not stream.ready():
        if (head := stream.head) is not None:
            settled = head._wait_or_help(patience)
        else:
            event.clear()
            settled = stream.ready() or event.wait(patience)
        if not settled:
            return False
    return True


def _retried(stream: Stream, flight: Flight) -> tuple[Any, Exception | None]:
    assert flight.future is not None
    flight.future._wait_or_help(None)
    batch = stream.open(flight)
    trouble = batch.troubles.get(0)
    assert not isinstance(trouble, Flight)
    return batch.values[0], trouble
