"""Peers that only a record or another node names: they are dialled at a bounded rate, others wait.

Anybody on the network can send records, and a peer can name whom it likes. A flood of either must
cost this node neither its descriptors nor the time that its heartbeats need, and be of no use for
knocking at doors elsewhere. Whom a person or the local directory has named, and who was reached
before, is dialled at once. Records with a seal are those of members: a stranger can only send
again what they have said, so these wait apart from the others, and less.
"""

from __future__ import annotations

from zmqwork.core.peer import Peer
from zmqwork.core.twins import EXCHANGE

# Records outlive their nodes by an hour, and can be forged.
HEARSAY = ("mdns", EXCHANGE)

# The machines of a lab at once; then 1,200 a minute.
DIALS_BURST = 64
DIALS_PER_SECOND = 20.0
# Of sealed records: all of one machine at once (`sightings.PER_HOST_MAX`), and then a fifth of what
# discovery tells in a second.
SEALED_BURST = 256
SEALED_PER_SECOND = 50.0
_ROUNDING = 1e-6  # seconds: of a sum of 256 intervals, more than it can be off


class Hearsay:
    """Who waits to be dialled: in the order of coming, the sources by turns.

    So a flood of records does not keep those waiting whom a peer has named, nor the reverse.

    Args:
        burst: so many are dialled at once.
        per_second: and then so many.
    """

    __slots__ = ("_burst", "_even_at", "_interval", "_waiting")

    def __init__(self, burst: int = DIALS_BURST, per_second: float = DIALS_PER_SECOND) -> None:
        self._burst = burst
        self._interval = 1.0 / per_second
        # When all dials so far are made up for: a token bucket, as one number (GCRA).
        self._even_at = float("-inf")
        # By source, the one whose turn it is first, and by key. Bound: the dialer's peers.
        self._waiting: dict[str, dict[str, Peer]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    @staticmethod
    def covers(peer: Peer) -> bool:
        """Whether it has never answered, or its process is gone, and only records speak for it."""
        return peer.source in HEARSAY and not peer.reached

    @staticmethod
    def is_sealed(peer: Peer) -> bool:
        """Whether a member has said it: discovery lets no record pass that names a key unproved."""
        return peer.source == "mdns" and bool(peer.told_fingerprint)

    @property
    def next_at(self) -> float:
        """The instant from which one more may be dialled."""
        return self._even_at - (self._burst - 1) * self._interval - _ROUNDING

    def admits(self, peer: Peer, now: float) -> bool:
        """Whether this peer may be dialled now; else it waits, and `ready` returns it one day."""
        if not self._waiting and self._take(now):
            return True
        self._waiting.setdefault(peer.source, {})[peer.key] = peer
        return False

    def leave(self, peer: Peer) -> None:
        """It is not to be dialled any more; nothing happens if it does not wait."""
        waiting = self._waiting.get(peer.source, {})
        if waiting.pop(peer.key, None) is not None and not waiting:
            del self._waiting[peer.source]

    def ready(self, now: float) -> list[Peer]:
        """Those that have waited long enough."""
        found = []
        while self._waiting and self._take(now):
            source, waiting = next(iter(self._waiting.items()))
            found.append(waiting.pop(next(iter(waiting))))
            del self._waiting[source]
            if waiting:
                self._waiting[source] = waiting  # behind the other one
        return found

    def _take(self, now: float) -> bool:
        if now < self.next_at:
            return False
        self._even_at = max(self._even_at, now) + self._interval
        return True
