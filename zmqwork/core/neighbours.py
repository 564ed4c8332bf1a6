"""Peer exchange: what one node knows of others, named to those who dial it.

Whoever reaches one node of a realm learns of the rest. The bound side tells, with its WELCOME
and, as news come, with its PINGs; the dialling side takes it as a suggestion like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from zmqwork.core.link_events import PeerFound
from zmqwork.core.messages import NEIGHBOURS_MAX, Neighbour
from zmqwork.core.peer import Peer
from zmqwork.core.twins import EXCHANGE, Twins

# Nodes remembered to be named; the oldest are forgotten.
KNOWN_MAX = 1_024
# Nodes dialled on the word of others, at once: a peer that lies does not use up the table.
HEARD_MAX = 1_024
# Endpoints of one node: more were not found on interfaces.
_ENDPOINTS_MAX = 4

# The teller's loopback is ours only if it is on this machine; likewise for addresses without a
# router. Where clouds tell their machines secrets no node is.
_LOOPBACK = "tcp://127."
_LINK_LOCAL = "tcp://169.254."
_METADATA = "169.254.169.254"

# Who cares for whom: producers dial workers, observers everybody, the others nobody.
_TOLD = {"producer": ("worker", "sink"), "observer": ("producer", "worker", "sink")}


class Neighbours:
    """The nodes that this one can name, by the key under which it knows them."""

    __slots__ = ("_count", "_known")

    def __init__(self) -> None:
        self._count = 0
        # Bound: KNOWN_MAX. In the order of their numbers, which are never used again.
        self._known: dict[str, tuple[int, Neighbour]] = {}

    def found(
        self, key: str, node_id: str, role: str, endpoints: Iterable[str], fingerprint: str = ""
    ) -> None:
        """Remember a node, if there is an address of it that others can use."""
        usable = [endpoint for endpoint in endpoints if is_usable(endpoint)][:_ENDPOINTS_MAX]
        neighbour = Neighbour(node_id, role, usable, fingerprint)
        known = self._known.get(key)
        if known is not None and known[1] == neighbour:
            return
        self.forget(key)
        if not (node_id and usable):
            return
        if len(self._known) >= KNOWN_MAX:
            del self._known[next(iter(self._known))]
        self._count += 1
        self._known[key] = (self._count, neighbour)

    def forget(self, key: str) -> None:
        """Name it to nobody from now on."""
        self._known.pop(key, None)

    def news(self, told: int, node_id: str, role: str) -> tuple[list[Neighbour], int]:
        """What to name to a node of that id and role, and the number up to which it was told.

        Args:
            told: the number that the last call for it returned; 0 at first.
            node_id: of the one who is told.
            role: likewise.
        """
        wanted = _TOLD.get(role, ())
        if told == self._count or not wanted:
            return [], told
        out: list[Neighbour] = []
        told_up_to = told
        for number, neighbour in self._known.values():
            if number <= told or neighbour.role not in wanted or neighbour.node_id == node_id:
                continue
            if len(out) == NEIGHBOURS_MAX:
                return out, told_up_to
            out.append(neighbour)
            told_up_to = number
        return out, self._count


def suggestions(
    teller: Peer, neighbours: Iterable[Neighbour], twins: Twins, own_id: str
) -> list[PeerFound]:
    """What a peer has named, as far as it is new and can be dialled from here."""
    shut: tuple[str, ...] = (_LOOPBACK, _LINK_LOCAL)
    if teller.endpoint.startswith(("ipc://", _LOOPBACK)):
        shut = ()
    elif teller.endpoint.startswith(_LINK_LOCAL):
        shut = (_LOOPBACK,)

    def can_be_dialled(endpoint: str) -> bool:
        return is_usable(endpoint) and not endpoint.startswith(shut)

    reachable = [
        replace(n, endpoints=list(filter(can_be_dialled, n.endpoints))) for n in neighbours
    ]
    return unknown(reachable, twins, own_id)


def unknown(neighbours: Iterable[Neighbour], twins: Twins, own_id: str) -> list[PeerFound]:
    """Those that are not dialled yet, as suggestions."""
    named: dict[str, PeerFound] = {}
    for neighbour in neighbours:
        node_id, endpoints = neighbour.node_id, tuple(neighbour.endpoints)
        if not endpoints or node_id == own_id or node_id in named or node_id in twins:
            continue
        if twins.heard + len(named) >= HEARD_MAX:
            break
        named[node_id] = PeerFound(
            f"{EXCHANGE}:{node_id}",
            endpoints,
            neighbour.role,
            EXCHANGE,
            node_id,
            neighbour.fingerprint,
        )
    return list(named.values())


def is_usable(endpoint: str) -> bool:
    """Whether it is tcp to one IPv4 address: a name would have to be looked up, by whom?"""
    scheme, _, rest = endpoint.partition("://")
    host, _, port = rest.rpartition(":")
    octets = host.split(".")
    if scheme != "tcp" or len(octets) != 4 or not all(_is_number(octet, 255) for octet in octets):
        return False
    if host == _METADATA:
        return False
    # 0 is "any address", 224 and up are groups and what has no use yet.
    return 0 < int(octets[0]) < 224 and _is_number(port, 65_535) and int(port) > 0


def _is_number(text: str, most: int) -> bool:
    # (Who resolves it takes digits behind a 0 as octal: 0177 is 127.)
    written = text.isascii() and text.isdigit() and (text == "0" or text[0] != "0")
    return written and len(text) <= 5 and int(text) <= most
