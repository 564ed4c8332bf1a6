"""``python -m benchmarks.growth.load JSON``: a producer of one point, told by a `Load`.

It says when it is ready, begins when it reads a line, and prints its figures.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from typing import Any

from benchmarks.measure import Figures
from benchmarks.p8_memory import resident_bytes
from benchmarks.processes import until_known

RESULT_TIMEOUT = 120.0
WARMUP = 2_000
WARMUP_SECONDS = 0.5
# So often the clock is looked at: a look costs as much as a tenth of a task.
LOOK_COUNT = 16
PENDING_BYTES = 2 * 1024 * 1024 * 1024
AN_HOUR = 3600.0
# Fewer tasks than these find room in what the warm-up has left: their memory would seem small.
MANY = 50_000
# And a submit of fewer than these would be told with all that is done around it.
SOME = 1_000
PRIORITIES = (20, 10, 0, -10, -20)


@dataclass(frozen=True)
class Load:
    """What a producer does.

    Attributes:
        workers: how many it waits for before it begins.
        tasks, seconds: it ends after so many, or so long, whichever comes first.
        in_flight: tasks that are unsettled at once, beside those that wait.
        payload_bytes: of each argument, which comes back; 0: a number is.
        waiting: tasks that wait behind those in flight.
        how: what waits: ``plain``: tasks like those in flight; ``mixed``: a fifth of them are, the
            others have four lower priorities, and all expire after an hour; ``resting``: tasks
            whose countdown is an hour.
    """

    workers: int
    tasks: int
    seconds: float
    in_flight: int
    payload_bytes: int = 0
    waiting: int = 0
    how: str = "plain"

    def words(self) -> list[str]:
        """Its program."""
        return ["benchmarks.growth.load", json.dumps(asdict(self))]


class Collector:
    """What Python's garbage collector has taken so far, in seconds of processor time.

    It goes over all objects that may be part of a cycle whenever a quarter more of them are there,
    and what waits is such objects: a share of each task's cost that nobody sees in a profile.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._begun_at = 0.0
        gc.callbacks.append(self._note)

    def _note(self, phase: str, info: dict[str, int]) -> None:
        del info
        if phase == "start":
            self._begun_at = time.thread_time()
        else:
            self.seconds += time.thread_time() - self._begun_at


def ways_of(task: Any, how: str) -> list[Any]:
    """What waits is submitted by these in turn; the first goes before the others."""
    if how == "mixed":
        return [task.using(priority=number, expires=AN_HOUR) for number in PRIORITIES]
    return [task.using(countdown=AN_HOUR)] if how == "resting" else [task]


def fill(
    producer: Any, ways: Sequence[Any], load: Load, collector: Collector
) -> tuple[deque[Any], list[Any], Figures]:
    """Let so many wait, while the queue is paused.

    What is taken in turn, what waits behind it for good, and the costs.
    """
    producer.pause("default")
    producer.status()
    before, begun_at, collected = resident_bytes(), time.process_time(), collector.seconds
    flying: deque[Any] = deque()
    kept: list[Any] = []
    for number, way in zip(range(load.waiting), cycle(ways), strict=False):
        (flying if way is ways[0] and load.how != "resting" else kept).append(way.submit(number))
    producer.status()  # the machine has them all
    spent, collected = time.process_time() - begun_at, collector.seconds - collected
    figures: Figures = {}
    if load.waiting >= SOME:
        figures["submit_us"] = spent / load.waiting * 1e6
        figures["own_submit_us"] = (spent - collected) / load.waiting * 1e6
    if load.waiting >= MANY:
        figures["bytes_each"] = (resident_bytes() - before) / load.waiting
    return flying, kept, figures


def go(task: Any, load: Load, flying: deque[Any], tasks: int, seconds: float) -> int:
    """Submit one for each that is settled, in the order of their submits; how many were settled."""
    argument: Any = 7
    if load.payload_bytes:
        argument = (bytes(range(256)) * (load.payload_bytes // 256 + 1))[: load.payload_bytes]
    numbered = len(flying)  # those that wait have numbers
    submit = task.submit
    most = len(flying) + load.in_flight
    landed = 0
    end_at = time.perf_counter() + seconds
    while landed < tasks and (landed % LOOK_COUNT or time.perf_counter() < end_at):
        while len(flying) < most:
            flying.append(submit(argument))
        result = flying.popleft().result(RESULT_TIMEOUT)
        if landed >= numbered and result != argument:
            raise SystemExit(f"a task gave {str(result)[:80]!r}")
        landed += 1
    return landed


def main() -> None:
    from benchmarks.tasks import app, noop  # noqa: PLC0415 - not needed to describe a load

    collector = Collector()
    load = Load(**json.loads(sys.argv[1]))
    pending = load.waiting + load.in_flight + 1
    with app.producer(
        discovery="local,static", max_pending=pending, max_pending_bytes=PENDING_BYTES
    ) as producer:
        until_known(producer, load.workers)
        warm: deque[Any] = deque()
        go(noop, load, warm, WARMUP, WARMUP_SECONDS)
        while warm:
            warm.popleft().result(RESULT_TIMEOUT)
        ways = ways_of(noop, load.how)
        flying, kept, figures = (
            fill(producer, ways, load, collector) if load.waiting else (warm, [], {})
        )
        print("ready", flush=True)
        sys.stdin.readline()
        collected = collector.seconds
        cpu_before, begun_at = time.process_time(), time.perf_counter()
        if load.waiting:
            producer.resume("default")
        landed = go(
            noop if load.how == "resting" else ways[0], load, flying, load.tasks, load.seconds
        )
        seconds = time.perf_counter() - begun_at
        cpu_seconds = time.process_time() - cpu_before
        told = {
            **figures,
            "tasks": landed,
            "seconds": seconds,
            "cpu_seconds": cpu_seconds,
            "collector_seconds": collector.seconds - collected,
        }
        print(json.dumps(told), flush=True)
        sys.stdin.readline()  # the worker's time is read first
        producer.stop()
        del kept


if __name__ == "__main__":
    main()
