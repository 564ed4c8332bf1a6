"""Celery with Redis as broker and result backend, both over a Unix socket; msgpack.

One slot: one worker with the solo pool, which runs a task in the process that fetched it; prefetch
of 1,000. Two slots: one worker with a prefork pool of 2 (`-O fair`), prefetch of 4 each. No gossip,
mingle, heartbeat, events or rate limits; acks are early, as by default. One by one: `delay`, then
all results together by `ResultSet.join_native`. Bulk: `chunks` of 1,000 calls in a task.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from celery import Celery
from celery.result import ResultSet

from benchmarks.peers.broker import address
from benchmarks.peers.chores import CHORES
from benchmarks.peers.driver import RESULT_TIMEOUT, OneByOne, running

CHUNK = 1_000
# The worker finds here how many slots it has.
SLOTS_VARIABLE = "ZMQWORK_PEERS_SLOTS"
# By the number of slots.
POOLS = {1: "solo", 2: "prefork"}
PREFETCH = {1: 1_000, 2: 4}

app = Celery("peers", broker=f"redis+socket://{address()}", backend=f"redis+socket://{address()}")
app.conf.update(
    task_serializer="msgpack",  # of bytes, JSON would make text
    result_serializer="msgpack",
    accept_content=["msgpack"],
    worker_prefetch_multiplier=PREFETCH[int(os.environ.get(SLOTS_VARIABLE, "1"))],
    worker_disable_rate_limits=True,
    broker_connection_retry_on_startup=True,
)
TASKS = {name: app.task(function, name=name) for name, function in CHORES.items()}


class Client(OneByOne):
    def submit(self, task: str, argument: Any) -> Any:
        return TASKS[task].delay(argument)

    def result(self, handle: Any) -> Any:
        return handle.get(timeout=RESULT_TIMEOUT)

    def each(
        self, task: str, arguments: Sequence[Any], in_flight: int | None = None
    ) -> Iterable[Any]:
        if in_flight is not None:
            return super().each(task, arguments, in_flight)
        handles = self.queue(task, arguments)
        results: list[Any] = ResultSet(handles, app=app).join_native(timeout=RESULT_TIMEOUT)
        return results

    def bulk(self, numbers: range) -> Iterable[Any]:
        asked = TASKS["noop"].chunks(((number,) for number in numbers), CHUNK).apply_async()
        return chain.from_iterable(asked.join_native(timeout=RESULT_TIMEOUT))


@contextmanager
def connected(place: Path, slots: int) -> Iterator[Client]:
    os.environ[SLOTS_VARIABLE] = str(slots)
    options = ["--pool", POOLS[slots], "-c", str(slots), "--loglevel", "ERROR", "-O", "fair"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    with running(place, "-m", "celery", "-A", __name__, "worker", *options, *quiet):
        yield Client()
