"""Whether a worker is fit for work: faults of its own, in a row, say that it is not.

A **worker fault** is the end of an attempt for which its task need not be to blame: its handler has
rejected it, or its child died; or a child died before it could run anything. What a handler raises
is the task's.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from zmqwork.core.clients import Held


class Fitness:
    """Counts worker faults about different tasks since the last success.

    Args:
        limit: so many make it unfit; 0: they do not.

    Attributes:
        blamed: what they were about. Bound: `limit`.
        why: why it is unfit, in words; empty: it is fit.
    """

    __slots__ = ("_limit", "_starts", "blamed", "why")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._starts = 0
        self.blamed: set[Hashable] = set()
        self.why = ""

    def _fault(self, task: tuple[str, int], text: str) -> None:
        # (The same task again says nothing new of the worker.)
        if not self._limit or self.why:
            return
        self.blamed.add(task)
        if len(self.blamed) >= self._limit:
            self.why = f"{self._limit} worker faults in a row, the last: {text}"

    def rejected(self, held: Held, error: Mapping[str, Any]) -> None:
        """The handler of this attempt has rejected it; perhaps it says that the worker is unfit."""
        text = f"a handler of {held.name!r} rejected its task: {error['text']}"
        if error.get("unfit"):
            self.declare(text)
        self._fault((held.producer_id, held.seq), text)

    def died(self, held: Held) -> None:
        """The child that ran this attempt died."""
        self._fault((held.producer_id, held.seq), f"the child process that ran {held.name!r} died")

    def stillborn(self, text: str) -> None:
        """A child died at its start."""
        self._starts += 1
        self._fault(("", self._starts), text)

    def succeeded(self) -> None:
        """An attempt succeeded, after faults."""
        self.blamed.clear()

    def declare(self, why: str) -> None:
        """It is known to be unfit, whatever was counted."""
        self.why = self.why or why
