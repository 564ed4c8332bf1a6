"""Where the ends of a classic pipeline meet: in a realm, or at endpoints that somebody typed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from zmqwork.config import check_name
from zmqwork.discovery.source import parse_sources
from zmqwork.discovery.static import parse_peer
from zmqwork.errors import ConfigError
from zmqwork.security.keyring import Watched, keys_of
from zmqwork.transport.addresses import split_tcp

# The sources that lead to sockets which nobody has typed.
_SOURCES = ("local", "mdns")


@dataclass(frozen=True, slots=True)
class Static:
    """Endpoints, as the guide's programs have them. The same value serves all three roles.

    Attributes:
        ventilator: where ventilators bind, and workers connect.
        sink: where sinks bind, and workers and ventilators connect.
        control: where the one that may say KILL binds, and workers connect.
        insecure_lan: permit other machines, without keys.
        keys: the directory of this end's keys; None or True: the usual one, True if it must be
            there; False: none.

    Each is one endpoint, or several; a ventilator or a sink binds all of its own, so where there
    are two of them each is told its own one only.

    Raises:
        ConfigError: something is no endpoint.
    """

    ventilator: str | tuple[str, ...] = ()
    sink: str | tuple[str, ...] = ()
    control: str | tuple[str, ...] = ()
    insecure_lan: bool = False
    keys: str | os.PathLike[str] | bool | None = None

    def __post_init__(self) -> None:
        for role in ("ventilator", "sink", "control"):
            object.__setattr__(self, role, _endpoints(getattr(self, role)))

    def of(self, role: str) -> tuple[str, ...]:
        """The endpoints of a role."""
        return tuple(getattr(self, role))


@dataclass(frozen=True, slots=True)
class Realm:
    """A name under which all ends find each other.

    Nodes of an app of the same name do not meet them: a pipeline has a realm of its own.

    Attributes:
        name: any; the same for all ends.
        discovery: the sources: ``local``, ``mdns``, or both.
        interface: where mDNS speaks, as for an app.
        insecure_lan: permit mDNS on a network that others are on, without keys.
        keys: as for `Static`.

    Raises:
        ConfigError: a name or a source is wrong.
    """

    name: str
    discovery: str | tuple[str, ...] = ("local",)
    interface: str | tuple[str, ...] = ()
    insecure_lan: bool = False
    keys: str | os.PathLike[str] | bool | None = None

    def __post_init__(self) -> None:
        check_name("realm", self.name)
        sources = parse_sources(self.discovery)
        for source in sources:
            if source not in _SOURCES:
                raise ConfigError(
                    f"a classic pipeline is not found through {source!r}: use local or mdns, or "
                    "type the endpoints with Static(ventilator=..., sink=...)"
                )
        interfaces = (self.interface,) if isinstance(self.interface, str) else self.interface
        if interfaces and "mdns" not in sources:
            raise ConfigError(f"interface {interfaces[0]!r} is for mdns: discovery='local,mdns'")
        object.__setattr__(self, "discovery", sources)
        object.__setattr__(self, "interface", tuple(interfaces))


Place = Static | Realm


def keys_at(place: Place) -> Watched | None:
    """The keys of an end that is made there; None: it has none.

    Raises:
        KeysError: they cannot be used, or are not there.
        ConfigError: there are keys, and somebody permits to be without.
    """
    keys = keys_of(place.keys)
    if keys is not None and place.insecure_lan:
        raise ConfigError(
            f"there are keys in {keys.keyring.place}, and ends with keys do not talk to those "
            "without: leave out insecure_lan=True, or use no keys (keys=False)"
        )
    return keys


def place_of(where: Any) -> Place:
    """From what users write. Raises `ConfigError`."""
    if isinstance(where, Static | Realm):
        return where
    if isinstance(where, str) and "://" not in where:
        return Realm(where)
    raise ConfigError(
        f"where is a realm's name, or Static(ventilator='tcp://127.0.0.1:5557', "
        f"sink='tcp://127.0.0.1:5558'), not {where!r}"
    )


def _endpoints(given: str | Iterable[str]) -> tuple[str, ...]:
    return tuple(_endpoint(text) for text in ([given] if isinstance(given, str) else given))


def _endpoint(text: str) -> str:
    if not isinstance(text, str):
        raise ConfigError(f"an endpoint is a text, not {text!r}")
    if text.startswith("tcp://*:"):  # as the guide binds: all interfaces
        split_tcp(text)
        return text
    endpoint = parse_peer(text)
    if endpoint.startswith("dns"):
        raise ConfigError(f"{text!r}: a classic pipeline has plain endpoints, tcp://HOST:PORT")
    return endpoint
