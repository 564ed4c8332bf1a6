"""What stands for discovery: who is shown to whom, sooner or later."""

from __future__ import annotations

from random import Random

from zmqwork.core.link_events import PeerForgotten, PeerFound
from zmqwork.testing.clock import FakeClock
from zmqwork.testing.node import Node, Sink, Worker

# How long a discovery source takes to tell of a change.
_DELAY = (0.0, 0.25)


class Discovery:
    """All sources of all nodes.

    Args:
        clock: when they are told.
        random: how long that takes.

    Attributes:
        shown: what is announced at this moment, by key.
    """

    def __init__(self, clock: FakeClock, random: Random) -> None:
        self.shown: dict[str, PeerFound] = {}
        self._looking: list[Node] = []
        self._clock = clock
        self._random = random

    def joined(self, node: Node) -> None:
        """A node begins to look, if it looks at all."""
        if isinstance(node, Sink) or (isinstance(node, Worker) and not node.finds_sinks):
            return
        self._looking.append(node)
        for found in self.shown.values():
            self._tell(node, found, found)

    def announce(self, found: PeerFound) -> None:
        """A source shows an endpoint to everybody who looks."""
        self.shown[found.key] = found
        for node in self._looking:
            self._tell(node, found, found)

    def withdraw(self, key: str) -> PeerFound | None:
        """A source shows it no more; what it had shown."""
        found = self.shown.pop(key, None)
        if found is not None:
            for node in self._looking:
                self._tell(node, found, PeerForgotten(key))
        return found

    def gone(self, node: Worker | Sink) -> None:
        """The record of a process disappears with it; what was typed stays."""
        for key in [key for key, found in self.shown.items() if found.endpoints == node.endpoints]:
            if key.startswith("local:"):
                self.withdraw(key)

    def _tell(self, node: Node, found: PeerFound, event: PeerFound | PeerForgotten) -> None:
        if not isinstance(node, Worker) or found.role != "worker":
            self._clock.call_later(self._random.uniform(*_DELAY), node.post, event)
