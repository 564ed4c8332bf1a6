"""The forms of a measurement: how tasks are handed over, and how their results come back."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self

from zmqwork.bench.cases import FLYING_BYTES_MAX, Case
from zmqwork.bench.course import Course, Stalled
from zmqwork.errors import NoWorker, TaskCancelled, TransportError
from zmqwork.future import TaskFuture
from zmqwork.producer import Producer
from zmqwork.sink import Sink
from zmqwork.ventilating import ventilate
from zmqwork.whereabouts import Whereabouts

# With more than so many in flight, one round trip of so many is measured: a done-callback for each
# task would take a third of the throughput, and a sample has the same percentiles.
_ALL_MEASURED_MAX = 16
_SAMPLED = 16
# Round trips that wait to be counted.
_UNCOUNTED_MAX = 4096
# Items that go through a pipeline before the clock starts.
_PRIMERS = 100
_WRONG = "a result is not what was sent: this network cannot be trusted"
# Items in a pipeline at the same time, if they are small.
_WINDOW = 10_000
# And so many for each slot, however long they take.
_PER_SLOT_MIN = 4


def request_reply(case: Case, course: Course) -> None:
    """Submit one task after the other, so many in flight, and look at each result.

    A round trip begins with the call of `submit`. With one in flight it ends when `result` has
    returned; with several when a done-callback is called, whatever the order in which results are
    fetched.
    """
    if case.in_flight == 1:
        _one_at_a_time(case, course)
        return
    submit, is_wrong, patience = case.submitter(), case.is_wrong(), course.patience
    every = 1 if case.in_flight <= _ALL_MEASURED_MAX else _SAMPLED
    flying: deque[TaskFuture[Any]] = deque()
    trips: SimpleQueue[float] = SimpleQueue()
    submitted = uncounted = 0
    course.begin()
    while course.goes_on(submitted):
        begun_at = time.perf_counter()
        future = submit()
        if submitted % every == 0:
            future.add_done_callback(partial(_note, trips.put, begun_at))
            uncounted += 1
        flying.append(future)
        submitted += 1
        if len(flying) >= case.in_flight:
            if is_wrong(_landed(flying.popleft(), patience)):
                raise TransportError(_WRONG)
            course.landed += 1
            if uncounted >= _UNCOUNTED_MAX:
                uncounted -= _count(trips, course)
    while flying:
        if is_wrong(_landed(flying.popleft(), patience)):
            raise TransportError(_WRONG)
        course.landed += 1
    course.end()
    for _ in range(uncounted):  # the callbacks' thread may be a moment behind
        course.trips.add(trips.get(timeout=patience))


def mapped(case: Case, course: Course, producer: Producer) -> None:
    """Give an input to `map`, which sends it in chunks, and take results as they come."""

    def inputs() -> Iterator[Any]:
        given = 0
        while course.goes_on(given):
            given += 1
            yield argument

    argument, is_wrong = case.argument, case.is_wrong()
    course.begin()
    with _Watchdog(course, producer) as dog:
        try:
            for result in case.mapped(inputs()):
                if is_wrong(result):
                    raise TransportError(_WRONG)
                course.landed += 1
        except TaskCancelled:
            dog.explain()
            raise
    course.end()


def pipelined(case: Case, course: Course, where: Whereabouts, slots: int = 1) -> None:
    """Be the ventilator and the sink of a pipeline, with the workers and their slots between them.

    What is measured ends in the sink's function. The ventilator has a producer of its own.
    """
    window = _window(case, slots)
    primers = min(_PRIMERS, window)
    argument, is_wrong = case.argument, case.is_wrong()
    primed = wrong = 0

    def take(results: Any) -> None:
        nonlocal primed, wrong
        # (What is raised here would come again.)
        wrong += sum(map(is_wrong, results))
        new = min(len(results), primers - primed)
        primed += new
        course.landed += len(results) - new

    def inputs() -> Iterator[Any]:
        for _ in range(primers):
            yield argument
        give_up_at = time.perf_counter() + course.patience
        while primed < primers and time.perf_counter() < give_up_at and not course.is_told():
            time.sleep(0.001)
        course.begin()
        given = 0
        while course.goes_on(given):
            given += 1
            yield argument

    app = case.app
    places: Any = {
        "realm": where.realm,
        "peers": where.peers or (),
        "discovery": where.discovery,
        "interface": where.interface,
        "insecure_lan": where.insecure_lan,
    }
    # Another one's results, if somebody else measures here, are to go to another sink.
    name = f"bench-{secrets.token_hex(4)}"
    sink = Sink(take, app.name, app.discover, {"name": name})
    # Whatever cannot begin in time ends the run: nobody would wait for it for ever.
    task = case.task.using(expires=course.patience)
    with sink.start(name="bench-sink", **places):
        run = ventilate(
            app,
            task,
            case.items(inputs()),
            sink=name,
            window=window,
            name="bench-ventilator",
            **places,
        )
        course.end()
    if run.lost:
        raise Stalled(f"{run.lost:,} of {run.read:,} items did not reach the sink: {run}")
    if wrong:
        raise TransportError(_WRONG)


def _window(case: Case, slots: int) -> int:
    """Items at once: of large ones as many as memory allows, of long ones a second's work."""
    fitting = max(1, FLYING_BYTES_MAX // max(1, case.payload_bytes))
    if not case.task_seconds:
        return min(_WINDOW, fitting)
    return min(_WINDOW, fitting, max(_PER_SLOT_MIN * slots, int(slots / case.task_seconds)))


def _one_at_a_time(case: Case, course: Course) -> None:
    submit, is_wrong, patience = case.submitter(), case.is_wrong(), course.patience
    add = course.trips.add
    course.begin()
    now = time.perf_counter()
    while course.goes_on(course.landed):
        if is_wrong(_landed(submit(), patience)):
            raise TransportError(_WRONG)
        before, now = now, time.perf_counter()
        add(now - before)
        course.landed += 1
    course.end()


def _note(put: Callable[[float], object], begun_at: float, future: object) -> None:
    put(time.perf_counter() - begun_at)
    del future


def _count(trips: SimpleQueue[float], course: Course) -> int:
    """Count what is there; how many they were."""
    before = course.trips.count
    try:
        while True:
            course.trips.add(trips.get_nowait())
    except Empty:
        return course.trips.count - before


def _landed(future: TaskFuture[Any], patience: float) -> Any:
    try:
        return future.result(patience)
    except NoWorker:
        raise
    except TimeoutError as error:
        raise Stalled(f"no result for {patience:g} s: {error}") from None


class _Watchdog:
    """Cancels everything when no result has come for a long time: `map` waits for ever."""

    def __init__(self, course: Course, producer: Producer) -> None:
        self._course = course
        self._producer = producer
        self._ended = threading.Event()
        self._why = ""
        self._thread = threading.Thread(target=self._watch, name="bench-watchdog", daemon=True)

    def explain(self) -> None:
        """Raise `Stalled` if it was this that has cancelled the tasks."""
        if self._why:
            raise Stalled(self._why) from None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        landed, seen_at = -1, time.monotonic()
        while not self._ended.wait(min(1.0, self._course.patience / 10)):
            if self._course.landed != landed:
                landed, seen_at = self._course.landed, time.monotonic()
            elif time.monotonic() - seen_at >= self._course.patience:
                self._why = f"no result for {self._course.patience:g} s\n{self._producer.explain()}"
                self._producer.cancel_all()
                return
