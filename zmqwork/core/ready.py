"""What waits at a worker for a slot: by priority and age, over all of its producers.

It is as in the producers' lanes, with ages from the arrival, and one step of priority for a second:
what is held here is meant to begin at once, so that nothing of it should wait for long.
"""

from __future__ import annotations

from bisect import bisect_right, insort_left
from collections import deque
from collections.abc import Sequence

from zmqwork.core.clients import Held

# Seconds that one step of priority counts for.
AGING_SECONDS = 1.0


def rank_of(priority: int, now: float) -> float:
    """Of what comes now; the smaller begins first."""
    return now - priority * AGING_SECONDS


class Ready(deque[Held]):
    """Attempts that may begin, the next one first; dropped ones are among them."""

    __slots__ = ()

    def add(self, items: Sequence[Held]) -> None:
        """These came; they are all of one rank."""
        if not self or not items or self[-1].rank <= items[0].rank:
            self.extend(items)
            return
        behind = bisect_right(self, items[0].rank, key=_rank)
        self.rotate(-behind)
        self.extend(items)
        self.rotate(behind + len(items))

    def put_back(self, items: Sequence[Held]) -> None:
        """These were taken before, in this order; they go in front of those of their rank."""
        back = sorted(items, key=_rank)  # a slot may have got more, of a smaller rank, later
        if not self or not back or back[-1].rank <= self[0].rank:
            self.extendleft(reversed(back))
            return
        for item in reversed(back):
            insort_left(self, item, key=_rank)


def _rank(held: Held) -> float:
    return held.rank
