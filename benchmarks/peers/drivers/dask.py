"""Dask distributed: a `LocalCluster` of worker processes with one thread each, tcp, no dashboard.

(`processes=False`, all in one process, is not used: no other peer computes in its client's
process.) The scheduler does not hold tasks back from one slot (`worker-saturation: inf`).
`submit(pure=False)`, so that nothing is taken from a cache; results by one `gather`. Bulk: a
`dask.bag` of partitions of 10,000, each of which is one task.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
from dask import bag
from distributed import Client as Distributed
from distributed import LocalCluster

from benchmarks.peers.chores import CHORES
from benchmarks.peers.driver import RESULT_TIMEOUT, OneByOne
from benchmarks.work import noop

PARTITION = 10_000


class Client(OneByOne):
    def __init__(self, distributed: Distributed) -> None:
        self.distributed = distributed

    def submit(self, task: str, argument: Any) -> Any:
        return self.distributed.submit(CHORES[task], argument, pure=False)

    def result(self, handle: Any) -> Any:
        return handle.result(timeout=RESULT_TIMEOUT)

    def each(
        self, task: str, arguments: Sequence[Any], in_flight: int | None = None
    ) -> Iterable[Any]:
        if in_flight is not None:
            return super().each(task, arguments, in_flight)
        results: Iterable[Any] = self.distributed.gather(self.queue(task, arguments))
        return results

    def bulk(self, numbers: range) -> Iterable[Any]:
        parts = bag.from_sequence(numbers, partition_size=PARTITION)
        results: Iterable[Any] = parts.map(noop).compute(scheduler=self.distributed)
        return results


@contextmanager
def connected(place: Path, slots: int) -> Iterator[Client]:
    settings: dict[str, object] = {"distributed.worker.use-file-locking": False}
    if slots == 1:
        settings["distributed.scheduler.worker-saturation"] = float("inf")
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=slots,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            local_directory=str(place),
        ) as cluster,
        Distributed(cluster) as distributed,
    ):
        yield Client(distributed)
