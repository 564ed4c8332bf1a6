"""multiprocessing.Pool with spawned children.

One by one: `apply_async`, each answer fetched. Bulk: `imap` by chunks of 1,024.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

from benchmarks.peers.chores import CHORES
from benchmarks.peers.driver import RESULT_TIMEOUT, OneByOne
from benchmarks.work import noop

CHUNK = 1_024


class Client(OneByOne):
    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    def submit(self, task: str, argument: Any) -> Any:
        return self.pool.apply_async(CHORES[task], (argument,))

    def result(self, handle: Any) -> Any:
        return handle.get(RESULT_TIMEOUT)

    def bulk(self, numbers: range) -> Iterable[Any]:
        return self.pool.imap(noop, numbers, chunksize=CHUNK)


@contextmanager
def connected(place: Path, slots: int) -> Iterator[Client]:
    del place  # it needs no files
    with multiprocessing.get_context("spawn").Pool(slots) as pool:
        yield Client(pool)
