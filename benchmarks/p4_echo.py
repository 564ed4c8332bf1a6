"""P4: 1 MiB there and back, 16 in flight, against raw pyzmq that copies.

``python -m benchmarks.p4_echo COUNT`` is the submitting process.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from random import Random

from benchmarks.measure import Bar, Figures, Target
from benchmarks.processes import ours, raw

COUNT = 400
WARMUP = 50
SIZE = 1024 * 1024
IN_FLIGHT = 16
RESULT_TIMEOUT = 60.0


def echo_rate(count: int) -> float:
    """Bytes per second in one direction; each answer is compared."""
    from benchmarks.tasks import noop  # noqa: PLC0415 - not needed to describe the target

    payload = Random(1).randbytes(SIZE)  # (zeros may be one page, mapped often)
    asked: deque[object] = deque()
    begun_at = time.perf_counter()
    for number in range(count + IN_FLIGHT):
        if number >= IN_FLIGHT and asked.popleft().result(RESULT_TIMEOUT) != payload:  # type: ignore[attr-defined]
            raise SystemExit(f"answer {number - IN_FLIGHT} is another one")
        if number < count:
            asked.append(noop.submit(payload))  # type: ignore[arg-type]
    return count * SIZE / (time.perf_counter() - begun_at)


def main() -> None:
    echo_rate(WARMUP)
    print(json.dumps({"rate": echo_rate(int(sys.argv[1]))}))


def run_ours() -> Figures:
    return ours("benchmarks.p4_echo", "inline", 1, COUNT)


def run_raw() -> Figures:
    return raw("echo", "echo-worker", COUNT)


WORK = f"{COUNT} x 1 MiB there and back, {IN_FLIGHT} in flight, inline pool, against raw pyzmq"
TARGET = Target((Bar("P4", "rate", "B/s", 0.8, "higher", WORK),), run_ours, run_raw)

if __name__ == "__main__":
    main()
