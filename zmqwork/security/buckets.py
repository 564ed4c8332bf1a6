"""Token buckets: how often something may happen, for each of many sources."""

from __future__ import annotations

from collections.abc import Hashable


class Buckets:
    """A bucket per key, full at the beginning. Bound: the keys that were seen last.

    Args:
        rate: tokens that come back in a second.
        size: tokens that a bucket holds.
        keys_max: buckets that are kept; one that was forgotten is full again.
    """

    def __init__(self, rate: float, size: float, keys_max: int) -> None:
        self._rate = rate
        self._size = size
        self._keys_max = keys_max
        self._levels: dict[Hashable, tuple[float, float]] = {}  # the level, and at which instant

    def take(self, key: Hashable, now: float) -> bool:
        """Take a token; False: there is none."""
        level, at = self._levels.pop(key, (self._size, now))
        level = min(self._size, level + max(0.0, now - at) * self._rate)
        taken = level >= 1.0
        self._levels[key] = (level - 1.0 if taken else level, now)
        if len(self._levels) > self._keys_max:
            del self._levels[next(iter(self._levels))]
        return taken
