"""How late a node's own loop is: what others sent meanwhile was not silence."""

from __future__ import annotations


class Lag:
    """The lateness of one machine's turns, in seconds.

    Args:
        tolerance: a turn that comes later than this after its deadline is late.
    """

    __slots__ = ("_deadline", "_ticked_at", "_tolerance")

    def __init__(self, tolerance: float) -> None:
        self._tolerance = tolerance
        self._ticked_at = float("-inf")
        self._deadline: float | None = None

    def of_turn(self, now: float) -> float:
        """By how much the turn that begins now is late; 0.0 if that is not worth a word."""
        deadline, ticked_at = self._deadline, self._ticked_at
        self._ticked_at = now
        if deadline is None:
            return 0.0
        lag = now - max(deadline, ticked_at)
        return lag if lag > self._tolerance else 0.0

    def promised(self, deadline: float | None) -> float | None:
        """The next turn begins at this instant at the latest; the instant."""
        self._deadline = deadline
        return deadline


def earliest(first: float | None, *others: float | None) -> float | None:
    """The earliest of some instants; None if none is set."""
    for at in others:
        if at is not None and (first is None or at < first):
            first = at
    return first
