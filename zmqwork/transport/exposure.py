"""That a node is open to a network, without keys: it is said at its start, and again and again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

_log = logging.getLogger("zmqwork")

# Often enough for whoever looks at a log, seldom enough not to fill it.
INTERVAL = 600.0


class Exposure:
    """What others can reach of a node; if that is nothing, nothing is said.

    Args:
        endpoints: those that other machines reach.
        danger: what whoever reaches them can do.
        interval: seconds until it is said again.
    """

    def __init__(self, endpoints: Iterable[str], danger: str, interval: float = INTERVAL) -> None:
        self.endpoints = tuple(endpoints)
        self.danger = danger
        self._interval = interval
        self._say_at = float("-inf")

    def __bool__(self) -> bool:
        return bool(self.endpoints)

    def look(self, now: float) -> None:
        """Say it, if it is time to."""
        if self.endpoints and now >= self._say_at:
            self._say_at = now + self._interval
            _log.warning(
                "INSECURE: whoever reaches %s can %s", ", ".join(self.endpoints), self.danger
            )

    def stay(self, clock: Callable[[], float], call_later: _CallLater) -> None:
        """Say it, and again and again.

        Args:
            clock: the instant.
            call_later: calls after so many seconds, on the thread of a loop.
        """
        if self.endpoints:
            self.look(clock())
            call_later(self._interval, lambda: self.stay(clock, call_later))


_CallLater = Callable[[float, Callable[[], None]], None]
