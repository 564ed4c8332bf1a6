"""How long an end of a pipeline waits for the others, and what it says meanwhile."""

from __future__ import annotations

import logging
import math

from zmqwork.config import check_number
from zmqwork.errors import ConfigError, TransportError

_log = logging.getLogger("zmqwork")

# A call into libzmq waits no longer than this, so that sources are polled and `stop` is seen.
TICK = 0.1
# While there is always something to do, the kill signal and new peers are looked for this often.
LOOK_INTERVAL = 0.02
# Whoever waits says so, again and again.
SAY_INTERVAL = 10.0


class Patience:
    """Seconds to wait for somebody; None: for ever, but not silently.

    Args:
        seconds: as said.
        who: who waits.
    """

    def __init__(self, seconds: float | None, who: str) -> None:
        if seconds is not None:
            check_number("patience", seconds, 0)
        self._seconds = math.inf if seconds is None else seconds
        self._who = who
        self._since: float | None = None
        self._say_at = 0.0

    def reset(self) -> None:
        """Somebody was there."""
        self._since = None

    def heard(self, at: float) -> None:
        """Somebody was there at that instant, the last time."""
        if self._since is not None and at > self._since:
            self._since = None

    def over(self, now: float) -> bool:
        """Whether the time is over, counted from the first call after `reset`."""
        if self._since is None:
            self._since, self._say_at = now, now + SAY_INTERVAL
        return now - self._since >= self._seconds

    def say(self, what: str, now: float) -> None:
        """Log, now and then, that nothing happens."""
        if self._since is not None and now >= self._say_at:
            self._say_at = now + SAY_INTERVAL
            _log.warning("%s waits for %.0f s: %s", self._who, now - self._since, what)

    def exhausted(self, what: str) -> TransportError:
        """The error to raise when the time is over."""
        return TransportError(f"{self._who} has waited for {self._seconds:g} s: {what}")


def check_counts(low: int = 1, **values: int) -> None:
    """Raise `ConfigError` unless each is a whole number, and no less than `low`."""
    for what, value in values.items():
        check_number(what, value, low)
        if not isinstance(value, int):
            raise ConfigError(f"{what} must be a whole number, not {value!r}")
