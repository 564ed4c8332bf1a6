"""What the in-memory network is made of: one link with its two pipes, and who is at its ends."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from random import Random
from typing import Protocol

from zmqwork.core.messages import Message


@dataclass(frozen=True, slots=True)
class Conditions:
    """How well the network works. Delays are seconds; the others are probabilities per message.

    Attributes:
        delay: the shortest and the longest time on the way; order is kept within a direction.
        loss: of one message (libzmq never does that: it ends a session by its gap).
        duplication: of one message.
        reordering: of two neighbours.
        reset: of the connection, with any suffix of what is on its way.
    """

    delay: tuple[float, float] = (0.0001, 0.001)
    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    reset: float = 0.0


# Who sent a message, and when: for checkers, not for machines.
Origin = tuple[str, float]


class Port(Protocol):
    """What a node shows to the network."""

    name: str

    def link_up(self, link: int) -> None:
        """A dialled link is connected."""

    def link_down(self, link: int | bytes) -> None:
        """A dialled link is gone, or a bound one had no route."""

    def deliver(self, link: int | bytes, number: int, message: Message, origin: Origin) -> None:
        """A message arrived."""

    def discard(self, link: int) -> None:
        """What was delivered over this link and not read yet is lost."""


class Pipe:
    """One direction of a connection: messages on their way, in order."""

    __slots__ = ("arrives_at", "flight", "source", "stalled", "target")

    def __init__(self, source: Port, target: Port) -> None:
        self.source = source
        self.target = target
        self.flight: deque[tuple[int, Message, Origin]] = deque()
        self.arrives_at = 0.0  # of the last one
        self.stalled = 0  # arrivals that wait for the way to be free

    def cut(self, random: Random) -> None:
        """Lose any suffix of what is on its way."""
        for _ in range(random.randint(0, len(self.flight))):
            self.flight.pop()


class Connection:
    """One link, with its two ends.

    Attributes:
        forth, back: from the dialler to the bound side, and from there.
        dialler_up, bound_up: whether each end takes it for connected.
        broken: whether nothing gets through any more, though the ends do not know it yet.
    """

    __slots__ = (
        "back",
        "bound",
        "bound_up",
        "broken",
        "dialler",
        "dialler_up",
        "forth",
        "link",
        "route",
    )

    def __init__(self, dialler: Port, link: int, bound: Port, route: bytes) -> None:
        self.dialler = dialler
        self.link = link
        self.bound = bound
        self.route = route
        self.forth = Pipe(dialler, bound)
        self.back = Pipe(bound, dialler)
        self.dialler_up = self.bound_up = True
        self.broken = False
