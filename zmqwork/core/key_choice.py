"""Which key to expect behind an endpoint: that which its source names, or each in its turn."""

from __future__ import annotations

from zmqwork.core.peer import Peer
from zmqwork.core.trust import Trust


class KeyChoice:
    """The keys to dial.

    Args:
        trust: which there are.
        wanted: the roles of those whom this node dials; none: all.
    """

    __slots__ = ("_trust", "_wanted")

    def __init__(self, trust: Trust, wanted: tuple[str, ...] = ()) -> None:
        self._trust = trust
        self._wanted = wanted

    def of(self, peer: Peer, now: float) -> str | None:
        """The fingerprint to dial; empty where there are no keys; None: none fits."""
        if self._trust.accesses is None:
            return ""
        known = self._known(peer, now)
        return known[peer.keys_tried % len(known)] if known else None

    def has_another(self, peer: Peer, now: float) -> bool:
        """After one that did not fit: whether another one is to be tried before all come again."""
        known = self._known(peer, now)
        peer.keys_tried += 1
        return bool(known) and peer.keys_tried % len(known) != 0

    def _known(self, peer: Peer, now: float) -> list[str]:
        trust, told = self._trust, peer.told_fingerprint
        wanted = (peer.role,) if peer.role else self._wanted
        # What was told may be old: its owner has another key while that one is rotated.
        member = trust.name(told) if told else peer.member
        found = trust.candidates(wanted, member) if member or not told else []
        found.sort(key=lambda fingerprint: fingerprint != told)
        return [fingerprint for fingerprint in found if trust.knows(fingerprint, now)]
