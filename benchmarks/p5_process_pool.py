"""P5: no-op tasks through one child process, against `multiprocessing.Pool(1).apply_async`.

``python -m benchmarks.p5_process_pool COUNT`` is the submitting process of ours, and
``python -m benchmarks.p5_process_pool pool COUNT`` the program with the Pool.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time

from benchmarks.measure import Bar, Figures, Target
from benchmarks.p1_submit import RESULT_TIMEOUT, WARMUP, submit_all
from benchmarks.processes import figures, ours, private_directory
from benchmarks.work import noop

COUNT = 30_000


def pool_rate(count: int) -> float:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.map(noop, range(WARMUP))
        begun_at = time.perf_counter()
        asked = [pool.apply_async(noop, (number,)) for number in range(count)]
        for number, answer in enumerate(asked):
            if answer.get(RESULT_TIMEOUT) != number:
                raise SystemExit(f"task {number} gave {answer.get()!r}")
        return count / (time.perf_counter() - begun_at)


def main() -> None:
    if sys.argv[1] == "pool":
        rate = pool_rate(int(sys.argv[2]))
    else:
        submit_all(WARMUP)
        rate = submit_all(int(sys.argv[1]))
    print(json.dumps({"rate": rate}))


def run_ours() -> Figures:
    return ours("benchmarks.p5_process_pool", "process", 1, COUNT)


def run_pool() -> Figures:
    with private_directory() as place:
        return figures(place, "benchmarks.p5_process_pool", "pool", str(COUNT))


TARGET = Target(
    (
        Bar(
            "P5",
            "rate",
            "tasks/s",
            5.0,
            "higher",
            f"{COUNT:,} no-op tasks one by one, 1 child, against Pool(1).apply_async",
        ),
    ),
    run_ours,
    run_pool,
)

if __name__ == "__main__":
    main()
