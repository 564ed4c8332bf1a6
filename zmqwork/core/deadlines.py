"""When tasks expire: those of one instant together, so that a task costs no timer of its own."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from zmqwork.core.timers import Timers

_SLACK = 64


class Deadlines:
    """Numbers of tasks by the instant at which they expire; ("expire", instant) in the timers.

    What is settled stays for a while: nothing is paid when a task ends in time. Bound: twice the
    unsettled tasks and a constant, as long as `sweep` is called after each turn. Numbers that
    follow each other are kept as a range, which counts as one: it takes no more memory.
    """

    __slots__ = ("_count", "_passed", "_seqs", "_timers")

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._seqs: dict[float, list[Sequence[int]]] = {}
        self._count = 0
        self._passed = float("-inf")

    def add(self, at: float, seqs: list[int]) -> None:
        """These expire at this instant."""
        there = self._seqs.get(at)
        if there is None:
            there = self._seqs[at] = []
            self._timers.set(("expire", at), at)
        packed = _packed(seqs)
        there.append(packed)
        self._count += _size(packed)

    def has(self, at: float, seq: int) -> bool:
        """Whether this task expires at this instant."""
        return any(seq in seqs for seqs in self._seqs.get(at, ()))

    def has_passed(self, at: float) -> bool:
        """Whether what expires at this instant was taken, and has to be added to expire again."""
        return at <= self._passed

    def take(self, at: float) -> list[int]:
        """The instant has come: what expires now, if it is unsettled."""
        self._passed = max(at, self._passed)
        taken = self._seqs.pop(at)
        self._count -= sum(map(_size, taken))
        return [seq for seqs in taken for seq in seqs]

    def sweep(self, unsettled: AbstractSet[int]) -> None:
        """Forget what is settled, when that may be much."""
        if self._count <= (_SLACK + 2 * len(unsettled) if unsettled else 0):
            return
        for at, there in list(self._seqs.items()):
            left = [some for seqs in there if (some := _left(seqs, unsettled))]
            self._count += sum(map(_size, left)) - sum(map(_size, there))
            if left:
                self._seqs[at] = left
            else:
                del self._seqs[at]
                self._timers.cancel(("expire", at))


def _packed(seqs: list[int]) -> Sequence[int]:
    seqs = sorted(seqs)
    first, last = seqs[0], seqs[-1]
    return range(first, last + 1) if last - first == len(seqs) - 1 else seqs


def _size(seqs: Sequence[int]) -> int:
    return 1 if isinstance(seqs, range) else len(seqs)


def _left(seqs: Sequence[int], unsettled: AbstractSet[int]) -> Sequence[int]:
    """Of these numbers those that are unsettled; of a range all of them, if one is."""
    if not unsettled or unsettled.isdisjoint(seqs):
        return ()
    return seqs if isinstance(seqs, range) else [seq for seq in seqs if seq in unsettled]
