"""When tasks expire: those of one instant together, so that a task costs no timer of its own."""

from __future__ import annotations

from collections.abc import Container

from zmqwork.core.timers import Timers

_SLACK = 64


class Deadlines:
    """Numbers of tasks by the instant at which they expire; ("expire", instant) in the timers.

    What is settled stays in its list for a while: nothing is paid when a task ends in time. Bound:
    twice the unsettled tasks and a constant, as long as `sweep` is called after each turn.
    """

    __slots__ = ("_count", "_passed", "_seqs", "_timers")

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._seqs: dict[float, list[int]] = {}
        self._count = 0
        self._passed = float("-inf")

    def add(self, at: float, seqs: list[int]) -> None:
        """These expire at this instant."""
        there = self._seqs.get(at)
        if there is None:
            there = self._seqs[at] = []
            self._timers.set(("expire", at), at)
        there += seqs
        self._count += len(seqs)

    def has_passed(self, at: float) -> bool:
        """Whether what expires at this instant was taken, and has to be added to expire again."""
        return at <= self._passed

    def take(self, at: float) -> list[int]:
        """The instant has come: what expires now, if it is unsettled."""
        self._passed = max(at, self._passed)
        seqs = self._seqs.pop(at)
        self._count -= len(seqs)
        return seqs

    def sweep(self, unsettled: Container[int], count: int) -> None:
        """Forget what is settled, when that may be much; `count` tasks are `unsettled`."""
        if self._count <= (_SLACK + 2 * count if count else 0):
            return
        for at, seqs in list(self._seqs.items()):
            left = [seq for seq in seqs if seq in unsettled]
            self._count -= len(seqs) - len(left)
            if left:
                self._seqs[at] = left
            else:
                del self._seqs[at]
                self._timers.cancel(("expire", at))
