"""Parsl with its HighThroughputExecutor (interchange, manager, workers) on this host, no scaling.

Through its `ParslPoolExecutor`. Prefetch of 1,000 with one slot, none with two. No usage tracking,
no monitoring, no memoization, no log file, no encryption; the manager polls at 1 ms instead of 10.
Bulk: it has no such form (`map` submits each call, `chunksize` is ignored).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parsl import Config, HighThroughputExecutor
from parsl.concurrent import ParslPoolExecutor
from parsl.providers import LocalProvider

from benchmarks.peers.drivers import executor

PREFETCH = {1: 1_000, 2: 0}


@contextmanager
def connected(place: Path, slots: int) -> Iterator[executor.Client]:
    workers = HighThroughputExecutor(
        label="peers",
        address="127.0.0.1",
        max_workers_per_node=slots,
        cores_per_worker=0.01,
        prefetch_capacity=PREFETCH[slots],
        poll_period=1,
        encrypted=False,
        provider=LocalProvider(init_blocks=1, max_blocks=1),
    )
    config = Config(
        executors=[workers],
        run_dir=str(place / "parsl"),
        strategy="none",
        usage_tracking=0,
        initialize_logging=False,
    )
    with ParslPoolExecutor(config) as pool:
        yield executor.Client(pool)
