"""Dramatiq with Redis as broker and result backend, both over a Unix socket; pickle.

A process with one thread for each slot; default middleware (retries, time limits, age limits), and
Results. Prefetch of 1,000 with one slot (the default of 2 for a thread is slower), the default with
two. Bulk: a `group`, whose results are fetched together; it sends one message for each task.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from benchmarks.peers.broker import address
from benchmarks.peers.chores import CHORES
from benchmarks.peers.driver import RESULT_TIMEOUT, OneByOne, running

PREFETCH_VARIABLE = "dramatiq_queue_prefetch"
PATIENCE = int(RESULT_TIMEOUT * 1000)

broker = RedisBroker(url=f"unix://{address()}")
broker.add_middleware(
    Results(backend=RedisBackend(url=f"unix://{address()}", encoder=dramatiq.PickleEncoder()))
)
dramatiq.set_encoder(dramatiq.PickleEncoder())
dramatiq.set_broker(broker)
ACTORS = {
    name: dramatiq.actor(function, actor_name=name, store_results=True)
    for name, function in CHORES.items()
}


class Client(OneByOne):
    def submit(self, task: str, argument: Any) -> Any:
        return ACTORS[task].send(argument)

    def result(self, handle: Any) -> Any:
        return handle.get_result(block=True, timeout=PATIENCE)

    def bulk(self, numbers: range) -> Iterable[Any]:
        group = dramatiq.group(ACTORS["noop"].message(number) for number in numbers).run()
        results: Iterable[Any] = group.get_results(block=True, timeout=PATIENCE)
        return results


@contextmanager
def connected(place: Path, slots: int) -> Iterator[Client]:
    if slots == 1:
        os.environ[PREFETCH_VARIABLE] = "1000"
    options = ["-p", str(slots), "-t", "1", "--skip-logging", "--worker-shutdown-timeout", "1000"]
    with running(place, "-m", "dramatiq", *options, __name__):
        yield Client()
