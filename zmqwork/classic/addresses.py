"""Whom an end connects to at endpoints that somebody has typed, and whose key is there."""

from __future__ import annotations

from collections.abc import Mapping

from zmqwork.classic.dialling import Contact
from zmqwork.classic.places import Static
from zmqwork.classic.roles import EXPECTED, may_be_at
from zmqwork.core.permissions import Access
from zmqwork.discovery.static import parse_peer, split_member
from zmqwork.errors import ConfigError
from zmqwork.security.keyring import Watched
from zmqwork.security.roster import Roster
from zmqwork.transport.addresses import refuse_to_dial


class Addresses:
    """The endpoints of a `Static`, to connect to.

    Args:
        place: it.
        keys: those of the end that connects; None: it has none.
    """

    def __init__(self, place: Static, keys: Watched | None) -> None:
        self._place = place
        self._keys = keys
        self._accesses: Mapping[str, Access] | None = None  # those of which `_contacts` is made
        self._contacts: dict[str, tuple[Contact, ...]] = {}
        # Endpoint and member: what was typed means the same for as long as this end lives.
        self._typed: dict[str, tuple[tuple[str, str], ...]] = {}

    def contacts(self, role: str) -> tuple[Contact, ...]:
        """Those with this role; without keys all, with keys those whose member may have it.

        Raises:
            ConfigError: one is where to bind, and not whom to call; or nobody knows whose key is
                there, or that one may not be there. Only the first call for a role raises.
            InsecureBind: one is on another machine, without keys and without `insecure_lan`.
        """
        if self._keys is not None and self._keys.accesses is not self._accesses:
            self._accesses = self._keys.accesses
            self._contacts = {}
        known = self._contacts.get(role)
        if known is None:
            known = self._contacts[role] = tuple(self._found(role))
        return known

    def _found(self, role: str) -> list[Contact]:
        typed = self._typed.get(role)
        if typed is None:
            peers = [parse_peer(text) for text in self._place.of(role)]
            typed = self._typed[role] = tuple(self._read(peer, role) for peer in peers)
        keys = self._keys
        if keys is None:
            return [Contact(endpoint) for endpoint, _ in typed]
        found = []
        for endpoint, name in typed:
            member = keys.keyring.roster.find(name)
            publics = () if member is None else tuple(key.public for key in member.keys)
            if usable := tuple(it for it in publics if may_be_at(keys, it, role)):
                found.append(Contact(endpoint, usable))
        return found

    def _read(self, peer: str, role: str) -> tuple[str, str]:
        endpoint, name = split_member(peer)
        if self._keys is None:
            if not self._place.insecure_lan:
                refuse_to_dial([peer])
            return endpoint, ""
        keyring = self._keys.keyring
        if not name:
            # Another user's socket of this machine has another key, and cannot be named: there,
            # keys are shared, or the endpoint is a tcp one.
            own = keyring.name if endpoint.startswith("ipc://") else ""
            name = own or _sole_member(keyring.roster, endpoint)
        member = keyring.roster.find(name)
        if member is None or member.revoked:
            is_revoked = "the key of" if member is not None else "the roster has no"
            raise ConfigError(
                f"{peer!r}: {is_revoked} {name}{' is revoked' if member else ''}: zmqwork keys list"
            )
        if not EXPECTED[role] & {*member.roles}:
            wanted = " or ".join(sorted(EXPECTED[role]))
            raise ConfigError(
                f"{peer!r}: {name} may not be a {wanted}; its roles: {', '.join(member.roles)}"
            )
        return endpoint, name


def _sole_member(roster: Roster, endpoint: str) -> str:
    members = [member.name for member in roster.members if not member.revoked]
    if len(members) == 1:
        return members[0]
    raise ConfigError(
        f"{endpoint!r}: whose key is there? The roster has {len(members)} members; write "
        f"tcp://NODE@{endpoint.removeprefix('tcp://')}, with a NODE out of zmqwork keys list"
    )
