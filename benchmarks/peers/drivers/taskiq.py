"""taskiq with a `ListQueueBroker` and results in Redis, over a Unix socket; pickle, no parsing.

A worker process for each slot; asynchronous tasks, which run in the loop itself; 100 of them at
once with one slot, 4 with two, so that both have work. The client looks for a result every half
millisecond (there is no other way; the default is 0.2 s). Bytes go as base64: it takes nothing that
JSON does not. Bulk: it has no such form; one by one, 64 under way.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from taskiq.serializers import PickleSerializer
from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend

from benchmarks.peers.broker import address
from benchmarks.peers.chores import CHORES
from benchmarks.peers.driver import RESULT_TIMEOUT, Asynchronous, running

URL = f"unix://{address()}"
INTERVAL = 0.0005
AT_ONCE = {1: 100, 2: 4}

broker = (
    ListQueueBroker(URL)
    .with_result_backend(RedisAsyncResultBackend(URL, keep_results=False))
    .with_serializer(PickleSerializer())
)


def asynchronous(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def run(argument: Any) -> Any:
        return as_json(function(from_json(argument)))

    return run


def as_json(value: Any) -> Any:
    return {"bytes": b64encode(value).decode()} if isinstance(value, bytes) else value


def from_json(value: Any) -> Any:
    return b64decode(value["bytes"]) if isinstance(value, dict) else value


TASKS = {
    name: broker.register_task(asynchronous(function), task_name=name)
    for name, function in CHORES.items()
}


class Client(Asynchronous):
    result_lanes = 4  # many that poll take the processor from the worker

    async def submit(self, task: str, argument: Any) -> Any:
        return await TASKS[task].kiq(as_json(argument))

    async def result(self, handle: Any) -> Any:
        found = await handle.wait_result(check_interval=INTERVAL, timeout=RESULT_TIMEOUT)
        found.raise_for_error()
        return from_json(found.return_value)

    def bulk(self, numbers: range) -> Iterable[Any]:
        results: Iterable[Any] = self.each("noop", numbers)
        return results


@contextmanager
def connected(place: Path, slots: int) -> Iterator[Client]:
    options = ["-w", str(slots), "--max-async-tasks", str(AT_ONCE[slots]), "--no-parse"]
    quiet = ["--log-level", "ERROR"]
    worker = ["-m", "taskiq", "worker", f"{__name__}:broker", *options, *quiet]
    with running(place, *worker), asyncio.Runner() as runner:
        runner.run(broker.startup())
        try:
            yield Client(runner)
        finally:
            runner.run(broker.shutdown())
