"""All sources of one node, polled by its loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from zmqwork.core.link_events import PeerForgotten, PeerFound
from zmqwork.discovery.directory import LocalDirectory
from zmqwork.discovery.lookup import is_name, parse_name
from zmqwork.discovery.presence import Presence
from zmqwork.discovery.record import Record
from zmqwork.discovery.runtime import choose
from zmqwork.discovery.source import Source
from zmqwork.discovery.static import parse_peers, peers_of_environment, split_member
from zmqwork.errors import ConfigError, UsageError
from zmqwork.security.keyring import Watched

# A node without a single peer has nothing better to do than look.
_EAGER_INTERVAL = 0.02
_CALM_INTERVAL = 0.25
# A node that died without a word changes nothing in its directory, so the locks are tried anew.
_SWEEP_INTERVAL = 5.0

_log = logging.getLogger("zmqwork")

_LOCAL = "local:"
_STATIC = "static:"


class Discovery:
    """Where one node announces itself and finds others. Used on its loop's thread.

    Args:
        realm: the app's name.
        local: False: neither announce in the local directory nor look there.
        peers: endpoints to try for ever, in any form that `parse_peers` takes; None: those of
            ``ZMQWORK_PEERS``.
        others: further sources; they are closed with this one.
        default_bind: where a node listens that was not told where, beside its ipc endpoint: a
            source that looks further than this user's processes needs an address to tell.
        keys: those of the node; None: it has none. Nodes with keys and nodes without do not meet.

    Raises:
        ConfigError: a peer is no endpoint.
        TransportError: the local directory cannot be used safely.
    """

    def __init__(
        self,
        realm: str,
        *,
        local: bool = True,
        peers: Iterable[str] | None = None,
        others: Sequence[Source] = (),
        default_bind: tuple[str, ...] = (),
        keys: Watched | None = None,
    ) -> None:
        self._realm = realm
        self.keys = keys
        self.default_bind = default_bind
        self._others = tuple(others)
        self._peers = peers_of_environment() if peers is None else parse_peers(peers)
        self._directory = LocalDirectory(realm) if local else None
        self._own: Record | None = None
        self._presence: Presence | None = None
        self._bind_again: Callable[[str], None] | None = None
        # Bounded by what fits in the directory: each is a file of a living process.
        self._known: dict[str, Record] = {}
        self._unlike_count = 0
        self._static_said = False
        self._sweep_at = 0.0
        self._trouble = ""

    @property
    def directory(self) -> LocalDirectory | None:
        """The local directory: where to bind the ipc socket; None if it is not used."""
        return self._directory

    @property
    def interval(self) -> float:
        """Seconds to the next `poll`: short until somebody was found."""
        calm = self._known or self._peers or any(source.found for source in self._others)
        return _CALM_INTERVAL if calm else _EAGER_INTERVAL

    def announce(self, record: Record, bind_again: Callable[[str], None] | None = None) -> None:
        """Make this node visible; call it again when its endpoints change.

        Args:
            record: what others see.
            bind_again: binds an ipc endpoint whose file was removed; it is called by `poll`.

        Raises:
            TransportError: the local directory cannot be written.
        """
        if record.realm != self._realm:
            raise UsageError(f"a node of realm {record.realm!r} announced in {self._realm!r}")
        record = self._own = self._with_key(record)
        if self._directory is not None:
            self._directory.announce(record)
            self._bind_again = bind_again or self._bind_again
            self._presence = Presence(self._directory, record, self._bind_again)
            _warn_of_passed_over()
        for source in self._others:
            source.announce(record)

    def withdraw(self) -> None:
        """Stay reachable for those who know this node, and be found by nobody else."""
        self._own = self._presence = None
        if self._directory is not None:
            self._directory.withdraw()
        self.say_goodbye()

    def say_goodbye(self) -> None:
        """Leave the network's sources; the local directory still shows this node to `ps`.

        Safe in a signal handler.
        """
        for source in self._others:
            source.withdraw()

    def poll(self, now: float) -> list[PeerFound | PeerForgotten]:
        """What has changed since the last call. Never waits, never raises.

        A peer whose endpoints changed is found again, under the same key.
        """
        events: list[PeerFound | PeerForgotten] = []
        self._heed_new_key()
        if not self._static_said:
            self._static_said = True
            for peer in self._peers:
                endpoint, member = split_member(peer)
                events.append(
                    PeerFound(_STATIC + endpoint, (endpoint,), "", "static", member=member)
                )
        directory = self._directory
        if directory is not None and (now >= self._sweep_at or directory.changed()):
            if now >= self._sweep_at:
                self._sweep_at = now + _SWEEP_INTERVAL
            events += self._poll_local(directory)
        # After the local directory, whose endpoints are better: the first one is dialled first.
        for source in self._others:
            events += source.poll(now)
        return events

    def take_misplaced(self) -> list[str]:
        """In words, who was announced since the last call where nobody may be; not dialled."""
        return [text for source in self._others for text in source.take_misplaced()]

    def proof_of_death(self, key: str) -> bool:
        """True if the process behind that key of a `PeerFound` is certainly gone."""
        if self._directory is None or not key.startswith(_LOCAL):
            return False
        return self._directory.alive(key.removeprefix(_LOCAL)) is False

    def describe(self) -> list[dict[str, Any]]:
        """Each source with its state, for people: ``source``, ``state``, ``where``, ``found``.

        ``unlike``, of the local directory: nodes that are there and do not talk to this one,
        because one of the two has keys.
        """
        sources: list[dict[str, Any]] = []
        if self._directory is None:
            sources.append({"source": "local", "state": "off", "where": "", "found": 0})
        else:
            where, found = str(self._directory.path), len(self._known)
            state = self._trouble or self._unlikeness or "ok"
            local = {"source": "local", "state": state, "where": where, "found": found}
            sources.append(local | {"unlike": self._unlike_count})
        where, found = ", ".join(self._peers), len(self._peers)
        state = "ok" if self._peers else "none given"
        sources.append({"source": "static", "state": state, "where": where, "found": found})
        return sources + [source.describe() for source in self._others]

    def close(self) -> None:
        """Withdraw, and let the peers on this machine know that this node is gone.

        Call it when the node's sockets are closed: the free lock is proof to the others.
        """
        if self._directory is not None:
            self._directory.close()
        for source in self._others:
            source.close()

    def _with_key(self, record: Record) -> Record:
        if self.keys is None:
            return record
        return replace(record, fingerprint=self.keys.keyring.fingerprint)

    def _heed_new_key(self) -> None:
        """Announce this node anew if its own key has changed."""
        own = self._own
        if own is None or own == (fresh := self._with_key(own)):
            return
        self._own = fresh
        if self._presence is not None:
            self._presence.record = fresh
            self._sweep_at = 0.0  # which shows it
        for source in self._others:
            source.announce(fresh)

    @property
    def _unlikeness(self) -> str:
        """Why some that are there are not found, for people; or nothing."""
        count = self._unlike_count
        if not count:
            return ""
        nodes = "1 node here has" if count == 1 else f"{count} nodes here have"
        if self.keys is None:
            return f"{nodes} keys, and this one has none: they do not talk to it"
        return f"{nodes} no keys, and this one has: it does not talk to them"

    def _poll_local(self, directory: LocalDirectory) -> list[PeerFound | PeerForgotten]:
        trouble = self._presence.keep() if self._presence else ""
        try:
            records = directory.scan()
        except OSError as error:
            # Descriptors used up, or the directory taken away: what is known stays known.
            self._trouble = f"failed: {error}"
            return []
        self._trouble = f"failed: {trouble}" if trouble else ""
        own_id = self._presence.record.node_id if self._presence else ""
        others = [record for record in records if record.node_id != own_id]
        alike = [record for record in others if bool(record.fingerprint) == (self.keys is not None)]
        self._unlike_count = len(others) - len(alike)
        now_known = {_LOCAL + record.node_id: record for record in alike}
        before, self._known = self._known, now_known
        gone = [PeerForgotten(key) for key in before if key not in now_known]
        found = [_found(key, r) for key, r in now_known.items() if before.get(key) != r]
        return [*gone, *found]


def _found(key: str, record: Record) -> PeerFound:
    endpoints = record.best_first()
    return PeerFound(key, endpoints, record.role, "local", record.node_id, record.fingerprint)


_warned = ""


def _warn_of_passed_over() -> None:
    """Once for each value of the variable, and not for each node of this process."""
    global _warned  # noqa: PLW0603 - the environment is the process's, so is the warning
    warning = choose().warning
    if warning and warning != _warned:
        _log.warning("%s", warning)
    _warned = warning


def join_realm(
    realm: str,
    sources: Sequence[str],
    *,
    peers: Iterable[str] | None = None,
    interfaces: Iterable[str] = (),
    insecure_lan: bool = False,
    keys: Watched | None = None,
) -> Discovery:
    """What a node of this realm uses to be found and to find others.

    Args:
        realm: the app's name.
        sources: names out of `source.SOURCES`.
        peers: as for `Discovery`.
        interfaces: where mDNS speaks, by name or address; none: see `Interfaces`.
        insecure_lan: permit interfaces that others reach, without keys.
        keys: those of the node, with which they are permitted; None: it has none.

    Raises:
        ConfigError: a peer is no endpoint, or an interface is none.
        InsecureBind: an interface leads to a network, without keys or `insecure_lan`.
        TransportError: the local directory cannot be used safely.
    """
    others: list[Source] = []
    default_bind: tuple[str, ...] = ()
    if "mdns" in sources:
        # A quarter of what a worker loads, and most need neither.
        from zmqwork.discovery.interfaces import Interfaces  # noqa: PLC0415
        from zmqwork.discovery.mdns import Mdns  # noqa: PLC0415

        keyed = keys is not None
        chosen = Interfaces(interfaces, insecure_lan=insecure_lan, keyed=keyed)
        others.append(Mdns(realm, chosen, keys))
        default_bind = chosen.default_bind
    endpoints, names = [], []
    for peer in peers_of_environment() if peers is None else parse_peers(peers):
        if is_name(peer):
            names.append(parse_name(peer))
        else:
            endpoints.append(peer)
    if names and "dns" not in sources:
        raise ConfigError(
            f"{names[0].text} is for dns, which is not among the sources: {', '.join(sources)}"
        )
    if names:
        from zmqwork.discovery.dns import Dns  # noqa: PLC0415

        others.append(Dns(names))
    return Discovery(
        realm,
        local="local" in sources,
        peers=endpoints,
        others=others,
        default_bind=default_bind,
        keys=keys,
    )
