"""concurrent.futures.ProcessPoolExecutor, spawned children. Bulk: `map` by chunks of 1,024."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.peers.chores import CHORES
from benchmarks.peers.driver import RESULT_TIMEOUT, OneByOne
from benchmarks.work import noop

CHUNK = 1_024


class Client(OneByOne):
    """Of any Executor of `concurrent.futures`."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor

    def submit(self, task: str, argument: Any) -> Any:
        return self.executor.submit(CHORES[task], argument)

    def result(self, handle: Any) -> Any:
        return handle.result(RESULT_TIMEOUT)

    def bulk(self, numbers: range) -> Iterable[Any]:
        return self.executor.map(noop, numbers, chunksize=CHUNK)


@contextmanager
def connected(place: Path, slots: int) -> Iterator[Client]:
    del place  # it needs no files
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(slots, mp_context=context) as executor:
        yield Client(executor)
