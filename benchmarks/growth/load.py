"""``python -m benchmarks.growth.load JSON``: a producer of one point, told by a `Load`.

It says when it is ready, begins when it reads a line, and prints its figures.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
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
_PRIORITIES = (0, 10, -10, 20, -20)


@dataclass(frozen=True)
class Load:
    """What a producer does.

    Attributes:
        workers: how many it waits for before it begins.
        tasks, seconds: it ends after so many, or so long, whichever comes first.
        in_flight: tasks that are unsettled at once, beside those that wait.
        payload_bytes: of each argument, which comes back; 0: a number is.
        waiting: tasks that wait behind those in flight.
        how: what waits: ``plain``; ``mixed``: with five priorities and `expires`;
            ``resting``: until an hour is over, while others are done.
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


def submits(task: Any, load: Load) -> Iterator[Callable[[Any], Any]]:
    """How one task after the other is submitted."""
    if load.how == "mixed":
        ways = [task.using(priority=number, expires=AN_HOUR).submit for number in _PRIORITIES]
        return cycle(ways)
    return cycle([task.submit])


def fill(producer: Any, task: Any, load: Load) -> tuple[deque[Any], list[Any], Figures]:
    """Let so many wait, while the queue is paused: what goes in turn, what rests, and the costs."""
    flying: deque[Any] = deque()
    if not load.waiting:
        return flying, [], {}
    producer.pause("default")
    producer.status()
    before, begun_at = resident_bytes(), time.process_time()
    kept: list[Any] = []
    if load.how == "resting":
        rest = task.using(countdown=AN_HOUR).submit
        kept = [rest(number) for number in range(load.waiting)]
    else:
        ways = submits(task, load)
        flying.extend(next(ways)(number) for number in range(load.waiting + load.in_flight))
    producer.status()  # the machine has them all
    count = len(flying) + len(kept)
    figures = {"submit_us": (time.process_time() - begun_at) / count * 1e6}
    if count >= MANY:
        figures["bytes_each"] = (resident_bytes() - before) / count
    return flying, kept, figures


def go(task: Any, load: Load, flying: deque[Any], tasks: int, seconds: float) -> int:
    """Submit one for each that is settled, in the order of their submits; how many were settled."""
    argument: Any = bytes(range(256)) * (load.payload_bytes // 256 + 1)
    argument = argument[: load.payload_bytes] if load.payload_bytes else 7
    checked = not load.waiting  # those that wait have numbers
    ways = submits(task, load)
    most = load.waiting + load.in_flight if load.how != "resting" else load.in_flight
    landed = 0
    end_at = time.perf_counter() + seconds
    while landed < tasks and (landed % LOOK_COUNT or time.perf_counter() < end_at):
        while len(flying) < most:
            flying.append(next(ways)(argument))
        result = flying.popleft().result(RESULT_TIMEOUT)
        if checked and result != argument:
            raise SystemExit(f"a task gave {str(result)[:80]!r}")
        landed += 1
    return landed


def main() -> None:
    from benchmarks.tasks import app, noop  # noqa: PLC0415 - not needed to describe a load

    load = Load(**json.loads(sys.argv[1]))
    pending = load.waiting + load.in_flight + 1
    with app.producer(
        discovery="local,static", max_pending=pending, max_pending_bytes=PENDING_BYTES
    ) as producer:
        until_known(producer, load.workers)
        warm: deque[Any] = deque()
        plain = Load(load.workers, load.tasks, load.seconds, load.in_flight, load.payload_bytes)
        go(noop, plain, warm, WARMUP, WARMUP_SECONDS)
        while warm:
            warm.popleft().result(RESULT_TIMEOUT)
        flying, kept, figures = fill(producer, noop, load)
        print("ready", flush=True)
        sys.stdin.readline()
        cpu_before, begun_at = time.process_time(), time.perf_counter()
        if load.waiting:
            producer.resume("default")
        landed = go(noop, load, flying, load.tasks, load.seconds)
        seconds = time.perf_counter() - begun_at
        cpu_seconds = time.process_time() - cpu_before
        told = {"tasks": landed, "seconds": seconds, "cpu_seconds": cpu_seconds, **figures}
        print(json.dumps(told), flush=True)
        sys.stdin.readline()  # the worker's time is read first
        producer.stop()
        del kept


if __name__ == "__main__":
    main()
