"""P1: no-op tasks submitted one by one, inline pool in another process, every result checked.

``python -m benchmarks.p1_submit COUNT`` is the submitting process.
"""

from __future__ import annotations

import json
import sys
import time

from benchmarks.measure import Bar, Figures, Target
from benchmarks.processes import ours, raw

COUNT = 100_000
WARMUP = 2_000
RESULT_TIMEOUT = 60.0


def submit_all(count: int) -> float:
    """Submit and check; return tasks per second, from the first submit to the last result."""
    from benchmarks.tasks import noop  # noqa: PLC0415 - not needed to describe the target

    begun_at = time.perf_counter()
    futures = [noop.submit(number) for number in range(count)]
    for number, future in enumerate(futures):
        if future.result(timeout=RESULT_TIMEOUT) != number:
            raise SystemExit(f"task {number} gave {future.result()!r}")
    return count / (time.perf_counter() - begun_at)


def main() -> None:
    submit_all(WARMUP)
    print(json.dumps({"rate": submit_all(int(sys.argv[1]))}))


def run_ours() -> Figures:
    return ours("benchmarks.p1_submit", "inline", 1, COUNT)


def run_raw() -> Figures:
    return raw("submit", "worker", COUNT)


def run_frames() -> Figures:
    return raw("submit", "frames", COUNT)


WORK = f"{COUNT:,} no-op tasks one by one, inline pool, against raw pyzmq"
TARGET = Target(
    (Bar("P1", "rate", "tasks/s", 1.2, "higher", f"{WORK} ROUTER/DEALER"),), run_ours, run_raw
)
FRAMES = Target(
    (Bar("P1-frames", "rate", "tasks/s", None, "higher", f"{WORK} frame by frame"),),
    run_ours,
    run_frames,
)

if __name__ == "__main__":
    main()
