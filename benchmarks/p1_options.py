"""P1-retries, P1-options: P1 with deadlines and retry options, and with priorities as well.

Both against P1 itself. ``python -m benchmarks.p1_options COUNT PRIORITY...`` is the submitting
process; it takes these priorities by turns.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

from benchmarks import p1_submit
from benchmarks.measure import Bar, Figures, Target
from benchmarks.processes import ours

# One after the other, so that no two neighbours are of one kind.
PRIORITIES = (0, 10, -10, 100, -100)


def submit_all(count: int, priorities: Sequence[int]) -> float:
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
        for priority in priorities
    ]
    begun_at = time.perf_counter()
    futures = [kinds[number % len(kinds)].submit(number) for number in range(count)]
    for number, future in enumerate(futures):
        if future.result(timeout=p1_submit.RESULT_TIMEOUT) != number:
            raise SystemExit(f"task {number} gave {future.result()!r}")
    return count / (time.perf_counter() - begun_at)


def main() -> None:
    priorities = [int(word) for word in sys.argv[2:]]
    submit_all(p1_submit.WARMUP, priorities)
    print(json.dumps({"rate": submit_all(int(sys.argv[1]), priorities)}))


def run_retries() -> Figures:
    return ours("benchmarks.p1_options", "inline", 1, p1_submit.COUNT, 0)


def run_options() -> Figures:
    return ours("benchmarks.p1_options", "inline", 1, p1_submit.COUNT, *PRIORITIES)


WORK = "P1's tasks with expires and retry options"
RETRIES = Target(
    (Bar("P1-retries", "rate", "tasks/s", 0.85, "higher", f"{WORK}, against P1"),),
    run_retries,
    p1_submit.run_ours,
)
# The bar: docs/decisions/0026.
BY_TURNS = f"{WORK}, and {len(PRIORITIES)} priorities by turns, against P1"
OPTIONS = Target(
    (Bar("P1-options", "rate", "tasks/s", 0.75, "higher", BY_TURNS),),
    run_options,
    p1_submit.run_ours,
)

if __name__ == "__main__":
    main()
