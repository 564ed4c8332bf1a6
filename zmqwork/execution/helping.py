"""A task that waits for another one: meanwhile its slot is lent to what it waits for.

A task that holds a slot and waits for one that needs a slot may wait for ever. So whoever waits
takes the awaited task back from its producer, unless somebody has begun it, and runs it here. What
remains to be waited for runs somewhere, or waits in the same way: the last one in that chain runs.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zmqwork.execution import invoke
from zmqwork.execution.chunks import SUFFIX
from zmqwork.execution.context import Item
from zmqwork.execution.handlers import Handlers
from zmqwork.execution.speech import voice
from zmqwork.queues import ALL_QUEUES, Queues

# Handlers that may wait for other tasks. Bounded by the program's text.
_waiting_handlers: set[Callable[..., Any]] = set()


def allow_wait(handler: Callable[..., Any]) -> None:
    """This handler may wait for other tasks; said wherever its module is imported."""
    _waiting_handlers.add(handler)


def share_wait(handler: Callable[..., Any], other: Callable[..., Any]) -> None:
    """`other` runs this handler: the same holds for it."""
    if handler in _waiting_handlers:
        _waiting_handlers.add(other)


@dataclass(eq=False, slots=True)
class LentItem:
    """One attempt that runs in the slot of another one. What it says, nobody hears."""

    name: str
    args: bytes
    seq: int
    attempt: int
    options: dict[str, Any]
    producer_id: str
    lender: Item
    deadline_at: float | None = None
    speech: Any = None

    @property
    def dropped(self) -> bool:
        """Whether its result is not wanted any more: its lender's is not."""
        return self.lender.dropped


class Helper:
    """What a slot can run for the task that waits in it.

    Args:
        handlers: the worker's.
        finish: runs coroutines, as for `invoke.run`.
        queues: those that the worker serves.
    """

    __slots__ = ("_finish", "handlers", "queues")

    def __init__(
        self, handlers: Handlers, finish: invoke.Finish, queues: Queues = ALL_QUEUES
    ) -> None:
        self.handlers = handlers
        self.queues = queues
        self._finish = finish

    def may_wait(self, item: Item) -> bool:
        """Whether the task that runs was declared with ``allow_wait=True``."""
        return self.handlers.get(item.name.removesuffix(SUFFIX)) in _waiting_handlers

    def run(self, item: LentItem) -> invoke.Outcome:
        """Run it here and now."""
        handler = self.handlers.get(item.name)
        if handler is None:
            return invoke.missing(item.name)
        # In a context of its own, so that the lender's is as it was.
        context = contextvars.copy_context()
        context.run(voice.set, None)
        return context.run(invoke.run, handler, item, self._finish)


# That of the slot in which this code runs; None: nobody may wait there.
helper: contextvars.ContextVar[Helper | None] = contextvars.ContextVar(
    "zmqwork_helper", default=None
)
