"""Whose turn it is: which lane the workers of a group are given next, and how much of it.

Lanes compete by rank (`lanes`), unless the workers were told otherwise of their queues. **Strict**:
a later queue only gets what the earlier ones leave. With **weights**, each queue has a share of
what they take: start-time fair queuing (Goyal, Vin, Cheng, 1996). A queue with nothing to take has
no turn, and saves none for later. Within a queue, it is rank again.
"""

from __future__ import annotations

from collections.abc import Sequence

from zmqwork.core.lanes import Lane, Rank
from zmqwork.core.messages import BATCH_COUNT_MAX
from zmqwork.queues import Queues

# Where the next lane may overtake before this one is empty, no more is taken at once: order, and
# shares, are kept to this grain.
LANE_GRAIN = 64


class Turns:
    """Lanes of all queues by rank."""

    __slots__ = ()

    def next(self, lanes: list[Lane]) -> tuple[Lane, int]:
        """Of two or more lanes, in which tasks wait, the next; and how many to take at most.

        They are sorted on the way, so that asking again costs little.
        """
        lanes.sort(key=Lane.rank)
        return lanes[0], _grain(lanes[0], lanes[1])

    def served(self, lane: Lane, count: int) -> None:
        """So many were taken."""


class Strict(Turns):
    """Queues in the order in which they are named."""

    __slots__ = ("_places",)

    def __init__(self, queues: Sequence[str]) -> None:
        self._places = {queue: place for place, queue in enumerate(queues)}

    def next(self, lanes: list[Lane]) -> tuple[Lane, int]:
        """As `Turns.next`."""
        lanes.sort(key=self._order)
        first, second = lanes[:2]
        return first, BATCH_COUNT_MAX if first.queue != second.queue else _grain(first, second)

    def _order(self, lane: Lane) -> tuple[int, Rank]:
        return self._places[lane.queue], lane.rank()


class Weighted(Turns):
    """Each queue by its weight.

    A queue's tasks take up a span of virtual time each, of 1 / weight. The one whose next task
    begins first is next.
    """

    __slots__ = ("_ends", "_grains", "_now", "_weights")

    def __init__(self, queues: Sequence[str], weights: Sequence[int]) -> None:
        self._weights = dict(zip(queues, weights, strict=True))
        # A turn of every queue is about LANE_GRAIN together.
        total = sum(self._weights.values())
        self._grains = {q: max(1, LANE_GRAIN * w // total) for q, w in self._weights.items()}
        # Where in virtual time the last task of a queue ended. Bound: the queues.
        self._ends = dict.fromkeys(queues, 0.0)
        self._now = 0.0  # where the task began that was taken last

    def next(self, lanes: list[Lane]) -> tuple[Lane, int]:
        """As `Turns.next`."""
        lanes.sort(key=self._order)
        return lanes[0], self._grains[lanes[0].queue]

    def served(self, lane: Lane, count: int) -> None:
        """So many were taken."""
        self._now = self._begin(lane.queue)
        self._ends[lane.queue] = self._now + count / self._weights[lane.queue]

    def _begin(self, queue: str) -> float:
        return max(self._now, self._ends[queue])

    def _order(self, lane: Lane) -> tuple[float, int, Rank]:
        # (Of two that begin at the same time the heavier one: it will have its next turn sooner.)
        return self._begin(lane.queue), -self._weights[lane.queue], lane.rank()


def turns(queues: Queues) -> Turns:
    """How workers take turns that say this of their queues."""
    if queues.strict:
        return Strict(queues.names)
    return Weighted(queues.names, queues.weights) if queues.weights else _PLAIN


def _grain(first: Lane, second: Lane) -> int:
    return BATCH_COUNT_MAX if first.is_before(second.rank()) else LANE_GRAIN


_PLAIN = Turns()
