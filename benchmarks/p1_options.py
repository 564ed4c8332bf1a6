"""P1-options: as P1, with priorities, deadlines and retry options in use, against P1 itself.

``python -m benchmarks.p1_options COUNT`` is the submitting process.
"""

from __future__ import annotations

import json
import sys
import time

from benchmarks import p1_submit
from benchmarks.measure import Bar, Figures, Target
from benchmarks.processes import ours

# One after the other, so that no two neighbours are of one kind.
PRIORITIES = (0, 10, -10, 100, -100)


def submit_all(count: int) -> float:
    """Submit and check; return tasks per second, from the first submit to the last result."""
    from benchmarks.tasks import noop  # noqa: PLC0415 - not needed to describe the target

    kinds = [
        noop.using(
            priority=priority,
            expires=3_600.0,
            max_retries=5,
            retry_backoff=0.5,
            no_retry_for=(ValueError, PermissionError),
        )
        for priority in PRIORITIES
    ]
    begun_at = time.perf_counter()
    futures = [kinds[number % len(kinds)].submit(number) for number in range(count)]
    for number, future in enumerate(futures):
        if future.result(timeout=p1_submit.RESULT_TIMEOUT) != number:
            raise SystemExit(f"task {number} gave {future.result()!r}")
    return count / (time.perf_counter() - begun_at)


def main() -> None:
    submit_all(p1_submit.WARMUP)
    print(json.dumps({"rate": submit_all(int(sys.argv[1]))}))


def run_ours() -> Figures:
    return ours("benchmarks.p1_options", "inline", 1, p1_submit.COUNT)


WORK = f"P1's tasks with {len(PRIORITIES)} priorities, expires and retry options, against P1"
TARGET = Target(
    (Bar("P1-options", "rate", "tasks/s", 0.85, "higher", WORK),), run_ours, p1_submit.run_ours
)

if __name__ == "__main__":
    main()
