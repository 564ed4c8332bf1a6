"""``--rate 100/s``: so many tasks in a time, evenly, with instants as arguments."""

from __future__ import annotations

import math
import re

from zmqwork.errors import UsageError

_RATE = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:/([a-z]+))?")
_UNITS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hour": 3600, "d": 86_400, "day": 86_400}
# Nobody submits faster; and its inverse is still a number that clocks can be compared with.
_PER_SECOND_MAX = 1e9
# One task in ten years.
_PER_SECOND_MIN = 1 / 315_360_000
# As many seconds' worth may go at once after a pause: what a loop's waking late costs.
_BURST_SECONDS = 0.1
# Less than a nanosecond is what adding up intervals has rounded.
_ROUNDING = 1e-9


def parse_rate(text: str) -> float:
    """``100/s``, ``5/m``, ``1000/h``, ``2.5``: tasks in a second.

    Raises:
        UsageError: it is something else, or no rate that can be kept.
    """
    found = _RATE.fullmatch(text.strip().lower())
    unit = _UNITS.get(found[2] or "s") if found else None
    if found is None or unit is None:
        raise UsageError(f"{text!r} is no rate: write 100/s, 5/m, 1000/h, or 100 for 100/s")
    per_second = float(found[1]) / unit
    if not _PER_SECOND_MIN <= per_second <= _PER_SECOND_MAX:
        raise UsageError(f"{text!r} is no rate that can be kept")
    return per_second


class Bucket:
    """A token bucket: over any time T, no more than ``per_second * T + burst`` tokens are taken.

    Args:
        per_second: tokens that come in a second.
        burst: tokens that it holds at most, and at first; None: a tenth of a second's worth, one at
            least.
    """

    def __init__(self, per_second: float, burst: int | None = None) -> None:
        self._interval = 1.0 / per_second
        if burst is None:
            burst = max(1, int(per_second * _BURST_SECONDS))
        self._slack = (burst - 1) * self._interval
        # When the next token comes, had all been taken as they came.
        self._due_at = -math.inf

    def take(self, now: float) -> float:
        """Take one token; how many seconds to wait until it is there, 0.0 if it is."""
        due_at = max(self._due_at, now - self._slack)
        self._due_at = due_at + self._interval
        wait = due_at - now
        return wait if wait > _ROUNDING else 0.0
