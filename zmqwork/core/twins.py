"""The peers that a node dials, by node id: sources name one node under several keys."""

from __future__ import annotations

from collections.abc import Iterable

from zmqwork.core.peer import Peer

# The source of a peer that only other nodes have named.
EXCHANGE = "exchange"


class Twins:
    """An index, so that looking for a node costs the same with one peer and with thousands.

    Bound: the dialer's peers.

    Attributes:
        heard: how many of them only other nodes have named.
    """

    __slots__ = ("_by_node", "heard")

    def __init__(self) -> None:
        self._by_node: dict[str, dict[Peer, None]] = {}
        self.heard = 0

    def __contains__(self, node_id: str) -> bool:
        return node_id in self._by_node

    def of(self, node_id: str) -> Iterable[Peer]:
        """All peers that are said to be, or are, this node."""
        return self._by_node.get(node_id, ())

    def add(self, peer: Peer) -> None:
        """A peer was found."""
        self._by_node.setdefault(peer.node_id, {})[peer] = None
        self.heard += peer.source == EXCHANGE

    def remove(self, peer: Peer) -> None:
        """It is forgotten."""
        self._leave(peer)
        self.heard -= peer.source == EXCHANGE

    def rename(self, peer: Peer, node_id: str) -> None:
        """It has said who it is."""
        if peer.node_id != node_id:
            self._leave(peer)
            peer.node_id = node_id
            self._by_node.setdefault(node_id, {})[peer] = None

    def clear(self) -> None:
        """All of them are forgotten."""
        self._by_node.clear()
        self.heard = 0

    def _leave(self, peer: Peer) -> None:
        same = self._by_node[peer.node_id]
        del same[peer]
        if not same:
            del self._by_node[peer.node_id]
