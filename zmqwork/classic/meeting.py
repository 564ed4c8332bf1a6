"""How an end of a classic pipeline is found, and finds the others."""

from __future__ import annotations

import itertools
import os
import secrets
import socket
import time
from collections.abc import Mapping
from typing import Protocol

from zmqwork.classic.addresses import Addresses
from zmqwork.classic.dialling import Contact
from zmqwork.classic.places import Place, Realm, Static
from zmqwork.classic.roles import CONTROL, VENTILATOR, may_be_at
from zmqwork.config import check_name
from zmqwork.core.link_events import PeerFound
from zmqwork.core.permissions import SINK, Access
from zmqwork.discovery.record import Record
from zmqwork.discovery.sources import Discovery, join_realm
from zmqwork.discovery.static import split_member
from zmqwork.errors import ConfigError
from zmqwork.security.audit import Audit
from zmqwork.security.keyring import Watched
from zmqwork.security.kinds import INSECURE_START
from zmqwork.transport import clock
from zmqwork.transport.addresses import refuse_routable
from zmqwork.transport.endpoint import Endpoint
from zmqwork.transport.exposure import Exposure

# The roles of records that mDNS knows. Nobody takes them for nodes: see `_realm_of`.
_RECORD_ROLES = {VENTILATOR: "producer", SINK: "sink", CONTROL: "observer"}

_numbers = itertools.count(1)


def name_of(name: str | None) -> str:
    """A label for people, unique in this process: ``HOST-PID``, then ``HOST-PID.2``.

    Raises:
        ConfigError: `name` can be none.
    """
    if name is not None:
        return check_name("name", name)
    number = next(_numbers)
    own = f"{socket.gethostname()}-{os.getpid()}"
    return own if number == 1 else f"{own}.{number}"


class Meeting(Protocol):
    """Where one socket is found, and what else there is."""

    def bind(self, endpoint: Endpoint) -> None:
        """Bind a socket where others look for it. Raises `TransportError`, `ConfigError`.

        With keys it is tried whether others get in.
        """

    def look(self, now: float) -> None:
        """Look for others, if it is time to. Never waits."""

    def contacts(self, role: str) -> tuple[Contact, ...]:
        """One of each that was found with this role, and whose key may have it."""

    def where(self, role: str) -> str:
        """Where those with this role are looked for, for people."""

    def withdraw(self) -> None:
        """Be found by nobody from now on."""

    def close(self) -> None:
        """Withdraw and end. Call it when the socket is closed."""


def meet(place: Place, role: str, *, raw: bool, keys: Watched | None = None) -> Meeting:
    """What an end with this role uses; `keys` are its own, if it has some."""
    if isinstance(place, Static):
        return StaticMeeting(place, role, keys)
    return Finding(place, role, raw, keys)


class StaticMeeting:
    """Endpoints that somebody has typed."""

    def __init__(self, place: Static, role: str, keys: Watched | None) -> None:
        self._place = place
        self._role = role
        self._keys = keys
        self._addresses = Addresses(place, keys)
        self._exposure = Exposure((), "")

    def bind(self, endpoint: Endpoint) -> None:
        """Bind all endpoints of this role."""
        own = [split_member(text)[0] for text in self._place.of(self._role)]
        if not own:
            raise ConfigError(f"Static has no endpoint for the {self._role}: {self._role}=...")
        keyed = self._keys is not None
        exposed = refuse_routable(own, insecure_lan=self._place.insecure_lan, keyed=keyed)
        for text in own:
            endpoint.bind(text)
        endpoint.check()
        self._exposure = _exposed(exposed, self._role)

    def look(self, now: float) -> None:
        """Nothing changes."""
        self._exposure.look(now)

    def contacts(self, role: str) -> tuple[Contact, ...]:
        """As they were typed. Raises `ConfigError`, as `Addresses`."""
        return self._addresses.contacts(role)

    def where(self, role: str) -> str:
        """The endpoints."""
        return f"at {', '.join(self._place.of(role)) or 'no endpoint'}"

    def withdraw(self) -> None:
        """There is nothing to take back."""

    def close(self) -> None:
        """There is nothing to close."""


class Finding:
    """A realm: records in the local directory, and mDNS."""

    def __init__(self, place: Realm, role: str, raw: bool, keys: Watched | None) -> None:
        self._name = place.name
        self._realm = realm_of(place.name, raw=raw)
        self._role = role
        self._discovery: Discovery = join_realm(
            self._realm,
            place.discovery,
            peers=(),  # those of the environment are nodes
            interfaces=place.interface,
            insecure_lan=place.insecure_lan,
            keys=keys,
        )
        self._keys = keys
        self._accesses: Mapping[str, Access] | None = None  # those of which `_contacts` is made
        self._look_at = 0.0
        self._exposure = Exposure((), "")
        self._found: dict[str, PeerFound] = {}  # bound: as `Discovery` has it
        self._contacts: dict[str, tuple[Contact, ...]] = {}

    def bind(self, endpoint: Endpoint) -> None:
        """Bind in the local directory and where mDNS speaks, and say so."""
        node_id = secrets.token_hex(16)
        directory = self._discovery.directory
        if directory is not None:
            endpoint.bind(f"ipc://{directory.socket_path(node_id)}")
        for text in self._discovery.default_bind:
            endpoint.bind(text)
        record = Record(
            node_id=node_id,
            role=_RECORD_ROLES[self._role],
            name=self._role,
            realm=self._realm,
            endpoints=tuple(endpoint.bound),
            pid=os.getpid(),
            host=socket.gethostname(),
        )
        endpoint.check()
        self._discovery.announce(record, endpoint.bind_again)
        exposed = refuse_routable(
            list(self._discovery.default_bind), insecure_lan=True, keyed=self._keys is not None
        )
        self._exposure = _exposed(exposed, self._role)

    def look(self, now: float) -> None:
        """Ask the sources, as often as they may be asked."""
        self._exposure.look(now)
        if now < self._look_at:
            return
        for event in self._discovery.poll(now):
            if not isinstance(event, PeerFound):
                self._found.pop(event.key, None)
            elif event.endpoints:
                self._found[event.key] = event
            self._contacts = {}
        self._look_at = now + self._discovery.interval

    def contacts(self, role: str) -> tuple[Contact, ...]:
        """The endpoint under which each was found first."""
        if self._keys is not None and self._keys.accesses is not self._accesses:
            self._accesses = self._keys.accesses
            self._contacts = {}
        known = self._contacts.get(role)
        if known is None:
            nodes: dict[str, Contact] = {}
            for found in self._with_role(role):
                keys = self._keys_of(found, role)
                if keys is not None:
                    nodes.setdefault(found.node_id, Contact(found.endpoints[0], keys))
            known = self._contacts[role] = tuple(nodes.values())
        return known

    def where(self, role: str) -> str:
        """The realm and its sources."""
        sources = self._discovery.describe()
        told = [f"{it['source']} ({it['state']})" for it in sources if it["source"] in _LOOKED_AT]
        where = f"in realm {self._name!r}, through {' and '.join(told)}"
        refused = sum(self._keys_of(found, role) is None for found in self._with_role(role))
        return f"{where}; {refused} there may not be that, says the roster" if refused else where

    def withdraw(self) -> None:
        """Take the record away; those who know this socket go on."""
        self._discovery.withdraw()

    def close(self) -> None:
        """End the sources."""
        self._discovery.close()

    def _with_role(self, role: str) -> list[PeerFound]:
        return [found for found in self._found.values() if found.role == _RECORD_ROLES[role]]

    def _keys_of(self, found: PeerFound, role: str) -> tuple[str, ...] | None:
        """The key that is there, as for `Contact`; None: none that may be."""
        if self._keys is None:
            return ()
        public = self._keys.keyring.public_of(found.fingerprint)
        return (public,) if public and may_be_at(self._keys, public, role) else None


_LOOKED_AT = ("local", "mdns")

# What whoever is there can do with a socket that is open to a network.
_DANGERS = {
    VENTILATOR: "take items of this pipeline, which nobody else gets then",
    SINK: "send results to this sink",
    CONTROL: "hear when this pipeline ends",
}


def _exposed(endpoints: list[str], role: str) -> Exposure:
    """What was bound is open to a network, if these are; it is noted, and said."""
    exposure = Exposure(endpoints, _DANGERS[role])
    if exposure:
        origin: dict[str, str | int] = {"name": role, "role": role, "pid": os.getpid()}
        with Audit(origin, clock=clock.now) as audit:
            why = f"without keys: others can {exposure.danger}"
            audit.note(INSECURE_START, endpoints=endpoints, reason=why)
        exposure.look(time.monotonic())  # as whoever looks again
    return exposure


def realm_of(name: str, *, raw: bool) -> str:
    """The realm of a pipeline's records.

    Whoever knows the realm of an app dials what it finds there, whatever its role says, and would
    knock at sockets that do not answer. No app can have this one: a realm's name is printable.
    """
    return f"{name}\x1fpush-pull{' raw' if raw else ''}"
