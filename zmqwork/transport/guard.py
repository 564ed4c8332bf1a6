"""What the loop of a node with keys has beside its sockets: who may connect, and whom it dials."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import zmq

from zmqwork.core.link_events import Rostered
from zmqwork.core.permissions import admitted
from zmqwork.security.gate import Gate, Tell, check_role, tell_nobody
from zmqwork.security.keyring import Watched
from zmqwork.security.kinds import KEY_REVOKE, ROSTER_CHANGE, ROSTER_REFUSED
from zmqwork.security.pairs import Pair
from zmqwork.transport import clock, selftest
from zmqwork.transport.zap import Gatekeeper

_log = logging.getLogger("zmqwork")

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
        return Rostered(self._keys.accesses, self._keys.describe())

    def keys_for(self, fingerprint: str) -> tuple[Pair, str] | None:
        """Our own key, and the public one that must be there; None: it is not in the roster."""
        public = self._keys.keyring.public_of(fingerprint)
        return None if public is None else (self._pair, public)

    def check(self, endpoints: Sequence[str]) -> None:
        """The self-test, as soon as these are bound. Raises `KeysError`: the node must not run."""
        selftest.check(
            endpoints, self._pair, lambda: self.keeper.receive([]), self._gate.expect_stranger
        )

    def suspend(self, fingerprint: str, seconds: float) -> None:
        """Let this key in no more, for so long."""
        self._gate.suspend(fingerprint, seconds)

    def poll(self, rostered: Callable[[Rostered], None], rekeyed: Callable[[Pair], None]) -> None:
        """Look at the files, and tell what has changed: who is trusted, or the node's own key."""
        serial, trouble = self._keys.keyring.roster.serial, self._keys.trouble
        before = self._keys.accesses
        if not self._keys.poll():
            return
        if self._keys.trouble and self._keys.trouble != trouble:
            _log.error("the keys are not used as they are now: %s", self._keys.trouble)
            self._gate.tell(ROSTER_REFUSED, reason=self._keys.trouble)
        roster = self._keys.keyring.roster
        if roster.serial != serial:
            _log.info(
                "roster %s of %s is in use, in the place of %s",
                roster.serial,
                roster.cluster,
                serial,
            )
            self._gate.tell(ROSTER_CHANGE, reason=f"serial {roster.serial}")
        for fingerprint, access in before.items():
            if fingerprint not in self._keys.accesses:
                _log.info(
                    "key %s of %s is not good any more, and its links end", fingerprint, access.name
                )
                self._gate.tell(KEY_REVOKE, fingerprint=fingerprint, member=access.name)
        rostered(self.rostered())
        if self._keys.keyring.pair != self._pair:
            self._pair = self._keys.keyring.pair
            rekeyed(self._pair)

    def close(self) -> None:
        """Let nobody in any more."""
        self.keeper.close()


def maker(
    keys: Watched | None, role: str, tell: Tell = tell_nobody
) -> Callable[[zmq.Context[zmq.Socket[bytes]]], Guard] | None:
    """What `loop.Loop` makes the guard of a node of that role with; None: it has no keys.

    Raises:
        KeysError: it may not have that role.
    """
    if keys is None:
        return None
    check_role(keys, role)
    return lambda context: Guard(context, keys, Gate(keys, admitted(role), clock.now, tell))
