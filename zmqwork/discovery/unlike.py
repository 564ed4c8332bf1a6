"""Nodes of the realm that are heard and left alone, because their keys do not go with ours."""

from __future__ import annotations

from zmqwork.discovery.advert import KEYED, UNKNOWN_KEY, UNSEALED

# Anybody can make such records: no more are kept apart.
UNLIKE_MAX = 64

_WHY = {
    KEYED: "with keys, where this node has none",
    UNSEALED: "without keys, or with those of another cluster",
    UNKNOWN_KEY: "with a key that is not in the roster here (any more)",
}


class Unlike:
    """Which they are. Filled by one thread, read by another; bound: UNLIKE_MAX."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._reasons)

    def judged(self, name: str, reason: str = "") -> None:
        """An instance does not count for this reason; none: it does, or is gone."""
        if reason not in _WHY:
            self._reasons.pop(name, None)
        elif name in self._reasons or len(self._reasons) < UNLIKE_MAX:
            self._reasons[name] = reason

    def __str__(self) -> str:
        """The same for people; empty: there are none."""
        reasons = list(self._reasons.values())
        said = [f"{reasons.count(why)} {text}" for why, text in _WHY.items() if why in reasons]
        return f"nodes heard, and left alone: {'; '.join(said)}" if said else ""
