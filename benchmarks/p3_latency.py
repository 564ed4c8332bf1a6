"""P3: the round trip of one task at a time, inline pool in another process.

``python -m benchmarks.p3_latency COUNT`` is the submitting process.
"""

from __future__ import annotations

import json
import sys
import time

from benchmarks.measure import Bar, Figures, Target, percentile
from benchmarks.processes import ours, raw

COUNT = 5_000
WARMUP = 1_000
RESULT_TIMEOUT = 60.0


def round_trips(count: int) -> list[float]:
    """Seconds from before `submit` until the result is there, each checked."""
    from benchmarks.tasks import noop  # noqa: PLC0415 - not needed to describe the target

    seconds = []
    for number in range(count):
        begun_at = time.perf_counter()
        value = noop.submit(number).result(timeout=RESULT_TIMEOUT)
        seconds.append(time.perf_counter() - begun_at)
        if value != number:
            raise SystemExit(f"task {number} gave {value!r}")
    return seconds


def main() -> None:
    round_trips(WARMUP)
    seconds = round_trips(int(sys.argv[1]))
    print(json.dumps({"p50": percentile(seconds, 50), "p99": percentile(seconds, 99)}))


def run_ours() -> Figures:
    return ours("benchmarks.p3_latency", "inline", 1, COUNT)


def run_raw() -> Figures:
    return raw("pingpong", "worker", COUNT)


def run_frames() -> Figures:
    return raw("pingpong", "frames", COUNT)


# The first step of DESIGN 10; the final bars are 1.3 and 1.5.
WORK = f"{COUNT:,} round trips, one in flight, inline pool, against a raw pyzmq ping-pong"
TARGET = Target(
    (
        Bar("P3", "p50", "s", 2.0, "lower", f"median of {WORK}"),
        Bar("P3-p99", "p99", "s", 2.0, "lower", f"99th percentile of {WORK}"),
    ),
    run_ours,
    run_raw,
)
FRAMES = Target(
    (Bar("P3-frames", "p50", "s", None, "lower", f"median of {WORK} frame by frame"),),
    run_ours,
    run_frames,
)

if __name__ == "__main__":
    main()
