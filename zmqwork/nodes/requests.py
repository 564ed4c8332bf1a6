"""Questions to a machine from other threads, answered by its loop."""

from __future__ import annotations

import threading
from typing import Any

from zmqwork.core.effects import Answer
from zmqwork.errors import UsageError

# A loop that does not answer within this is stuck or gone; it answers in milliseconds.
_ANSWER_TIMEOUT = 30.0


class Request:
    """One question: the asking thread waits, the loop's thread answers."""

    __slots__ = ("_answered", "value")

    def __init__(self) -> None:
        self._answered = threading.Event()
        self.value: Any = None

    def answer(self, value: Any) -> None:
        """Let the asking thread go on with this value."""
        self.value = value
        self._answered.set()

    def wait(self, timeout: float = _ANSWER_TIMEOUT) -> Any:
        """The answer. Raises `UsageError` if the node does not answer: it has stopped."""
        if not self._answered.wait(timeout):
            raise UsageError(f"the node did not answer within {timeout:g} s")
        return self.value


def deliver(effect: Answer) -> None:
    """Perform an `Answer`."""
    if isinstance(effect.request, Request):
        effect.request.answer(effect.value)
