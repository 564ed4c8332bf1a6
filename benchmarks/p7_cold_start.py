"""P7: from the worker command to the first result, against a bare interpreter and a spawn.

``python -m benchmarks.p7_cold_start local COUNT`` (or ``mdns COUNT``) is the submitting process,
which starts the workers: its task waits for the first one. ``... bare COUNT`` starts the baseline:
an interpreter that imports zmq and msgpack, and calls a function of nothing in a process that
`multiprocessing` spawns.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median

from benchmarks.measure import Bar, Figures, Target
from benchmarks.p1_submit import RESULT_TIMEOUT
from benchmarks.processes import figures, private_directory

COUNT = 5

BARE = (
    "import multiprocessing, os, zmq, msgpack; "
    "child = multiprocessing.get_context('spawn').Process(target=os.getpid); "
    "child.start(); child.join()"
)
WORKER = ("-m", "zmqwork", "worker", "benchmarks.tasks:app", "-c", "1", "--log-level", "error")


def first_result(discovery: str) -> float:
    """Seconds from the start of a worker to the result of a task that has waited for one."""
    from benchmarks.tasks import app, noop  # noqa: PLC0415 - not needed by the baseline

    with app.producer(discovery=discovery):
        future = noop.submit(7)
        begun_at = time.perf_counter()
        command = [sys.executable, *WORKER, "--discovery", discovery]
        worker = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            value = future.result(timeout=RESULT_TIMEOUT)
            seconds = time.perf_counter() - begun_at
        finally:
            worker.terminate()
            worker.wait(RESULT_TIMEOUT)
    if value != 7:
        raise SystemExit(f"the task gave {value!r}")
    return seconds


def bare() -> float:
    """Seconds until a bare interpreter has imported, spawned, and ended."""
    begun_at = time.perf_counter()
    subprocess.run([sys.executable, "-c", BARE], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun_at


def median_of(count: int, measured: Callable[[], float]) -> float:
    """The first one fills the caches of the disk, and does not count."""
    measured()
    return median(measured() for _ in range(count))


def main() -> None:
    how, count = sys.argv[1:]
    measured = bare if how == "bare" else partial(first_result, how)
    print(json.dumps({"seconds": median_of(int(count), measured)}))


def run(how: str) -> Figures:
    with private_directory() as place:
        return figures(place, "benchmarks.p7_cold_start", how, str(COUNT))


WORK = "worker command to first result, process pool"
BASE = "against an interpreter that imports zmq and msgpack, and one multiprocessing spawn"
TARGET = Target(
    (Bar("P7", "seconds", "s", 1.5, "lower", f"{WORK}, local directory, {BASE}"),),
    partial(run, "local"),
    partial(run, "bare"),
)
# Seconds: the target stands in the baseline's place.
MDNS = Target(
    (Bar("P7-mdns", "seconds", "s", 1.0, "lower", f"{WORK}, mDNS, against the target"),),
    partial(run, "mdns"),
    lambda: {"seconds": 3.0},
)

if __name__ == "__main__":
    main()
