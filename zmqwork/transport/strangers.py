"""Connections that come to nothing: who speaks no ZeroMQ, has no key, or only looks at the port."""

from __future__ import annotations

import logging

_log = logging.getLogger("zmqwork")

# Seconds until it is said again. A health check comes every few seconds.
_SILENCE = 60.0


class Strangers:
    """Counts those who leave without a message, and says so now and then."""

    def __init__(self) -> None:
        self._untold = 0
        self._told_at: float | None = None

    def left(self, now: float) -> None:
        """One has gone, or was sent away by libzmq, which does not tell why."""
        self._untold += 1
        if self._told_at is not None and now - self._told_at < _SILENCE:
            return
        self._told_at = now
        _log.info(
            "connections that ended before a message came: %d (who speaks no ZeroMQ, or may not)",
            self._untold,
        )
        self._untold = 0
