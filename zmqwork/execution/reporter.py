"""Outcomes of one slot on their way to the worker: together when quick, never held back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import perf_counter

from zmqwork.core.events import Event, Finished
from zmqwork.execution.invoke import Outcome

# An outcome waits for its successors no longer than this while they are quick. `Lookout` fetches
# it when one of them is not.
_HOLD_SECONDS = 0.002


class Reporter:
    """Gathers outcomes of one slot. `begin` before each attempt, `add` after it.

    Its slot's thread calls these; `post` and `close` may be called by another one.
    """

    __slots__ = (
        "_ended_at",
        "_lock",
        "_name",
        "_post",
        "_posted_at",
        "_results",
        "_since",
        "_slot",
    )

    def __init__(self, post: Callable[[Event], None], slot: int) -> None:
        self._post: Callable[[Event], None] | None = post
        self._slot = slot
        self._lock = threading.Lock()
        self._results: list[Outcome] = []
        self._name = ""
        # These attempts ran from ... to, in all.
        self._since = self._ended_at = self._posted_at = perf_counter()

    def begin(self, name: str) -> None:
        """An attempt of this task begins."""
        if name != self._name or not self._results:
            # Together go only outcomes of one task: their time is reported in one sum.
            if self._results:
                self.post()
            self._name = name
            self._since = perf_counter()

    def add(self, outcome: Outcome) -> bool:
        """It ended; True if it was time to report."""
        with self._lock:
            self._results.append(outcome)
            self._ended_at = now = perf_counter()
        if now - self._posted_at < _HOLD_SECONDS:
            return False
        self.post()
        return True

    def post(self) -> None:
        """Report what is gathered."""
        # Under the lock, so that what another thread takes next is not reported first.
        with self._lock:
            results, self._results = self._results, []
            if not results:
                return  # the attempt that runs began when it began
            spent = self._ended_at - self._since
            self._since = self._posted_at = self._ended_at
            if self._post is not None:
                self._post(Finished(self._slot, results, spent))

    def close(self) -> None:
        """Nothing is reported from now on."""
        with self._lock:
            self._post = None
