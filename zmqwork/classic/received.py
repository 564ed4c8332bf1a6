"""Which numbers have come: all of them but the gaps."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

# A gap is what a worker took along, or what it still works at. More of them than this cannot be
# told apart any more: the oldest one is closed, and stays missing whatever comes later.
GAPS_MAX = 100_000


class Received:
    """The numbers from 0 that have come, as sorted ranges without touching neighbours.

    Attributes:
        count: how many different numbers have come.
        duplicates: how often a number came that had come before.
    """

    __slots__ = ("_ends", "_gaps_max", "_starts", "count", "duplicates")

    def __init__(self, gaps_max: int = GAPS_MAX) -> None:
        self._starts: list[int] = []  # bound: gaps_max + 1
        self._ends: list[int] = []
        self._gaps_max = gaps_max
        self.count = 0
        self.duplicates = 0

    def add(self, first: int, count: int) -> None:
        """Note that `count` successive numbers have come, `first` being the first."""
        starts, ends = self._starts, self._ends
        end = first + count
        if ends and first == ends[-1]:  # in order: the usual case
            ends[-1] = end
            self.count += count
            return
        left = bisect_right(ends, first - 1)  # the first range that reaches up to us, or beyond
        right = bisect_right(starts, end)  # the first range that begins behind us
        before = sum(ends[i] - starts[i] for i in range(left, right))
        if left < right:
            first, end = min(first, starts[left]), max(end, ends[right - 1])
        starts[left:right], ends[left:right] = [first], [end]
        new = end - first - before
        self.count += new
        self.duplicates += count - new
        if len(starts) > self._gaps_max + 1:
            # What is in the oldest gap stays uncounted, and is a duplicate if it comes after all.
            del starts[1], ends[0]

    def ranges(self) -> tuple[tuple[int, int], ...]:
        """What has come, as (first, end) with the end excluded."""
        return tuple(zip(self._starts, self._ends, strict=True))

    def gaps(self, total: int) -> Iterator[tuple[int, int]]:
        """What has not come below `total`, as (first, end) with the end excluded."""
        at = 0
        for start, end in zip(self._starts, self._ends, strict=True):
            if start >= total:
                break
            if start > at:
                yield at, start
            at = end
        if at < total:
            yield at, total

    def highest(self) -> int:
        """One more than the highest number that has come; 0: none has."""
        return self._ends[-1] if self._ends else 0
