"""P8: what a queued task takes in its producer, with its future, and small arguments.

``python -m benchmarks.p8_memory COUNT`` submits so many, with nobody to run them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.measure import Bar, Figures, Target
from benchmarks.processes import figures, private_directory

COUNT = 90_000
ALLOWED_BYTES = 700.0


def resident_bytes() -> int:
    """The memory of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("this system does not say how much memory a process has")


def main() -> None:
    from benchmarks.tasks import app, noop  # noqa: PLC0415 - not needed to describe the target

    count = int(sys.argv[1])
    with app.producer() as producer:
        noop.submit(0)
        producer.status()
        before = resident_bytes()
        futures = [noop.submit(number) for number in range(count)]
        producer.status()  # the machine has them all
        print(json.dumps({"bytes": (resident_bytes() - before) / len(futures)}))
        producer.stop()


def run_ours() -> Figures:
    with private_directory() as place:
        return figures(place, "benchmarks.p8_memory", str(COUNT))


def allowed() -> Figures:
    """What it may take."""
    return {"bytes": ALLOWED_BYTES}


WORK = f"{COUNT:,} queued tasks with small arguments, memory of the producer for each, futures kept"
TARGET = Target((Bar("P8", "bytes", "B", 1.0, "lower", WORK),), run_ours, allowed)

if __name__ == "__main__":
    main()
