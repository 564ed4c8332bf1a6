"""How an end of a classic pipeline is found, and finds the others."""

from __future__ import annotations

import itertools
import os
import secrets
import socket
import time
from typing import Protocol

from zmqwork.classic.places import Place, Realm, Static
from zmqwork.config import check_name
from zmqwork.core.link_events import PeerFound
from zmqwork.discovery.record import Record
from zmqwork.discovery.sources import Discovery, join_realm
from zmqwork.discovery.static import parse_peer
from zmqwork.errors import ConfigError
from zmqwork.security.audit import Audit
from zmqwork.security.kinds import INSECURE_START
from zmqwork.transport import clock
from zmqwork.transport.addresses import refuse_routable
from zmqwork.transport.exposure import Exposure
from zmqwork.transport.pushpull import Endpoint

# What binds a socket.
VENTILATOR, SINK, CONTROL = "ventilator", "sink", "control"

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
        """Bind a socket where others look for it. Raises `TransportError`, `ConfigError`."""

    def look(self, now: float) -> None:
        """Look for others, if it is time to. Never waits."""

    def endpoints(self, role: str) -> tuple[str, ...]:
        """One endpoint of each that was found with this role."""

    def where(self, role: str) -> str:
        """Where those with this role are looked for, for people."""

    def withdraw(self) -> None:
        """Be found by nobody from now on."""

    def close(self) -> None:
        """Withdraw and end. Call it when the socket is closed."""


def meet(place: Place, role: str, *, raw: bool) -> Meeting:
    """What an end with this role uses."""
    return StaticMeeting(place, role) if isinstance(place, Static) else Finding(place, role, raw)


class StaticMeeting:
    """Endpoints that somebody has typed."""

    def __init__(self, place: Static, role: str) -> None:
        self._place = place
        self._role = role
        self._exposure = Exposure((), "")

    def bind(self, endpoint: Endpoint) -> None:
        """Bind all endpoints of this role."""
        own = self._place.of(self._role)
        if not own:
            raise ConfigError(f"Static has no endpoint for the {self._role}: {self._role}=...")
        exposed = refuse_routable(list(own), insecure_lan=self._place.insecure_lan)
        for text in own:
            endpoint.bind(text)
        self._exposure = _exposed(exposed, self._role)

    def look(self, now: float) -> None:
        """Nothing changes."""
        self._exposure.look(now)

    def endpoints(self, role: str) -> tuple[str, ...]:
        """As they were typed. ConfigError: one is where to bind, and not whom to call."""
        return tuple(map(parse_peer, self._place.of(role)))

    def where(self, role: str) -> str:
        """The endpoints."""
        return f"at {', '.join(self._place.of(role)) or 'no endpoint'}"

    def withdraw(self) -> None:
        """There is nothing to take back."""

    def close(self) -> None:
        """There is nothing to close."""


class Finding:
    """A realm: records in the local directory, and mDNS."""

    def __init__(self, place: Realm, role: str, raw: bool) -> None:
        self._name = place.name
        self._realm = realm_of(place.name, raw=raw)
        self._role = role
        self._discovery: Discovery = join_realm(
            self._realm,
            place.discovery,
            peers=(),  # those of the environment are nodes
            interfaces=place.interface,
            insecure_lan=place.insecure_lan,
        )
        self._look_at = 0.0
        self._exposure = Exposure((), "")
        # By source's key, the role, the node and its endpoint. Bound: as `Discovery` has it.
        self._found: dict[str, tuple[str, str, str]] = {}
        self._roles: dict[str, tuple[str, ...]] = {}

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
        self._discovery.announce(record, endpoint.bind_again)
        exposed = refuse_routable(list(self._discovery.default_bind), insecure_lan=True)
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
                self._found[event.key] = (event.role, event.node_id, event.endpoints[0])
            self._roles = {}
        self._look_at = now + self._discovery.interval

    def endpoints(self, role: str) -> tuple[str, ...]:
        """The endpoint under which each was found first."""
        found = self._roles.get(role)
        if found is None:
            wanted = _RECORD_ROLES[role]
            nodes: dict[str, str] = {}
            for its_role, node_id, endpoint in self._found.values():
                if its_role == wanted:
                    nodes.setdefault(node_id, endpoint)
            found = self._roles[role] = tuple(nodes.values())
        return found

    def where(self, role: str) -> str:
        """The realm and its sources."""
        del role
        sources = self._discovery.describe()
        told = [f"{it['source']} ({it['state']})" for it in sources if it["source"] in _LOOKED_AT]
        return f"in realm {self._name!r}, through {' and '.join(told)}"

    def withdraw(self) -> None:
        """Take the record away; those who know this socket go on."""
        self._discovery.withdraw()

    def close(self) -> None:
        """End the sources."""
        self._discovery.close()


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
