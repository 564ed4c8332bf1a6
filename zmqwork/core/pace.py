"""How long tasks take, by name: the measure that prefetch, chunks and dispatch go by."""

from __future__ import annotations

# Queued behind a task this long, another one would wait noticeably (DESIGN 6: no prefetch).
LONG_SECONDS = 0.1

# A new batch weighs as if about this many tasks had been seen before it.
_MEMORY = 16

NAMES_MAX = 10_000


class Pace:
    """A moving mean of the run time per task name, in seconds.

    Bound: NAMES_MAX names; beyond it new names count as unknown. (A worker knows the names that
    it registered, a producer those that it submits.)
    """

    __slots__ = ("_means", "_short_seconds")

    def __init__(self, short_seconds: float = LONG_SECONDS) -> None:
        self._means: dict[str, float] = {}
        self._short_seconds = short_seconds

    def observe(self, name: str, count: int, seconds: float) -> None:
        """`count` tasks of this name ran `seconds` in all."""
        if count < 1:
            return
        sample = max(0.0, seconds) / count
        mean = self._means.get(name)
        if mean is None:
            if len(self._means) < NAMES_MAX:
                self._means[name] = sample
            return
        self._means[name] = mean + (sample - mean) * count / (count + _MEMORY)

    def mean(self, name: str) -> float | None:
        """Seconds per task, or None while nothing was measured."""
        return self._means.get(name)

    def is_short(self, name: str) -> bool:
        """Whether the name is known, and known not to be long."""
        mean = self._means.get(name)
        return mean is not None and mean <= self._short_seconds
