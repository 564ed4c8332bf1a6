"""Ray on this host: no dashboard, logs not forwarded, an object store of 256 MiB.

One slot: calls of one actor, faster than tasks. Two slots: tasks of one processor each. Results by
one `ray.get`. Bulk: `ray.util.multiprocessing.Pool.map` by chunks of 1,024.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray.util.multiprocessing import Pool

from benchmarks.peers.chores import CHORES
from benchmarks.peers.driver import RESULT_TIMEOUT, OneByOne
from benchmarks.work import noop

STORE_BYTES = 256 * 1024 * 1024
CHUNK = 1_024


class Doer:
    """The actor."""

    def run(self, task: str, argument: Any) -> Any:
        return CHORES[task](argument)


def run(task: str, argument: Any) -> Any:
    return CHORES[task](argument)


class Client(OneByOne):
    def __init__(self, slots: int) -> None:
        self.slots = slots
        # Without processors of its own: the pool of the bulk form needs the one there is.
        self.actor = ray.remote(num_cpus=0)(Doer).remote() if slots == 1 else None
        self.function = self.actor.run if self.actor else ray.remote(num_cpus=1)(run)
        self.pool: Any = None

    def submit(self, task: str, argument: Any) -> Any:
        return self.function.remote(task, argument)

    def result(self, handle: Any) -> Any:
        return ray.get(handle, timeout=RESULT_TIMEOUT)

    def each(
        self, task: str, arguments: Sequence[Any], in_flight: int | None = None
    ) -> Iterable[Any]:
        if in_flight is not None:
            return super().each(task, arguments, in_flight)
        results: Iterable[Any] = self.result(self.queue(task, arguments))
        return results

    def bulk(self, numbers: range) -> Iterable[Any]:
        if self.pool is None:
            self.pool = Pool(self.slots)
        results: Iterable[Any] = self.pool.map(noop, numbers, chunksize=CHUNK)
        return results


@contextmanager
def connected(place: Path, slots: int) -> Iterator[Client]:
    ray.init(
        address="local",
        num_cpus=slots,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        object_store_memory=STORE_BYTES,
        _temp_dir=str(place),
    )
    try:
        yield Client(slots)
    finally:
        ray.shutdown()
