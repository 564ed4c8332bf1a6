"""The peers that a node dials: found, named by others, at rest, and forgotten."""

from __future__ import annotations

from collections.abc import Iterable

from zmqwork.config import NodeConfig
from zmqwork.core.effects import Effect
from zmqwork.core.lifecycle import SUSPECT
from zmqwork.core.link_events import PeerFound
from zmqwork.core.links import Links
from zmqwork.core.liveness import Liveness
from zmqwork.core.messages import Neighbour
from zmqwork.core.neighbours import suggestions
from zmqwork.core.overruns import Overruns
from zmqwork.core.peer import GREETING, OPEN, RESTING, Peer
from zmqwork.core.timers import Timers

PEERS_MAX = 4096


class Contacts:
    """All peers that one node dials, by the key under which they were found.

    Attributes:
        peers: them. Bound: PEERS_MAX; further ones are ignored, with a notice.
        closed: whether nobody is dialled any more.
    """

    __slots__ = ("_config", "_links", "_overruns", "_timers", "_wanted", "closed", "peers")

    def __init__(
        self,
        config: NodeConfig,
        wanted: tuple[str, ...],
        links: Links,
        timers: Timers,
        out: list[Effect],
    ) -> None:
        self._config = config
        self._wanted = wanted
        self._links = links
        self._timers = timers
        self._overruns = Overruns(out)
        self.closed = False
        self.peers: dict[str, Peer] = {}

    def found(self, found: PeerFound, now: float) -> None:
        """A source suggests a peer, or says that it has other endpoints."""
        unwanted = found.role and self._wanted and found.role not in self._wanted
        if unwanted or self.closed or not found.endpoints:
            return
        peer = self.peers.get(found.key)
        if peer is not None:
            peer.endpoints = found.endpoints
            peer.forgotten = False
            if peer.told_fingerprint != found.fingerprint:
                peer.told_fingerprint = found.fingerprint
                if peer.stage == RESTING and peer.refusal:  # which was, perhaps, for its old key
                    self._timers.set(("dial", peer.key), now)
            return
        if len(self.peers) >= PEERS_MAX:
            text = f"more than {PEERS_MAX} peers: {found.key} is ignored"
            self._overruns.tell("peers", "", text, now)
            return
        health = self._config.health
        peer = Peer(found, Liveness(health.suspect_timeout, health.lost_timeout, now))
        self.peers[peer.key] = peer
        self._links.twins.add(peer)
        self._links.begin(peer, now)

    def named(self, teller: Peer, neighbours: Iterable[Neighbour], now: float) -> None:
        """A peer has named others of the realm."""
        for found in suggestions(teller, neighbours, self._links.twins, self._config.node_id):
            self.found(found, now)

    def forgotten(self, key: str) -> None:
        """Its source does not suggest it any more."""
        peer = self.peers.get(key)
        if peer is None:
            return
        peer.forgotten = True
        if peer.stage not in (GREETING, OPEN) and peer.state != SUSPECT:
            self._drop(peer)  # else when that has come to nothing

    def rest(self, peer: Peer, now: float, delay: float) -> None:
        """Close the link and dial again after `delay`, if the peer is still wanted."""
        self._links.hang_up(peer)
        if (peer.forgotten or self._links.is_hopeless(peer)) and peer.state != SUSPECT:
            self._drop(peer)
        else:
            self._timers.set(("dial", peer.key), now + delay)

    def dial(self, peer: Peer, now: float) -> None:
        """Its rest is over; it is dropped if all the dials of one that was named were in vain."""
        if self._links.is_hopeless(peer) and peer.state != SUSPECT:
            self._drop(peer)
        else:
            self._links.dial(peer, now)

    def _drop(self, peer: Peer) -> None:
        self._links.hang_up(peer)
        del self.peers[peer.key]
        self._links.twins.remove(peer)
        for what in ("dial", "gone", "judge", "probe"):
            self._timers.cancel((what, peer.key))
