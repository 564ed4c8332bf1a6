"""The work that every peer does, and how it is measured. Needs nothing but Python."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.measure import Figures, percentile
from benchmarks.peers import census
from benchmarks.peers.driver import Client
from benchmarks.work import burn

ECHO_BYTES = 1024 * 1024
ECHO_WINDOW = 16
TASK_SECONDS = 0.010
CPU_SLOTS = 2
# Of a run that finds out how fast a peer is, and how much longer the next one may be.
FIRST_COUNT = 16
GROWTH = 10.0
# A longer run is worth its time if it may be so much longer.
WORTH = 1.5
# Until memory has settled after work; and until the one slot is taken.
SETTLE_SECONDS = 1.0
TAKEN_TIMEOUT = 30.0
QUEUE_BATCH = 500


@dataclass(frozen=True)
class Run:
    """What the harness asks of a run.

    Attributes:
        place: a directory for files.
        mark: which all processes of the run carry.
        count: how many tasks, if the peer does them in time.
        seconds: for how long it is measured, about: a slow peer gets fewer tasks.
        rounds: of `burn`, that take `TASK_SECONDS`.
        begun_at: `time.monotonic()` when the program was started.
    """

    place: str
    mark: str
    count: int
    seconds: float
    rounds: int
    begun_at: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Measured:
    """The figures of a run, and how many tasks they are made of."""

    figures: Figures
    count: int


@dataclass(frozen=True)
class Figure:
    """A figure of a workload. `better`: which way is the good one."""

    name: str
    unit: str
    better: Literal["higher", "lower"]
    title: str


@dataclass(frozen=True)
class Workload:
    """One kind of work. `count`: how many tasks, for a peer that is fast."""

    name: str
    measure: Callable[[Client, Run], Measured]
    count: int
    figures: tuple[Figure, ...]
    what: str
    slots: int = 1


def paced(measure: Callable[[int], float], run: Run) -> tuple[int, float]:
    """Longer and longer runs, until one has all tasks or takes its time: its count, and seconds.

    Those before it warm the peer up. `measure` does so many tasks, and gives the seconds.
    """
    count = min(run.count, FIRST_COUNT)
    measure(count)  # connections are made, and workers started
    while True:
        spent = measure(count)
        if count == run.count or spent * WORTH > run.seconds:
            return count, spent
        count = min(run.count, int(count * min(GROWTH, run.seconds / spent)))


def timed(function: Callable[[], None]) -> float:
    begun_at = time.perf_counter()
    function()
    return time.perf_counter() - begun_at


def check(results: Iterable[Any], expected: Sequence[Any]) -> None:
    """Each is the right one, and all are there."""
    for number, (result, value) in enumerate(zip(results, expected, strict=True)):
        if result != value:
            raise SystemExit(f"task {number} gave {str(result)[:80]!r}")


def single(client: Client, run: Run) -> Measured:
    def all_of(count: int) -> float:
        numbers = range(count)
        return timed(lambda: check(client.each("noop", numbers), numbers))

    count, spent = paced(all_of, run)
    return Measured({"rate": count / spent}, count)


def bulk(client: Client, run: Run) -> Measured:
    def all_of(count: int) -> float:
        numbers = range(count)
        return timed(lambda: check(client.bulk(numbers), numbers))

    count, spent = paced(all_of, run)
    return Measured({"rate": count / spent}, count)


def latency(client: Client, run: Run) -> Measured:
    seconds: list[float] = []

    def all_of(count: int) -> float:
        seconds.clear()
        for number in range(count):
            begun_at = time.perf_counter()
            value = client.call("noop", number)
            seconds.append(time.perf_counter() - begun_at)
            check([value], [number])
        return sum(seconds)

    count, _ = paced(all_of, run)
    return Measured({"p50": percentile(seconds, 50), "p99": percentile(seconds, 99)}, count)


def echo(client: Client, run: Run) -> Measured:
    payload = os.urandom(ECHO_BYTES)  # nothing to compress

    def all_of(count: int) -> float:
        payloads = [payload] * count
        return timed(lambda: check(client.each("noop", payloads, ECHO_WINDOW), payloads))

    count, spent = paced(all_of, run)
    return Measured({"rate": count * ECHO_BYTES / spent}, count)


def cpu(client: Client, run: Run) -> Measured:
    total = burn(run.rounds)

    def all_of(count: int) -> float:
        tasks = [run.rounds] * count
        return timed(lambda: check(client.each("burn", tasks), [total] * count))

    count, spent = paced(all_of, run)
    return Measured({"share": count * TASK_SECONDS / CPU_SLOTS / spent}, count)


def startup(client: Client, run: Run) -> Measured:
    check([client.call("noop", 7)], [7])
    return Measured({"seconds": time.monotonic() - run.begun_at}, 1)


def memory(client: Client, run: Run) -> Measured:
    """After one task; and then, with the one slot taken, for each task that waits."""
    time.sleep(SETTLE_SECONDS)
    idle = census.memory(run.mark)
    taken = Path(run.place) / "taken"
    kept = [client.queue("hold", [str(taken)])]
    until(taken.exists)
    before = census.memory(run.mark)
    ends_at = time.monotonic() + run.seconds
    queued = 0
    while queued < run.count and time.monotonic() < ends_at:
        batch = range(queued, min(run.count, queued + QUEUE_BATCH))
        kept.append(client.queue("noop", batch))
        queued += len(batch)
    time.sleep(SETTLE_SECONDS)
    if not taken.exists():
        raise SystemExit("the slot did not stay taken")
    grown = census.memory(run.mark) - before
    return Measured({"idle": idle, "queued": grown / queued}, queued)


def until(true: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + TAKEN_TIMEOUT
    while not true():
        if time.monotonic() > ends_at:
            raise SystemExit("the task that takes the slot was not started")
        time.sleep(0.01)


RATE = Figure("rate", "tasks/s", "higher", "in tasks/s")
WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("single", single, 100_000, (RATE,), "no-op tasks, submitted one by one"),
        Workload("bulk", bulk, 500_000, (RATE,), "no-op tasks, in the peer's own bulk form"),
        Workload(
            "latency",
            latency,
            5_000,
            (Figure("p50", "s", "lower", "p50 in s"), Figure("p99", "s", "lower", "p99 in s")),
            "round trips, one in flight",
        ),
        Workload(
            "echo",
            echo,
            400,
            (Figure("rate", "B/s", "higher", "in B/s"),),
            "1 MiB of random bytes there and back, 16 in flight",
        ),
        Workload(
            "cpu",
            cpu,
            400,
            (Figure("share", "of ideal", "higher", "of ideal"),),
            "tasks of 10 ms of processor time on 2 slots",
            CPU_SLOTS,
        ),
        Workload(
            "startup",
            startup,
            1,
            (Figure("seconds", "s", "lower", "in s"),),
            "from the command to the first result",
        ),
        Workload(
            "memory",
            memory,
            20_000,
            (
                Figure("idle", "B", "lower", "idle in B"),
                Figure("queued", "B/task", "lower", "queued in B/task"),
            ),
            "all processes together after one task, and for each task that waits",
        ),
    )
}
