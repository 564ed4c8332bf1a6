"""Who is let in: the keys of the roster in fitting roles, save those that misbehave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from zmqwork.errors import KeysError
from zmqwork.security.keyring import Watched
from zmqwork.security.kinds import AUTH_ACCEPT, AUTH_DENY
from zmqwork.security.pairs import fingerprint


class Tell(Protocol):
    """Who is told of what happens, as `audit.Audit.note` is."""

    def __call__(
        self,
        kind: str,
        *,
        fingerprint: str = "",
        member: str = "",
        peer: str = "",
        reason: str = "",
    ) -> None:
        """Note it."""


def tell_nobody(
    kind: str, *, fingerprint: str = "", member: str = "", peer: str = "", reason: str = ""
) -> None:
    """For a node that keeps no audit log."""


def check_role(keys: Watched, role: str) -> None:
    """Raise `KeysError` unless this node may be what it is about to be: nobody would hear it."""
    keyring = keys.keyring
    access = keys.accesses.get(keyring.fingerprint)
    cluster = f"{keyring.name} in roster {keyring.roster.serial} of {keyring.roster.cluster}"
    if access is None:
        raise KeysError(f"the key of {cluster} is not valid any more: zmqwork keys join FILE")
    if not access.may_be(role):
        roles = sorted(access.roles)
        raise KeysError(
            f"{cluster} is {', '.join(roles)}, and no {role}; whoever has the role admin can "
            f"change that: zmqwork keys roles {keyring.name} --role {','.join([*roles, role])}, "
            "and then zmqwork keys push --realm NAME"
        )


class Gate:
    """What one node answers to those who want to connect.

    Args:
        keys: its keyring.
        roles: those that are let in: a producer, for one, is of no use to a producer.
        clock: for suspensions.
        tell: who is told.

    Attributes:
        tell: likewise.
    """

    def __init__(
        self,
        keys: Watched,
        roles: frozenset[str],
        clock: Callable[[], float],
        tell: Tell = tell_nobody,
    ) -> None:
        self._keys = keys
        self._roles = roles
        self._clock = clock
        self.tell = tell
        self._strangers: set[str] = set()  # bound: one per start
        self._suspended: dict[str, float] = {}  # bound: the keys of the roster
        self._guests: set[str] = set()  # bound: likewise

    def suspend(self, key: str, seconds: float) -> None:
        """Do not let this key in for so long."""
        self._suspended[key] = self._clock() + seconds

    def expect_stranger(self, public: str) -> None:
        """This key belongs to the node's own self-test: that it is denied is no news."""
        self._strangers = {fingerprint(public)}

    def admit(self, public: str, address: str) -> str:
        """The fingerprint of a key that is let in; empty: it is not."""
        try:
            key = fingerprint(public)
        except KeysError:
            return ""
        access = self._keys.accesses.get(key)
        why = self._objection(key)
        name = access.name if access is not None else ""
        if key not in self._strangers:
            self.tell(
                AUTH_DENY if why else AUTH_ACCEPT,
                fingerprint=key,
                member=name,
                peer=address,
                reason=why,
            )
        if why:
            return ""
        self._guests.add(key)
        return key

    def is_overstayed(self) -> bool:
        """Whether somebody was let in who would not be now."""
        return any(self._objection(key) for key in self._guests)

    def forget_guests(self) -> None:
        """All who were let in are about to be sent away."""
        self._guests = set()

    def _objection(self, key: str) -> str:
        """Why this key is not let in; empty: it is."""
        access = self._keys.accesses.get(key)
        if access is None:
            return self._absence(key)
        if not any(access.may_be(role) for role in self._roles):
            return f"its roles are {', '.join(sorted(access.roles))}"
        return "suspended" if self._clock() < self._suspended.get(key, 0.0) else ""

    def _absence(self, key: str) -> str:
        """Why this key is not among those that are valid."""
        for member in self._keys.keyring.roster.members:
            if any(known.fingerprint == key for known in member.keys):
                return "revoked" if member.revoked else "its time is over"
        return "unknown"
