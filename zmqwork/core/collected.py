"""What a sink has of one producer: which numbers, and whether that is all."""

from __future__ import annotations

from zmqwork.core.delivery import (
    HAS_HOLDING,
    HAS_NOT,
    HAS_TAKEN,
    RANGES_MAX,
    End,
    Ended,
    Parcel,
)
from zmqwork.core.ranges import Ranges, runs


class Collected:
    """The results of one producer at a sink.

    A number is **seen** from its arrival on, **held** until its result is stored, and **taken**
    from then on.

    Attributes:
        producer_id: under which the results are numbered.
        name: how people tell the producer apart.
        seen: numbers whose results came. Bound: the holes that failed tasks leave where no floor
            closes them, and what is under way.
        held: those whose results are not stored yet. Bound: the credit of the workers.
        received: results that came in the life of this process, without duplicates.
        stored: results that are stored, in this process and in what it remembers. Of the numbers
            that are taken, those below the floor may have none.
        floor: all numbers below count as taken, whether they have a result or not.
        end: what it said last of its end; None: there may be more.
        ending: the nodes to which ENDED is owed, and what each has said. Bound: its sessions.
        told: the last report about it, so that nobody is told the same twice.
        sessions: how many of its nodes are connected.
    """

    __slots__ = (
        "end",
        "ending",
        "floor",
        "held",
        "name",
        "producer_id",
        "received",
        "seen",
        "sessions",
        "stored",
        "told",
    )

    def __init__(self, producer_id: str, taken: Ranges | None = None, stored: int = 0) -> None:
        self.producer_id = producer_id
        self.name = producer_id[:8]
        self.seen = Ranges() if taken is None else taken
        self.held: set[int] = set()
        self.received = 0
        self.stored = stored
        self.floor = 0
        self.end: End | None = None
        self.ending: dict[str, End] = {}
        self.told: tuple[int, ...] = ()
        self.sessions = 0

    def __repr__(self) -> str:
        return f"<Collected {self.name}, {self.stored} stored, {len(self.held)} held>"

    @property
    def is_idle(self) -> bool:
        """Whether nothing is lost here but memories when it is forgotten."""
        return not self.sessions and not self.held and not self.ending

    def receive(self, parcel: Parcel) -> Parcel | None:
        """Take in what is new of a parcel: what is to be stored; None: all of it was seen."""
        numbers = parcel.sink_seqs
        if not numbers:
            return None
        seen = self.seen
        spans = spans_of(numbers)
        if spans[0][0] >= seen.end or all(seen.lack_all(*span) for span in spans):
            before = seen.count
            for first, last in spans:
                seen.add(first, last)
            if seen.count - before == len(numbers):
                return self._kept(parcel)
            # The same number twice in one parcel: the later one counts, as good as the other.
            places = {number: place for place, number in enumerate(numbers)}
        else:
            places = {number: p for p, number in enumerate(numbers) if number not in seen}
            seen.add_all(sorted(places))
        if not places:
            return None
        chosen = list(places.values())
        return self._kept(
            Parcel(
                parcel.producer_id,
                parcel.name,
                list(places),
                [parcel.seqs[place] for place in chosen],
                [parcel.values[place] for place in chosen],
            )
        )

    def _kept(self, parcel: Parcel) -> Parcel:
        numbers = parcel.sink_seqs
        self.held.update(numbers)
        self.received += len(numbers)
        if self.end is not None and max(numbers) > self.end.count:
            self.end = None  # it went on
        return parcel

    def store(self, numbers: list[int]) -> None:
        """The results with these numbers are stored."""
        self.held.difference_update(numbers)
        self.stored += len(numbers)

    def taken(self) -> Ranges:
        """The numbers that are taken; not to be changed."""
        if not self.held:
            return self.seen
        held = Ranges(spans_of(list(self.held)))
        taken = Ranges(gap for span in self.seen for gap in held.gaps(*span, len(held) + 1))
        if self.floor:
            taken.add(1, self.floor - 1)
        return taken

    def raise_floor(self, floor: int) -> bool:
        """Let all numbers below count as taken; False if they do already."""
        if floor <= max(1, self.floor):
            return False
        self.floor = floor
        self.seen.add(1, floor - 1)
        return True

    def states(self, numbers: list[int]) -> list[int]:
        """HAS_* of each of these numbers."""
        seen, held, floor = self.seen, self.held, self.floor
        return [
            HAS_NOT if number not in seen
            else HAS_HOLDING if number in held and number >= floor
            else HAS_TAKEN
            for number in numbers
        ]  # fmt: skip

    def finish(self, end: End, node_id: str) -> None:
        """A node said that there is no more; ENDED is owed to it as soon as nothing is held."""
        self.end = end
        self.ending[node_id] = end

    def ended(self, end: End) -> Ended:
        """What there is to say of its end."""
        return Ended(self.stored, self._gaps(end)[:RANGES_MAX])

    def _gaps(self, end: End) -> list[list[int]]:
        """The numbers without a result."""
        taken = self.taken()
        return [
            gap for first, last in end.spans for gap in taken.gaps(first, last, last - first + 1)
        ]

    def lacking(self, end: End) -> int:
        """How many results are missing that succeeded."""
        holes = sum(last - first + 1 for first, last in self._gaps(end))
        # Each is one bound: a floor fills holes, and of a task that failed there may be a result.
        return max(0, holes - (end.given - end.succeeded), end.succeeded - self.stored)


def spans_of(numbers: list[int]) -> list[tuple[int, int]]:
    """Numbers in any order as ranges: (first, last) each, in order."""
    spans = runs(numbers)
    # Several slots of one worker end their tasks in turn: sorted, these are few ranges again.
    return spans if len(spans) == 1 else runs(sorted(numbers))
