"""P6: tasks of 10 ms of processor time on two slots, against `multiprocessing.Pool(2)`.

``python -m benchmarks.p6_cpu COUNT ROUNDS`` is the submitting process of ours, and
``python -m benchmarks.p6_cpu pool COUNT ROUNDS`` the program with the Pool. Both run the same
number of rounds, which was chosen to take 10 ms here, so that a slower minute hits both alike.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from functools import cache

from benchmarks.measure import Bar, Figures, Target
from benchmarks.p1_submit import RESULT_TIMEOUT
from benchmarks.processes import figures, ours, private_directory
from benchmarks.work import burn

COUNT = 400
SLOTS = 2
TASK_SECONDS = 0.010
PROBE_ROUNDS = 400_000


@cache
def rounds_per_task() -> int:
    """How many rounds take `TASK_SECONDS` of this processor; the best of five counts."""
    best = float("inf")
    for _ in range(5):
        begun_at = time.process_time()
        burn(PROBE_ROUNDS)
        best = min(best, time.process_time() - begun_at)
    return max(1, int(PROBE_ROUNDS * TASK_SECONDS / best))


def check(totals: list[int], rounds: int) -> None:
    if set(totals) != {burn(rounds)}:
        raise SystemExit("a task gave a wrong total")


def pool_rate(count: int, rounds: int) -> float:
    with multiprocessing.get_context("spawn").Pool(SLOTS) as pool:
        pool.map(burn, [rounds] * SLOTS * 4, chunksize=1)
        begun_at = time.perf_counter()
        totals = list(pool.imap_unordered(burn, [rounds] * count))
        rate = count / (time.perf_counter() - begun_at)
    check(totals, rounds)
    return rate


def our_rate(count: int, rounds: int) -> float:
    from benchmarks import tasks  # noqa: PLC0415 - not needed by the Pool

    def run(number: int) -> list[int]:
        futures = [tasks.burn.submit(rounds) for _ in range(number)]
        return [future.result(timeout=RESULT_TIMEOUT) for future in futures]

    run(SLOTS * 4)
    begun_at = time.perf_counter()
    totals = run(count)
    rate = count / (time.perf_counter() - begun_at)
    check(totals, rounds)
    return rate


def main() -> None:
    measure = pool_rate if sys.argv[1] == "pool" else our_rate
    count, rounds = map(int, sys.argv[-2:])
    print(json.dumps({"rate": measure(count, rounds)}))


def run_ours() -> Figures:
    return ours("benchmarks.p6_cpu", "process", SLOTS, COUNT, rounds_per_task())


def run_pool() -> Figures:
    with private_directory() as place:
        numbers = str(COUNT), str(rounds_per_task())
        return figures(place, "benchmarks.p6_cpu", "pool", *numbers)


TARGET = Target(
    (
        Bar(
            "P6",
            "rate",
            "tasks/s",
            0.98,
            "higher",
            f"{COUNT} tasks of {TASK_SECONDS * 1000:g} ms on {SLOTS} slots, against Pool({SLOTS})",
        ),
    ),
    run_ours,
    run_pool,
)

if __name__ == "__main__":
    main()
