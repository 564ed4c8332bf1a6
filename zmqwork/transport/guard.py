"""What the loop of a node with keys has beside its sockets: who may connect, and whom it dials."""

from __future__ import annotations

from collections.abc import Callable

import zmq

from zmqwork.core.link_events import Rostered
from zmqwork.security.gate import Gate
from zmqwork.security.keyring import Watched
from zmqwork.security.pairs import Pair
from zmqwork.transport import clock
from zmqwork.transport.zap import Gatekeeper

# A revoked key is out after this long, and what the rest takes: 2 s are promised.
POLL_INTERVAL = 0.5


class Guard:
    """The keys of one node, at work.

    Args:
        context: of its sockets; none may be bound yet.
        keys: its keyring.
        gate: who is let in.

    Attributes:
        keeper: answers libzmq.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], keys: Watched, gate: Gate) -> None:
        self._keys = keys
        self._gate = gate
        self._pair = keys.keyring.pair
        self.keeper = Gatekeeper(context, gate.admit)

    @property
    def pair(self) -> Pair:
        """The node's own key."""
        return self._pair

    def rostered(self) -> Rostered:
        """What holds now, for the machine."""
        return Rostered(self._keys.accesses)

    def keys_for(self, fingerprint: str) -> tuple[Pair, str] | None:
        """Our own key, and the public one that must be there; None: it is not in the roster."""
        public = self._keys.keyring.public_of(fingerprint)
        return None if public is None else (self._pair, public)

    def suspend(self, fingerprint: str, seconds: float) -> None:
        """Let this key in no more, for so long."""
        self._gate.suspend(fingerprint, seconds)

    def poll(self, rostered: Callable[[Rostered], None], rekeyed: Callable[[Pair], None]) -> None:
        """Look at the files, and tell what has changed: who is trusted, or the node's own key."""
        if not self._keys.poll():
            return
        rostered(self.rostered())
        if self._keys.keyring.pair != self._pair:
            self._pair = self._keys.keyring.pair
            rekeyed(self._pair)

    def close(self) -> None:
        """Let nobody in any more."""
        self.keeper.close()


def maker(
    keys: Watched | None, role: str
) -> Callable[[zmq.Context[zmq.Socket[bytes]]], Guard] | None:
    """What `loop.Loop` makes the guard of a node of that role with; None: it has no keys."""
    if keys is None:
        return None
    return lambda context: Guard(context, keys, Gate(keys, role, clock.now))
