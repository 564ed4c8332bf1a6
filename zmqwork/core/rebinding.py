"""When all connections to a bound socket are ended, because some of them are not to be.

libzmq cannot end a single one, so honest nodes are cut off with the others for a tenth of a second.
"""

from __future__ import annotations

from typing import Final

from zmqwork.core.effects import Effect, Rebind
from zmqwork.core.timers import Timers

# A key that is not admitted may still have a connection, from before: after so many messages that
# were not heard it is ended.
_MUTED_MAX = 100
_INTERVAL = 10.0

# The name of the timer. No client has an empty node id.
DUE: Final = ("rebind", "")


class Rebinding:
    """Says `Rebind`, and not again before some seconds are over.

    Args:
        timers: of the listener, which calls `want` when `DUE` is due.
        out: where effects go.
    """

    __slots__ = ("_muted", "_next_at", "_out", "_timers")

    def __init__(self, timers: Timers, out: list[Effect]) -> None:
        self._timers = timers
        self._out = out
        self._muted = 0  # messages that were not heard since the last time
        self._next_at = float("-inf")

    def muted(self, count: int, now: float) -> None:
        """So many messages were not heard."""
        self._muted += count
        if self._muted >= _MUTED_MAX:
            self.want(now)

    def want(self, now: float) -> None:
        """End them now, or as soon as it may be."""
        if now < self._next_at:
            self._timers.set_default(DUE, self._next_at)
            return
        self._timers.cancel(DUE)
        self._muted = 0
        self._next_at = now + _INTERVAL
        self._out.append(Rebind())
