"""SAQ with Redis over a Unix socket; jobs as pickle instead of JSON, for bytes.

A worker process for each slot; asynchronous tasks, which run in its loop; 100 of them at once with
one slot, 4 with two, so that both have work. The client looks for a result every millisecond:
`Job.refresh(until_complete)`, which subscribes, misses one that comes in between. Bulk:
`Queue.map`, which asks for all results together, every 0.1 s (the default is 0.5).
"""

from __future__ import annotations

import asyncio
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from saq import Worker
from saq.queue.redis import RedisQueue

from benchmarks.peers.broker import address
from benchmarks.peers.chores import CHORES
from benchmarks.peers.driver import RESULT_TIMEOUT, Asynchronous, running

INTERVAL = 0.001
MAP_INTERVAL = 0.1
AT_ONCE = {1: 100, 2: 4}


def queue() -> RedisQueue:
    connection = Redis(unix_socket_path=address())
    return RedisQueue(connection, dump=pickle.dumps, load=pickle.loads, max_concurrent_ops=100)


def asynchronous(function: Callable[[Any], Any]) -> Callable[..., Any]:
    async def run(context: Any, *, argument: Any) -> Any:
        del context
        return function(argument)

    return run


class Client(Asynchronous):
    result_lanes = 4  # many that poll take the processor from the worker

    def __init__(self, runner: asyncio.Runner, jobs: RedisQueue) -> None:
        super().__init__(runner)
        self.jobs = jobs

    async def submit(self, task: str, argument: Any) -> Any:
        return await self.jobs.enqueue(task, argument=argument)

    async def result(self, handle: Any) -> Any:
        async with asyncio.timeout(RESULT_TIMEOUT):
            await handle.refresh()
            while not handle.completed:
                await asyncio.sleep(INTERVAL)
                await handle.refresh()
        return handle.result

    def bulk(self, numbers: range) -> Iterable[Any]:
        arguments = [{"argument": number} for number in numbers]
        results: Iterable[Any] = self.run(
            self.jobs.map("noop", arguments, timeout=RESULT_TIMEOUT, poll_interval=MAP_INTERVAL)
        )
        return results


@contextmanager
def connected(place: Path, slots: int) -> Iterator[Client]:
    with ExitStack() as stack:
        for _ in range(slots):
            stack.enter_context(running(place, "-m", __name__, str(AT_ONCE[slots])))
        runner = stack.enter_context(asyncio.Runner())
        jobs = queue()
        runner.run(jobs.connect())
        stack.callback(lambda: runner.run(jobs.disconnect()))
        yield Client(runner, jobs)


async def work(at_once: int) -> None:
    functions = [(name, asynchronous(function)) for name, function in CHORES.items()]
    await Worker(queue(), functions, concurrency=at_once).start()


if __name__ == "__main__":
    asyncio.run(work(int(sys.argv[1])))
