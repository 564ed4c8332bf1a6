"""How many PINGs and INFOs of a peer are answered: a token bucket, so that a storm is cheap."""

from __future__ import annotations

# One that was not read for half a minute has piled up some thirty PINGs (`Health.runtime_timeout`),
# or with the shortest interval in use some hundreds.
BURST = 512
PER_SECOND = 50.0


class RequestRate:
    """Of one peer."""

    __slots__ = ("_at", "_left")

    def __init__(self) -> None:
        self._left = float(BURST)
        self._at = 0.0

    def admits(self, now: float) -> bool:
        """Whether this one is to be answered."""
        self._left = min(BURST, self._left + (now - self._at) * PER_SECOND)
        self._at = now
        if self._left < 1.0 - 1e-6:  # (of a sum of fractions)
            return False
        self._left -= 1.0
        return True
