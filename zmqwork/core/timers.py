"""Deadlines by key: set, cancel, what is due, and when the next one is."""

from __future__ import annotations

from collections.abc import Hashable
from heapq import heapify, heappop, heappush

# An instant, what breaks ties in the order of setting (so that keys are never compared), the key.
_Item = tuple[float, int, Hashable]


class Timers:
    """A heap with lazy deletion: a moved or cancelled deadline leaves its old heap item behind.

    Bound: the heap never holds more than twice the live keys plus a constant; beyond that it is
    rebuilt, so that the cost stays O(log n) amortised. The keys are bounded by their owner.
    """

    _SLACK = 64

    __slots__ = ("_count", "_heap", "_set")

    def __init__(self) -> None:
        # What is set, and all that was: the live ones of the heap are the very items of the dict.
        self._set: dict[Hashable, _Item] = {}
        self._heap: list[_Item] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._set)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._set

    def set(self, key: Hashable, at: float) -> None:
        """Let `key` be due at `at`, instead of any earlier setting."""
        self._count += 1
        item = self._set[key] = (at, self._count, key)
        heappush(self._heap, item)
        self._sweep()

    def set_default(self, key: Hashable, at: float) -> None:
        """As `set`, unless `key` has a deadline already."""
        if key not in self._set:
            self.set(key, at)

    def cancel(self, key: Hashable) -> None:
        """Forget `key`; nothing happens if it is not set."""
        if self._set.pop(key, None) is not None:
            self._sweep()

    def _sweep(self) -> None:
        if len(self._heap) > 2 * len(self._set) + self._SLACK:
            self._heap = list(self._set.values())
            heapify(self._heap)

    def at(self, key: Hashable) -> float | None:
        """When `key` is due; None if it is not set."""
        found = self._set.get(key)
        return None if found is None else found[0]

    def due(self, now: float) -> list[Hashable]:
        """Remove and return the keys whose instant has come, earliest first."""
        keys: list[Hashable] = []
        heap = self._heap
        if not heap or heap[0][0] > now:  # in most turns
            return keys
        while heap and heap[0][0] <= now:
            item = heappop(heap)
            key = item[2]
            if self._set.get(key) is item:
                del self._set[key]
                keys.append(key)
        self._sweep()
        return keys

    def next(self) -> float | None:
        """The earliest instant that is set."""
        heap = self._heap
        while heap:
            item = heap[0]
            if self._set.get(item[2]) is item:
                return item[0]
            heappop(heap)
        return None
