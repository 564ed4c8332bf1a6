"""Every message of a link is numbered: what came twice is dropped, a gap ends the session."""

from __future__ import annotations

FRESH = "fresh"
OLD = "old"
GAP = "gap"


class Numbering:
    """The two counts of one link, one for each direction; both begin at 0."""

    __slots__ = ("received", "sent")

    def __init__(self) -> None:
        self.sent = 0
        self.received = 0

    def next(self) -> int:
        """The number of the next message to send."""
        self.sent += 1
        return self.sent

    def judge(self, number: int) -> str:
        """FRESH: the expected one, now counted. OLD: seen before. GAP: something is missing."""
        if number == self.received + 1:
            self.received = number
            return FRESH
        return OLD if number <= self.received else GAP
