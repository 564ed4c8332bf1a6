"""What travels as one task of a map, and what comes out of it."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable
from typing import Any

from zmqwork.future import TaskFuture


@dataclasses.dataclass(slots=True, eq=False)
class Flight:
    """Items that travel as one task.

    Attributes:
        items: what was pulled from the input.
        future: of the task; None if it could not be submitted.
        chunked: it is a chunk, however short; else an ordinary call with the one item.
        error: why it could not be submitted.
        spent: attempts that its item had before, in a chunk.
        size_bytes: of the encoded arguments.
    """

    items: list[Any]
    future: TaskFuture[Any] | None = None
    chunked: bool = False
    error: Exception | None = None
    spent: int = 0
    size_bytes: int = 0

    @property
    def done(self) -> bool:
        """It is settled, or was never submitted."""
        return self.future is None or self.future.done()


@dataclasses.dataclass(slots=True)
class Batch:
    """What came out of one flight, in the order of its items.

    Attributes:
        values: the results.
        troubles: by index, for the items without one: the exception, or the flight of a retry.
    """

    values: list[Any]
    troubles: dict[int, Exception | Flight]


class Finished:
    """Stands among a future's waiters and collects it; called by the I/O thread."""

    def __init__(self, wake: Callable[[], None]) -> None:
        # Bounded by the window.
        self.futures: deque[TaskFuture[Any]] = deque()
        self._wake = wake

    def add_result(self, future: TaskFuture[Any]) -> None:
        """The future is settled."""
        self.futures.append(future)
        self._wake()

    add_exception = add_cancelled = add_result

    def watch(self, future: TaskFuture[Any]) -> None:
        """Collect the future as soon as it is settled."""
        with future._condition:
            if not future.done():
                future._waiters.append(self)  # type: ignore[arg-type] # it has what is called
                return
        self.add_result(future)
