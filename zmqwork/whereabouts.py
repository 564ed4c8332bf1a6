"""Where the nodes of an app look for one another, as the user says it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from zmqwork.discovery.source import DEFAULT_SOURCES, parse_sources
from zmqwork.errors import ConfigError

if TYPE_CHECKING:
    from zmqwork.discovery.sources import Discovery


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The options of an app, or of one of its nodes; None: as somebody else says.

    Attributes:
        realm: whose nodes.
        peers: endpoints, and names that stand for some.
        discovery: the sources.
        interface: where mDNS speaks.
        insecure_lan: whether it may speak where others listen.
        keys: the directory of its keys; True: the usual one; False: it uses none.
    """

    realm: str | None = None
    peers: tuple[str, ...] | None = None
    discovery: tuple[str, ...] | None = None
    interface: tuple[str, ...] | None = None
    insecure_lan: bool = False
    keys: str | bool | None = None

    @classmethod
    def of(
        cls,
        *,
        realm: str | None = None,
        peers: Iterable[str] | None = None,
        discovery: str | Iterable[str] | None = None,
        interface: str | Iterable[str] | None = None,
        insecure_lan: bool = False,
        keys: str | os.PathLike[str] | bool | None = None,
    ) -> Self:
        """From what users write. Raises `ConfigError`."""
        if isinstance(peers, str):
            raise ConfigError(f"peers is a list of endpoints: [{peers!r}]")
        if isinstance(interface, str):
            interface = [interface]
        return cls(
            realm,
            None if peers is None else tuple(peers),
            None if discovery is None else parse_sources(discovery),
            None if interface is None else tuple(interface),
            insecure_lan,
            keys if keys is None or isinstance(keys, bool) else os.fspath(keys),
        )

    def plain(self) -> dict[str, Any]:
        """Plain values from which `of` makes the same, in a child process."""
        return asdict(self)

    def join(self, own: Whereabouts) -> Discovery:
        """Join the realm of an app that says `own` for all of its nodes.

        Raises:
            ConfigError: what is said contradicts itself, or ``ZMQWORK_PEERS`` is wrong.
            InsecureBind: an interface that others reach, or a peer elsewhere, without keys and
                without `insecure_lan`.
            KeysError: the keys cannot be used.
        """
        from zmqwork.discovery.sources import join_realm  # noqa: PLC0415 - only nodes need it
        from zmqwork.discovery.static import (  # noqa: PLC0415
            parse_peers,
            peers_of_environment,
            source_of,
        )
        from zmqwork.security.keyring import keys_of  # noqa: PLC0415 - likewise
        from zmqwork.transport.addresses import refuse_to_dial  # noqa: PLC0415 - likewise

        keys = keys_of(own.keys if self.keys is None else self.keys)
        if keys is not None and self.insecure_lan:
            raise ConfigError(
                f"there are keys in {keys.keyring.place}, and nodes with keys do not talk to those "
                "without: leave out --insecure-lan, or use no keys (--keys none, keys=False)"
            )
        names = own.discovery if self.discovery is None else self.discovery
        interfaces = (own.interface if self.interface is None else self.interface) or ()
        if names is None:
            more = ("mdns",) if interfaces or self.insecure_lan or keys is not None else ()
            names = (*more, *DEFAULT_SOURCES)
        if interfaces and "mdns" not in names:
            raise ConfigError(
                f"interface {interfaces[0]!r} is for mdns, which is not among the sources: "
                f"{', '.join(names)}"
            )
        peers = peers_of_environment() if own.peers is None else own.peers
        # What a command line leaves out is not to be tried, whatever module or environment say.
        if self.discovery is not None or own.peers is None:
            peers = tuple(peer for peer in peers if source_of(peer) in names)
        peers = (*peers, *(self.peers or ()))
        if keys is None and not self.insecure_lan:
            refuse_to_dial(parse_peers(peers))
        realm = own.realm if self.realm is None else self.realm
        assert realm is not None
        return join_realm(
            realm,
            names,
            peers=peers,
            interfaces=interfaces,
            insecure_lan=self.insecure_lan,
            keys=keys,
        )
