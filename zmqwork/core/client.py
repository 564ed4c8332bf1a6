"""A node that dialled us, and what a listener tells its machine of it."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from zmqwork.core.messages import TAKE_PROGRESS, Hello, Message
from zmqwork.core.numbering import Numbering
from zmqwork.core.permissions import Verbs
from zmqwork.core.request_rate import RequestRate

_PINGS_REMEMBERED = 64


class Client:
    """A node that dialled us.

    Attributes:
        lease_from: our send time of the newest PING that it echoed, or of a WELCOME that it had.
        welcomed_at: our send time of the WELCOME of this session.
        hears_progress: whether it is a producer that takes PROGRESS.
        fingerprint: of the key that it has; empty where there are no keys.
        says: what it may say.
    """

    __slots__ = (
        "epoch",
        "fingerprint",
        "heard_at",
        "hears_progress",
        "lease_from",
        "link",
        "name",
        "node_id",
        "numbers",
        "ping_sequence",
        "pings",
        "request_rate",
        "role",
        "says",
        "session",
        "told",
        "welcomed_at",
    )

    def __init__(self, hello: Hello) -> None:
        self.node_id = hello.node_id
        self.role = hello.role
        self.name = hello.name
        self.epoch = hello.epoch
        self.hears_progress = TAKE_PROGRESS in hello.can
        self.fingerprint = ""
        self.says: Verbs = frozenset()
        self.session = 0
        self.told = 0  # of our neighbours, in this session
        self.link: bytes | None = None
        self.numbers = Numbering()
        self.heard_at = 0.0
        self.lease_from = float("-inf")
        self.welcomed_at = 0.0
        self.request_rate = RequestRate()
        self.ping_sequence = 0
        self.pings: deque[tuple[int, float]] = deque(maxlen=_PINGS_REMEMBERED)

    @property
    def label(self) -> str:
        """How people tell it apart."""
        return f"{self.name}#{self.node_id[:4]}"


class Clients(Protocol):
    """What a listener tells its machine."""

    def client_opened(self, client: Client, hello: Hello, now: float) -> None:
        """A session began: answer with a WELCOME."""

    def client_message(self, client: Client, message: Message, now: float) -> None:
        """Something that it said."""

    def client_renewed(self, client: Client, now: float) -> None:
        """Its lease was renewed."""

    def client_lost(self, client: Client, now: float) -> None:
        """It left, or is given up."""
