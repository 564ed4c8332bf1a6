"""What a node costs that has nothing to do, in processor time: heartbeats, and looks around.

``python -m benchmarks.idle_cost workers COUNT`` is a producer with so many workers, which tells its
own processor time; ``python -m benchmarks.idle_cost producers COUNT`` is a process with so many
producers, each with its own connection, and stays until its input ends.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.measure import Bar, Figures, Target
from benchmarks.processes import (
    figures,
    idle_workers,
    private_directory,
    staying,
    until_known,
    worker,
)

SECONDS = 10.0
WORKERS, PRODUCERS = 100, 10
# Percent of one processor.
WORKER_ALLOWED, PRODUCER_ALLOWED = 1.0, 3.0
# Sessions begin, mDNS and others look more often at first.
_SETTLE_SECONDS = 2.0


def processor_seconds(pid: int) -> float:
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percent_of(pid: int) -> Figures:
    """Per cent of a processor that a process uses while nothing happens."""
    time.sleep(_SETTLE_SECONDS)
    before, begun_at = processor_seconds(pid), time.monotonic()
    time.sleep(SECONDS)
    return {"percent": 100 * (processor_seconds(pid) - before) / (time.monotonic() - begun_at)}


def beside_workers(count: int) -> None:
    from benchmarks.tasks import app  # noqa: PLC0415 - not needed to describe the target

    with app.producer(discovery="local,static") as producer:
        until_known(producer, count)
        print(json.dumps(percent_of(os.getpid())))
        producer.stop()


def producers(count: int) -> None:
    from benchmarks.tasks import make_app  # noqa: PLC0415 - as above

    with ExitStack() as stack:
        for _ in range(count):
            made = stack.enter_context(make_app().producer())
            until_known(made, 1)
        print("ready", flush=True)
        sys.stdin.read()


def main() -> None:
    what, count = sys.argv[1], int(sys.argv[2])
    beside_workers(count) if what == "workers" else producers(count)


def run_producer() -> Figures:
    with private_directory() as place, idle_workers(place, WORKERS) as peers:
        words = ("benchmarks.idle_cost", "workers", str(WORKERS))
        return figures(place, *words, peers=peers)


def run_worker() -> Figures:
    with (
        private_directory() as place,
        worker(place, "benchmarks.serve", "process", "1") as pid,
        staying(place, "benchmarks.idle_cost", "producers", str(PRODUCERS)),
    ):
        return percent_of(pid)


WORK = "processor time while nothing happens, in per cent of one"
PRODUCER = Target(
    (
        Bar(
            "idle-p", "percent", "%", 1.0, "lower", f"a producer with {WORKERS} workers: {WORK}, "
            f"against {PRODUCER_ALLOWED:g}",
        ),
    ),
    run_producer,
    lambda: {"percent": PRODUCER_ALLOWED},
)  # fmt: skip
WORKER = Target(
    (
        Bar(
            "idle-w", "percent", "%", 1.0, "lower", f"a worker with {PRODUCERS} producers: {WORK}, "
            f"against {WORKER_ALLOWED:g}",
        ),
    ),
    run_worker,
    lambda: {"percent": WORKER_ALLOWED},
)  # fmt: skip

if __name__ == "__main__":
    main()
