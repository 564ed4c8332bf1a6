"""A peer that this node dials, and what a dialer tells its machine about it."""

from __future__ import annotations

from typing import Protocol

from zmqwork.core.lifecycle import NEW
from zmqwork.core.link_events import PeerFound
from zmqwork.core.liveness import Liveness
from zmqwork.core.messages import Message, Ping, Pong, Welcome
from zmqwork.core.numbering import Numbering
from zmqwork.core.permissions import Verbs
from zmqwork.core.request_rate import RequestRate

# The stages of a peer's link.
RESTING, DIALING, GREETING, OPEN = "resting", "dialing", "greeting", "open"


class Peer:
    """A peer that this node dials.

    Attributes:
        told_fingerprint: of the key that it has, as its source says; empty: it does not.
        member: whose key that must be, as a person has said; empty: anybody's.
        fingerprint: of the key that was dialled last; empty without keys.
        keys_tried: so many keys were tried for it in vain, one after the other.
        says: what it may say, since its WELCOME.
        round_trip: seconds from the last PING that it answered to the answer; None: none was yet.
    """

    __slots__ = (
        "broken",
        "dials",
        "endpoints",
        "fingerprint",
        "forgotten",
        "key",
        "keys_tried",
        "link",
        "liveness",
        "member",
        "name",
        "node_id",
        "numbers",
        "ping_sequence",
        "pinged_at",
        "probes",
        "reached",
        "refusal",
        "request_rate",
        "role",
        "round_trip",
        "says",
        "session",
        "source",
        "stage",
        "state",
        "told_fingerprint",
        "turn",
    )

    def __init__(self, found: PeerFound, liveness: Liveness) -> None:
        self.key = found.key
        self.endpoints = found.endpoints
        self.role = found.role
        self.source = found.source
        self.told_fingerprint = found.fingerprint
        self.member = found.member
        self.fingerprint = ""
        self.keys_tried = 0
        self.says: Verbs = frozenset()
        self.name = ""
        self.node_id = found.node_id  # as the source says, until a WELCOME does
        self.state: str = NEW
        self.stage = RESTING
        self.link = 0
        self.session = 0
        self.numbers = Numbering()
        self.liveness = liveness
        self.request_rate = RequestRate()
        self.ping_sequence = 0
        self.pinged_at = 0.0
        self.round_trip: float | None = None
        self.dials = 0  # since the last WELCOME
        self.broken = 0  # sessions in a row, shorter than a heartbeat, without a result
        self.turn = 0  # of which endpoint
        self.reached = ""  # the endpoint of the last WELCOME; empty once its process is gone
        self.probes = 0
        self.refusal = ""
        self.forgotten = False

    def __repr__(self) -> str:
        return f"<Peer {self.name or self.key} {self.state}, link {self.stage}>"

    @property
    def label(self) -> str:
        """How people tell it apart."""
        return f"{self.name}#{self.node_id[:4]}" if self.name and self.node_id else self.key

    @property
    def whereabouts(self) -> str:
        """Who and where, each said once: of one that was named, the endpoint is all there is."""
        where = self.endpoint
        return where if where in self.label else f"{self.label} at {where}"

    @property
    def endpoint(self) -> str:
        """The endpoint whose turn it is: the best one first, then round until one answers."""
        return self.endpoints[self.turn % len(self.endpoints)]

    def ping(self, now: float) -> Ping:
        """The next PING for it, which is about to be sent."""
        self.ping_sequence += 1
        self.pinged_at = now
        return Ping(self.ping_sequence)

    def answered(self, pong: Pong, now: float) -> None:
        """It answers a PING; an answer to an older one than the last says nothing of the way."""
        if pong.sequence == self.ping_sequence:
            self.round_trip = now - self.pinged_at


class Sessions(Protocol):
    """What a dialer tells its machine."""

    def opened(self, peer: Peer, welcome: Welcome, now: float) -> None:
        """A session began; the WELCOME says what the peer holds."""

    def suspected(self, peer: Peer, now: float) -> None:
        """Give it nothing new."""

    def revived(self, peer: Peer, now: float) -> None:
        """It was heard again, in the same session."""

    def lost(self, peer: Peer, now: float) -> None:
        """It is given up, with everything that it held."""

    def left(self, peer: Peer, now: float) -> None:
        """It said BYE: it holds nothing of ours."""

    def message(self, peer: Peer, message: Message, now: float) -> None:
        """Something else that it said."""
