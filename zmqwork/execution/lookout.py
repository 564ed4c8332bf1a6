"""Looks after outcomes that wait, in a slot, behind an attempt that takes long after all."""

from __future__ import annotations

from collections.abc import Callable

from zmqwork.execution.pool import Host

# How late an outcome may be, when the slot does not report it by itself ...
_FIRST_DELAY = 0.01
# ... and how late when nothing has come for long: an hour's task is looked at four times a second.
_LAST_DELAY = 0.25


class Lookout:
    """Calls `look` now and then, as long as it returns True. At most one timer at a time.

    Args:
        host: the loop.
        look: take what is there; True while there may be more.
    """

    __slots__ = ("_armed", "_delay", "_host", "_look")

    def __init__(self, host: Host, look: Callable[[], bool]) -> None:
        self._host = host
        self._look = look
        self._armed = False
        self._delay = _FIRST_DELAY

    def arm(self) -> None:
        """More was given to the slot."""
        self._delay = _FIRST_DELAY
        if not self._armed:
            self._armed = True
            self._host.call_later(self._delay, self._due)

    def _due(self) -> None:
        self._armed = self._look()
        if self._armed:
            self._delay = min(self._delay * 2, _LAST_DELAY)
            self._host.call_later(self._delay, self._due)
