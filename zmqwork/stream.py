"""`Stream`: items in, outcomes out; what of one `map` is under way. Waiting is its caller's."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from zmqwork.chunks import chunk_name, open_chunk
from zmqwork.core.ledger import TaskSpec
from zmqwork.core.lifecycle import EXPIRED, FAILED
from zmqwork.core.retry import another_attempt
from zmqwork.errors import (
    DecodeError,
    EncodeError,
    PendingFull,
    TaskError,
    TaskExpired,
    TaskFailed,
    TaskLost,
    TaskTimeout,
)
from zmqwork.failure import error_of
from zmqwork.flight import Batch, Finished, Flight
from zmqwork.future import TaskFuture
from zmqwork.inside import refuse_inside_task
from zmqwork.instants import has_instants
from zmqwork.window import MapOptions, Window

if TYPE_CHECKING:
    from zmqwork.task import Task


class Stream:
    """What of one map is under way.

    Args:
        task: what to run.
        options: how.
        wake: called, from any thread, when something has settled; None: `head` is waited for.
    """

    def __init__(
        self, task: Task[..., Any], options: MapOptions, wake: Callable[[], None] | None = None
    ) -> None:
        self._task = task
        self._options = options
        self._producer = task.producers.current or task.producers.implicit()
        self._producer.refuse_waiting()
        if options.completed or wake is not None:
            refuse_inside_task("a map in the order of completion, or an amap,")
        self._chunk_spec = self._as_chunk()
        self._finished = Finished(wake) if wake else None
        # Both are bounded by the window: all flights in the order of submission (none if
        # completion decides); those that are not taken, by their futures.
        self._line: deque[Flight] = deque()
        self._flying: dict[TaskFuture[Any], Flight] = {}
        self._stuck: deque[Flight] = deque()
        self._window = Window(options, task.chunk_size)
        self._exhausted = False
        self._error: Exception | None = None
        self._owes_pull = False
        self._refused: list[Any] = []

    def _as_chunk(self) -> TaskSpec:
        task = self._task
        once = dataclasses.replace(task.spec.options, max_retries=0)
        return TaskSpec(chunk_name(task.name), task.fingerprint, once)

    # --- in

    def next_pull(self) -> int:
        """How many items to pull now; 0: first hand out what is done, or wait for it.

        Raises:
            PendingFull: the producer is full, and nothing is under way that would make room.
        """
        if self._refused:
            refused, self._refused = self._refused, []
            self._launch(refused)
        if self._exhausted or self._refused or (self.ready() and not self._owes_pull):
            return 0
        return self._window.next_pull()

    def patience(self) -> float | None:
        """How long to wait before asking `next_pull` again; None: until something is done."""
        return self._window.patience()

    def feed(self, items: list[Any], seconds: float, error: Exception | None = None) -> None:
        """Submit what was pulled, in so many seconds; nothing: the input has ended.

        `error` is what the input raised behind these items: it ends there, and `end` raises it.
        """
        self._owes_pull = False
        if error is not None or not items:
            self._exhausted = True
            self._error = error
        if not items:
            return
        self._window.pulled(len(items), seconds)
        self._launch([_as_call(item) for item in items] if self._options.star else items)

    def _launch(self, items: list[Any]) -> None:
        if self._options.chunk == 1:
            self._launch_singly(items)
            return
        try:
            args = self._task.encode_items(items, star=self._options.star)
        except (EncodeError, TypeError):
            # One of them cannot travel, or does not fit: it alone is to fail, at its place and with
            # its own text.
            self._launch_singly(items)
            return
        if has_instants(self._task):
            self._chunk_spec = self._as_chunk()
        if self._chunk_spec.item_count != len(items):
            self._chunk_spec = dataclasses.replace(self._chunk_spec, item_count=len(items))
        try:
            future = self._producer.submit(self._chunk_spec, args)
        except PendingFull:
            self._refuse(items)
            return
        self._fly(Flight(items, future, chunked=True, size_bytes=len(args)))

    def _launch_singly(self, items: list[Any]) -> None:
        for index, item in enumerate(items):
            try:
                self._fly(self._submit_singly(item, self._task.spec))
            except PendingFull:
                self._refuse(items[index:])
                return

    def _submit_singly(self, item: Any, spec: TaskSpec, spent: int = 0) -> Flight:
        task = self._task
        try:
            call = (*item,) if self._options.star else (item,)
            args = task.encode(call, {})
        except (EncodeError, TypeError) as error:
            return Flight([item], error=error.with_traceback(None))
        future = self._producer.submit(spec, args)
        return Flight([item], future, spent=spent, size_bytes=len(args))

    def _refuse(self, items: list[Any]) -> None:
        """The producer is full: try these again when something is done, if anything will be."""
        if not self._line and not self._flying and not self._stuck:
            raise PendingFull("the producer is full of other tasks, and told not to wait")
        self._refused = items

    def _fly(self, flight: Flight) -> None:
        if not self._options.completed:
            self._line.append(flight)
        elif flight.future is None:
            self._stuck.append(flight)
        if flight.future is not None:
            self._flying[flight.future] = flight
            if self._finished is not None:
                self._finished.watch(flight.future)

    # --- out

    @property
    def head(self) -> TaskFuture[Any] | None:
        """What to wait for in the order of the input; None: nothing is under way."""
        return self._line[0].future if self._line else None

    @property
    def finished(self) -> bool:
        """The input has ended, and everything was taken."""
        under_way = self._line or self._flying or self._stuck or self._refused
        return self._exhausted and not under_way

    def end(self) -> None:
        """Everything was handed out. Raises what the input raised, at its place: behind that."""
        if self._error is not None:
            try:
                raise self._error
            finally:
                # The traceback refers to this frame, and so to the stream.
                self._error = None

    def ready(self) -> bool:
        """`take` has something to give."""
        if self._options.completed:
            return bool(self._stuck or (self._finished and self._finished.futures))
        return bool(self._line) and self._line[0].done

    def take(self) -> Batch:
        """What came out of the next flight that is done."""
        if not self._options.completed:
            flight = self._line.popleft()
            if self._finished is not None:
                # They were for waking up; whose turn it is, the line knows.
                self._finished.futures.clear()
        elif self._stuck:
            flight = self._stuck.popleft()
        else:
            assert self._finished is not None
            flight = self._flying[self._finished.futures.popleft()]
        batch = self.open(flight)
        if self._options.completed:
            batch = self._without_retries(batch)
        self._owes_pull = not self._window.slow_input
        return batch

    def release(self, count: int) -> None:
        """So many items were handed out: there is room for others."""
        self._window.release(count)

    def open(self, flight: Flight) -> Batch:
        """What came out of a flight that is done."""
        if flight.future is None:
            assert flight.error is not None
            return Batch([None], {0: flight.error})
        self._flying.pop(flight.future, None)
        sealed = flight.future._sealed
        size = flight.size_bytes + (len(sealed) if isinstance(sealed, bytes) else 0)
        try:
            value = flight.future.result()
            if not flight.chunked:
                return Batch([value], {})
            seconds, values, failures = open_chunk(value, len(flight.items))
        except (TaskError, DecodeError) as error:
            return self._open_failed(flight, error.with_traceback(None))
        self._task.chunk_size.learn(len(values), seconds, size)
        troubles: dict[int, Exception | Flight] = {}
        for index, record in failures.items():
            again = another_attempt(self._task.spec, record)
            fallback = self._task.spec.fallback
            if again is None and fallback is not None and fallback.takes(FAILED, record):
                again = fallback.spec
            if again is None:
                name = f"{flight.future.id}[{index}]"
                troubles[index] = error_of(name, FAILED, {**record, "attempts": 1})
            else:
                troubles[index] = self._again(flight.items[index], again, 1)
        return Batch(values, troubles)

    def _open_failed(self, flight: Flight, error: TaskError | DecodeError) -> Batch:
        count = len(flight.items)
        fallback = self._task.spec.fallback
        instead = fallback.spec if fallback is not None and fallback.takes(EXPIRED, {}) else None
        if isinstance(error, TaskExpired) and flight.chunked and instead is not None:
            again = {i: self._again(item, instead, 0) for i, item in enumerate(flight.items)}
            return Batch([None] * count, again)
        if isinstance(error, TaskFailed | TaskLost | TaskTimeout) and flight.chunked and count > 1:
            # The chunk as a whole came to grief, by one of its items: find out by which.
            return Batch(
                [None] * count,
                {i: self._again(item, self._task.spec, 0) for i, item in enumerate(flight.items)},
            )
        if isinstance(error, TaskFailed) and flight.spent:
            error = TaskFailed(
                error.task_id, error.type_name, error.text, error.traceback,
                error.attempts + flight.spent,
            )  # fmt: skip
        return Batch([None] * count, dict.fromkeys(range(count), error))

    def _again(self, item: Any, spec: TaskSpec, spent: int) -> Exception | Flight:
        try:
            flight = self._submit_singly(item, spec, spent)
        except PendingFull as error:
            return error.with_traceback(None)
        if flight.future is None:
            return flight.error or AssertionError("a flight without future has an error")
        self._flying[flight.future] = flight
        if self._finished is not None:
            self._finished.watch(flight.future)
        return flight

    def _without_retries(self, batch: Batch) -> Batch:
        """In order of completion a retry is a flight like others, and its item is still held."""
        values: list[Any] = []
        troubles: dict[int, Exception | Flight] = {}
        for index, value in enumerate(batch.values):
            trouble = batch.troubles.get(index)
            if isinstance(trouble, Flight):
                continue
            if trouble is not None:
                troubles[len(values)] = trouble
            values.append(value)
        return Batch(values, troubles)

    def close(self) -> None:
        """Cancel what is under way. Waits for nothing: a finaliser may call it in any thread."""
        seqs = [future.seq for future in self._flying if not future.done()]
        self._flying.clear()
        self._line.clear()
        if seqs:
            self._producer.abandon(seqs)


def pull(source: Iterator[Any], count: int) -> tuple[list[Any], Exception | None]:
    """So many items of an input, or as many as there were when it raised something."""
    items: list[Any] = []
    try:
        items.extend(islice(source, count))  # which keeps what came before an exception
    except Exception as error:  # noqa: BLE001 - raised by `Stream.end`
        return items, error
    return items, None


def _as_call(item: Any) -> Any:
    """The arguments of a call as a list: exhaustible ones are needed again for a retry."""
    try:
        return list(item)
    except TypeError:
        # Its own call will say what is wrong with it, at its place.
        return item
