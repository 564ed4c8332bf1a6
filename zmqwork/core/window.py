"""How many attempts a worker grants, and how its producers share them.

The total is slots + prefetch. Prefetch hides the round trip to the producer: per slot as many
tasks as run in that time, none for tasks above `pace.LONG_SECONDS` (no hoarding). The round trip
is measured from DONE to DONE_ACK, so it includes the producer's own turn of work; where results
go to a sink, it begins with the way there. It is the longest of late, not the mean: a window that
shrinks at the first quick answer is too small for the next burst, and what crosses the smaller
credit on the wire must come back.
"""

from __future__ import annotations

import math

from zmqwork.core.pace import LONG_SECONDS

# In this many seconds a round trip that is not seen again loses half of its weight.
_HALF_LIFE = 1.0

# A credit that changes by less than this part is not worth a message.
STEP = 0.25

# A producer that answers more slowly than this gets no larger a window for it: what is granted is
# at most twice this long a time of work.
_ROUND_TRIP_MAX = 0.2


class Window:
    """The measured round trip and run time of one worker, in seconds."""

    __slots__ = ("_acked_at", "_mean", "_prefetch", "_prefetch_max", "_round_trip", "_slots")

    def __init__(self, slots: int, prefetch_max: int) -> None:
        self._slots = slots
        self._prefetch_max = prefetch_max
        self._prefetch = 0  # per slot
        self._round_trip = 0.0
        self._acked_at = 0.0
        self._mean: float | None = None

    def ran(self, count: int, seconds: float) -> None:
        """`count` attempts ran `seconds` in all."""
        sample = seconds / count
        if self._mean is None:
            self._mean = sample
        else:
            self._mean += (sample - self._mean) * count / (count + 16)

    def acked(self, seconds: float, now: float) -> None:
        """A DONE_ACK came this long after its DONE, or after the results went to a sink."""
        faded: float = self._round_trip * 0.5 ** ((now - self._acked_at) / _HALF_LIFE)
        self._round_trip = max(min(seconds, _ROUND_TRIP_MAX), faded)
        self._acked_at = now

    @property
    def round_trip(self) -> float:
        """Seconds from DONE to DONE_ACK, the longest of late."""
        return self._round_trip

    def total(self) -> int:
        """Attempts to grant, over all producers."""
        mean = self._mean
        if mean is None or mean > LONG_SECONDS:
            self._prefetch = 0
            return self._slots
        # One round trip for the tasks on their way, one for the outcomes on theirs. In powers
        # of two, and down only by four at once: a credit that flickers costs messages.
        horizon = max(1, math.ceil(2 * self._round_trip / max(mean, 1e-7)))
        prefetch = 1 << min(horizon - 1, 1 << 24).bit_length()
        if prefetch > self._prefetch or prefetch * 4 <= self._prefetch:
            self._prefetch = prefetch
        return self._slots + min(self._prefetch_max, self._slots * self._prefetch)


def share(total: int, claims: list[tuple[bool, int]]) -> list[int]:
    """Divide `total` among producers: each claim is (whether tasks wait there, how many are here).

    Those with waiting tasks share evenly what the others do not use; where none waits, all that
    have attempts here share, else all. The sum never exceeds `total`, and the first ones get what
    does not divide.
    """
    sharing = [waits for waits, _ in claims]
    left = total
    shares = [0] * len(claims)
    if any(sharing):
        for index, (waits, count) in enumerate(claims):
            if not waits:
                shares[index] = min(count, left)
                left -= shares[index]
    else:
        sharing = [count > 0 for _, count in claims]
        if not any(sharing):
            sharing = [True] * len(claims)
    takers = [index for index, takes in enumerate(sharing) if takes]
    for place, index in enumerate(takers):
        shares[index] = left // len(takers) + (1 if place < left % len(takers) else 0)
    return shares


def adjust(
    total: int, limits: list[int], shares: list[int], *, exact: bool
) -> list[tuple[int, int]]:
    """The limits to tell anew, as (index, limit), so that their sum never exceeds `total`.

    Lowered ones come first. Small changes are not told, unless `exact`; but whoever is due a raise
    that is worth telling gets it, if need be from those that are only a little above their share.
    A limit of -1 was never told.
    """
    before = [max(0, limit) for limit in limits]
    steps = [1.0 if exact else max(1.0, STEP * limit) for limit in before]
    raises = zip(before, shares, steps, strict=True)
    spent = sum(before)
    missing = spent - total + sum(due - limit for limit, due, step in raises if due - limit >= step)
    told = []
    for index in sorted(range(len(limits)), key=lambda index: shares[index] - limits[index]):
        limit = min(shares[index], before[index] + max(0, total - spent))
        change = limit - before[index]
        if abs(change) < steps[index] and limits[index] >= 0 and (change >= 0 or missing <= 0):
            continue
        spent += change
        missing += min(0, change)
        told.append((index, limit))
    return told
