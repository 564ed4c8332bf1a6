"""What a driver is: a module of `drivers` that connects to its peer, and two ways to write one.

Drivers run in the environment of their peer, so this module needs nothing but Python.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

# Of one result; and of a worker that was told to stop.
RESULT_TIMEOUT = 60.0
STOP_TIMEOUT = 5.0
# Submissions of an asynchronous client that are under way together.
LANES = 64


class Client(Protocol):
    """A program that gives tasks to workers of its peer. Tasks are named: see `chores`."""

    def call(self, task: str, argument: Any) -> Any:
        """One round trip."""
        ...

    def each(
        self, task: str, arguments: Sequence[Any], in_flight: int | None = None
    ) -> Iterable[Any]:
        """The results in order of tasks that are submitted one by one; at most so many at once."""
        ...

    def bulk(self, numbers: range) -> Iterable[Any]:
        """The results in order of no-op tasks, in the way of the peer that is fastest."""
        ...

    def queue(self, task: str, arguments: Sequence[Any]) -> object:
        """Submit, and wait for nothing: what is needed to ask for the results later."""
        ...


class Driver(Protocol):
    """A module of `drivers`. Its docstring tells with which settings the peer is used."""

    def connected(self, place: Path, slots: int) -> AbstractContextManager[Client]:
        """Start workers with so many slots together; `place` is an empty directory for files."""
        ...


class OneByOne(ABC):
    """A client that gives a handle for each task."""

    @abstractmethod
    def submit(self, task: str, argument: Any) -> Any: ...

    @abstractmethod
    def result(self, handle: Any) -> Any: ...

    def call(self, task: str, argument: Any) -> Any:
        return self.result(self.submit(task, argument))

    def queue(self, task: str, arguments: Sequence[Any]) -> list[Any]:
        return [self.submit(task, argument) for argument in arguments]

    def each(
        self, task: str, arguments: Sequence[Any], in_flight: int | None = None
    ) -> Iterable[Any]:
        following = iter(arguments)
        handles = deque(self.queue(task, list(islice(following, in_flight))))
        while handles:
            yield self.result(handles.popleft())
            handles.extend(self.submit(task, argument) for argument in islice(following, 1))


class Asynchronous(ABC):
    """The same for a peer of asyncio: one loop, and a few submissions under way together."""

    result_lanes = LANES

    def __init__(self, runner: asyncio.Runner) -> None:
        self.runner = runner

    @abstractmethod
    async def submit(self, task: str, argument: Any) -> Any: ...

    @abstractmethod
    async def result(self, handle: Any) -> Any: ...

    async def round_trip(self, task: str, argument: Any) -> Any:
        return await self.result(await self.submit(task, argument))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def call(self, task: str, argument: Any) -> Any:
        return self.run(self.round_trip(task, argument))

    def queue(self, task: str, arguments: Sequence[Any]) -> Any:
        return self.run(in_lanes(self.submit, [(task, argument) for argument in arguments], LANES))

    def each(self, task: str, arguments: Sequence[Any], in_flight: int | None = None) -> Any:
        if in_flight is None:
            handles = [(handle,) for handle in self.queue(task, arguments)]
            return self.run(in_lanes(self.result, handles, self.result_lanes))
        pairs = [(task, argument) for argument in arguments]
        return self.run(in_lanes(self.round_trip, pairs, in_flight))


async def in_lanes(function: Any, calls: Sequence[tuple[Any, ...]], lanes: int) -> list[Any]:
    """The results in order of asynchronous calls, of which so many are under way together."""
    results: list[Any] = [None] * len(calls)
    following = iter(enumerate(calls))

    async def lane() -> None:
        for number, arguments in following:
            results[number] = await function(*arguments)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(lanes, len(calls))):
            group.create_task(lane())
    return results


def chunks(numbers: range, size: int) -> list[range]:
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]


@contextmanager
def running(place: Path, *command: str) -> Iterator[None]:
    """Run a program of this environment as long as the block lasts; what it says goes to a file."""
    with (place / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
