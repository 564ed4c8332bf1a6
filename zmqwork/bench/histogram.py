"""A histogram of durations that can be merged, stored, and asked for percentiles.

Each power of two is divided into 64 buckets of one width (the idea of HdrHistogram), so a value is
known to 1.6 %, whether it is a microsecond or an hour, and a histogram of many values takes no
more room than one of a few hundred. Two of them, of two runs or two producers, are merged
without any loss: their counts are added.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, Self

_PER_OCTAVE = 64
# What is shorter, as 0.0 on a coarse clock, is counted in the bucket of this.
_LEAST = 1e-9


class Histogram:
    """Durations in seconds, 0 and above.

    Attributes:
        count: how many.
        total: their sum.
        least, most: the shortest and the longest, exactly; 0.0 while there are none.
    """

    __slots__ = ("_buckets", "count", "least", "most", "total")

    def __init__(self) -> None:
        # Bound: 64 for each power of two between the shortest and the longest.
        self._buckets: Counter[int] = Counter()
        self.count = 0
        self.total = 0.0
        self.least = 0.0
        self.most = 0.0

    def __repr__(self) -> str:
        return f"<Histogram of {self.count}, p50 {self.percentile(0.5)}>"

    def add(self, seconds: float) -> None:
        """One more."""
        # seconds == fraction * 2**exponent, and 0.5 <= fraction < 1
        fraction, exponent = math.frexp(max(seconds, _LEAST))
        self._buckets[exponent * _PER_OCTAVE + int((2 * fraction - 1) * _PER_OCTAVE)] += 1
        self.least = min(self.least, seconds) if self.count else seconds
        self.most = max(self.most, seconds)
        self.count += 1
        self.total += seconds

    def merge(self, other: Histogram) -> None:
        """Add all of another one."""
        if not other.count:
            return
        self.least = min(self.least, other.least) if self.count else other.least
        self.most = max(self.most, other.most)
        self._buckets += other._buckets
        self.count += other.count
        self.total += other.total

    def percentile(self, share: float) -> float | None:
        """What so many of them, from 0 to 1, do not exceed (nearest rank); None: there are none."""
        if not self.count:
            return None
        rank = max(1, math.ceil(share * self.count))
        if rank == self.count:
            return self.most
        for index in sorted(self._buckets):
            rank -= self._buckets[index]
            if rank <= 0:
                return min(max(_middle(index), self.least), self.most)
        raise AssertionError("the buckets hold as many as were counted")

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "per_octave": _PER_OCTAVE,
            "count": self.count,
            "total": self.total,
            "least": self.least,
            "most": self.most,
            "buckets": [list(pair) for pair in sorted(self._buckets.items())],
        }

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Self:
        """From what `plain` has made. Raises KeyError, TypeError or ValueError."""
        if plain["per_octave"] != _PER_OCTAVE:
            raise ValueError(f"a histogram with {plain['per_octave']!r} buckets for a power of two")
        made = cls()
        made._buckets.update({int(index): int(count) for index, count in plain["buckets"]})
        made.count, made.total = int(plain["count"]), float(plain["total"])
        made.least, made.most = float(plain["least"]), float(plain["most"])
        if min(made._buckets.values(), default=1) < 1 or made._buckets.total() != made.count:
            raise ValueError("a histogram whose buckets are not its count")
        return made


def _middle(index: int) -> float:
    """The value in the middle of a bucket."""
    exponent, place = divmod(index, _PER_OCTAVE)
    return math.ldexp(1 + (place + 0.5) / _PER_OCTAVE, exponent - 1)
