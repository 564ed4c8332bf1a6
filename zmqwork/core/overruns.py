"""Who reaches a limit: people are told, but not as often as it happens."""

from __future__ import annotations

from zmqwork.core.effects import Effect, Notice
from zmqwork.core.trust import Trust

# Seconds until the same is told again.
_SILENCE = 60.0


class Overruns:
    """What was told of it. Bound: for each limit, one instant for each key of the roster.

    Args:
        out: where effects go.
        trust: whose the keys are; None: it is never about one.
    """

    __slots__ = ("_out", "_told_at", "_trust")

    def __init__(self, out: list[Effect], trust: Trust | None = None) -> None:
        self._out = out
        self._trust = trust
        self._told_at: dict[tuple[str, str], float] = {}

    def tell(self, limit: str, fingerprint: str, text: str, now: float) -> None:
        """Whoever has this key (empty: none, or not known) has reached this limit."""
        last = self._told_at.get((limit, fingerprint))
        if last is not None and now - last < _SILENCE:
            return
        self._told_at[limit, fingerprint] = now
        member = self._trust.name(fingerprint) if self._trust is not None else ""
        data = {"limit": limit, "fingerprint": fingerprint, "member": member}
        self._out.append(Notice("limit", text, data))
