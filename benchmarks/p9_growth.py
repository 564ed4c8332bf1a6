"""P9: what a task costs its producer that is connected to 1,000 workers, against one.

``python -m benchmarks.p9_growth COUNT WORKERS`` is the submitting process.
"""

from __future__ import annotations

import json
import sys
import time

from benchmarks.measure import Bar, Figures, Target
from benchmarks.p1_submit import WARMUP, submit_all
from benchmarks.processes import figures, idle_workers, private_directory, until_known, worker

COUNT = 100_000
WORKERS = 1_000


def main() -> None:
    from benchmarks.tasks import app  # noqa: PLC0415 - not needed to describe the target

    count, wanted = int(sys.argv[1]), int(sys.argv[2])
    with app.producer(discovery="local,static") as producer:
        until_known(producer, wanted)
        submit_all(WARMUP)
        before = time.process_time()
        submit_all(count)
        print(json.dumps({"seconds": (time.process_time() - before) / count}))
        producer.stop()


def run_with(idle_count: int) -> Figures:
    """One worker takes all the tasks; the others are connected, and have no slot free."""
    words = ("benchmarks.p9_growth", str(COUNT), str(idle_count + 1))
    with (
        private_directory() as place,
        idle_workers(place, idle_count) as peers,
        worker(place, "benchmarks.serve", "inline", "1"),
    ):
        return figures(place, *words, peers=peers)


def run_many() -> Figures:
    return run_with(WORKERS - 1)


def run_one() -> Figures:
    return run_with(0)


WORK = f"processor time of the producer for each of {COUNT:,} no-op tasks, {WORKERS:,} workers"
TARGET = Target(
    (Bar("P9", "seconds", "s", 1.3, "lower", f"{WORK} connected, against one"),), run_many, run_one
)

if __name__ == "__main__":
    main()
