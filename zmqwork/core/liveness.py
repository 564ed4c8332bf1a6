"""Whether a peer is alive, by what was heard of it. The file does not know its role.

As with traffic lights (after TigerBeetle's fault detector): any message turns the light green;
silence turns it yellow after `suspect_timeout` and red after `lost_timeout`. Nothing here counts
heartbeats, so a busy link needs none.
"""

from __future__ import annotations

ALIVE = "alive"
SUSPECT = "suspect"
LOST = "lost"


class Liveness:
    """Silence, measured from the last sign of life. All durations are seconds."""

    __slots__ = ("heard_at", "lost_timeout", "suspect_timeout")

    def __init__(self, suspect_timeout: float, lost_timeout: float, now: float) -> None:
        self.suspect_timeout = suspect_timeout
        self.lost_timeout = lost_timeout
        self.heard_at = now

    def verdict(self, now: float) -> str:
        """ALIVE, SUSPECT or LOST at this instant."""
        # The same sums as in `next_at`: a difference could be rounded to the other side.
        if now < self.heard_at + self.suspect_timeout:
            return ALIVE
        return SUSPECT if now < self.heard_at + self.lost_timeout else LOST

    def next_at(self, now: float) -> float:
        """When the verdict will change next if nothing is heard (for LOST: never, infinity)."""
        verdict = self.verdict(now)
        if verdict == ALIVE:
            return self.heard_at + self.suspect_timeout
        return self.heard_at + self.lost_timeout if verdict == SUSPECT else float("inf")

    def forgive(self, lag: float, now: float) -> None:
        """Do not count `lag` seconds in which we ourselves did not listen (Lifeguard, 2018)."""
        self.heard_at = min(now, self.heard_at + lag)
