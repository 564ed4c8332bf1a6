"""P2: no-op calls through `map`, which puts many into one task, against bulk forms of others.

``python -m benchmarks.p2_map COUNT`` is the submitting process of ours, and
``python -m benchmarks.p2_map pool COUNT`` the program with the Pool.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time

from benchmarks.measure import Bar, Figures, Target
from benchmarks.processes import figures, ours, private_directory, raw
from benchmarks.work import noop

COUNT = 1_000_000
POOL_COUNT = 500_000
WARMUP = 20_000
# Of the Pool. In the raw program: `raw.BULK`.
CHUNK = 64


def map_rate(count: int) -> float:
    """Calls per second; each result is checked, in order."""
    from benchmarks.tasks import noop as task  # noqa: PLC0415 - not needed to describe the target

    begun_at = time.perf_counter()
    for number, value in enumerate(task.map(range(count))):
        if value != number:
            raise SystemExit(f"call {number} gave {value!r}")
    return count / (time.perf_counter() - begun_at)


def pool_rate(count: int) -> float:
    """As `map_rate`, of one child of a Pool, which is forked: its fastest form."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        pool.map(noop, range(WARMUP))
        begun_at = time.perf_counter()
        got = sum(pool.imap_unordered(noop, range(count), chunksize=CHUNK))
        if got != count * (count - 1) // 2:
            raise SystemExit("a result is wrong")
        return count / (time.perf_counter() - begun_at)


def main() -> None:
    if sys.argv[1] == "pool":
        rate = pool_rate(int(sys.argv[2]))
    else:
        map_rate(WARMUP)
        rate = map_rate(int(sys.argv[1]))
    print(json.dumps({"rate": rate}))


def run_ours() -> Figures:
    return ours("benchmarks.p2_map", "inline", 1, COUNT)


def run_raw() -> Figures:
    return raw("bulk", "bulk-worker", COUNT)


def run_process_pool() -> Figures:
    return ours("benchmarks.p2_map", "process", 1, POOL_COUNT)


def run_pool() -> Figures:
    with private_directory() as place:
        return figures(place, "benchmarks.p2_map", "pool", str(POOL_COUNT))


WORK = f"{COUNT:,} no-op calls through map, inline pool, against raw pyzmq with 256 in a message"
TARGET = Target((Bar("P2", "rate", "calls/s", 1.5, "higher", WORK),), run_ours, run_raw)
POOL_WORK = f"{POOL_COUNT:,} through map, 1 child, against Pool(1).imap_unordered by {CHUNK}"
POOL = Target(
    (Bar("P2-pool", "rate", "calls/s", 2.0, "higher", POOL_WORK),), run_process_pool, run_pool
)

if __name__ == "__main__":
    main()
