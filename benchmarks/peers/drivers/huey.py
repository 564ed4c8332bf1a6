"""Huey with Redis over a Unix socket: blocking pop, and results that notify (`notify_result`).

(By default it looks for results again every 50 ms and longer.) One slot: a consumer with one worker
thread. Two slots: two worker processes. No periodic tasks. Bulk: `map`, which enqueues one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huey import RedisHuey

from benchmarks.peers.broker import address
from benchmarks.peers.chores import CHORES
from benchmarks.peers.driver import RESULT_TIMEOUT, OneByOne, running

huey = RedisHuey("peers", url=f"unix://{address()}", notify_result=True)
TASKS = {name: huey.task(name=name)(function) for name, function in CHORES.items()}
KINDS = {1: "thread", 2: "process"}


class Client(OneByOne):
    def submit(self, task: str, argument: Any) -> Any:
        return TASKS[task](argument)

    def result(self, handle: Any) -> Any:
        return handle.get(blocking=True, timeout=RESULT_TIMEOUT)

    def bulk(self, numbers: range) -> Iterable[Any]:
        results: Iterable[Any] = TASKS["noop"].map(numbers).get(True, RESULT_TIMEOUT)
        return results


@contextmanager
def connected(place: Path, slots: int) -> Iterator[Client]:
    options = ["-w", str(slots), "-k", KINDS[slots], "--no-periodic", "--quiet"]
    with running(place, "-m", "huey.bin.huey_consumer", f"{__name__}.huey", *options):
        yield Client()
