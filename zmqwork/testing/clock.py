"""Virtual time."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any


class FakeClock:
    """A clock that stands still until somebody advances it, and what is to happen when.

    Calling it gives the instant, in seconds. What is due at one instant happens in the order in
    which it was asked for.
    """

    __slots__ = ("_count", "_heap", "now")

    def __init__(self, start: float = 0.0) -> None:
        self.now = start
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def __call__(self) -> float:
        """The instant that it is."""
        return self.now

    def __len__(self) -> int:
        """How much is still to happen."""
        return len(self._heap)

    def call_at(self, at: float, callback: Callable[..., None], *args: Any) -> None:
        """Let `callback` happen at an instant; one that has passed means now."""
        self._count += 1
        heappush(self._heap, (max(at, self.now), self._count, callback, args))

    def call_later(self, delay: float, callback: Callable[..., None], *args: Any) -> None:
        """Let `callback` happen in `delay` seconds."""
        self.call_at(self.now + delay, callback, *args)

    def step(self, until: float = float("inf")) -> bool:
        """Go to the next thing to happen and let it happen; False if none is due by `until`."""
        heap = self._heap
        if not heap or heap[0][0] > until:
            return False
        self.now, _, callback, args = heappop(heap)
        callback(*args)
        return True

    def run_until(self, until: float) -> None:
        """Let everything happen that is due by then, and stand there."""
        while self.step(until):
            pass
        self.now = max(self.now, until)

    def run_for(self, seconds: float) -> None:
        """`run_until`, from now."""
        self.run_until(self.now + seconds)
