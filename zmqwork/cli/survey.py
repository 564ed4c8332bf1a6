"""Asking everybody: what `ps`, `explain` and `doctor` have in common."""

from __future__ import annotations

import argparse
import copy
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from zmqwork.config import NodeConfig
from zmqwork.core.peer import DIALING, RESTING
from zmqwork.discovery.directory import LocalDirectory
from zmqwork.discovery.interfaces import Interfaces
from zmqwork.discovery.realms import realms_here
from zmqwork.discovery.source import DEFAULT_SOURCES
from zmqwork.discovery.sources import Discovery, join_realm
from zmqwork.discovery.static import parse_peers, peers_of_environment, source_of
from zmqwork.errors import UsageError
from zmqwork.escaping import printable
from zmqwork.nodes.observer import Observer
from zmqwork.nodes.requests import Request
from zmqwork.security.keyring import keys_of
from zmqwork.starting import identity
from zmqwork.transport.addresses import refuse_to_dial
from zmqwork.transport.reach import NODE, reach_each

# Realms that are surveyed at the same time: each costs some threads and descriptors.
_AT_ONCE = 16

# What stands at ``reach`` if a node of ours may be there, and keys keep the two apart.
KEYED, KEYLESS, OTHER_KEY = "keyed", "keyless", "other key"
_UNLIKE = {
    False: "it has keys, and this node has none: nodes with keys talk to each other alone",
    True: "it has no keys, and this node has: nodes with keys talk to each other alone",
}

# Without ``--realm`` those realms are looked at that the local directory names.
OTHER_REALMS = "Realms of other machines alone: --realm NAME (mdns does not tell their names)"

# How long to wait for further nodes to be found. A network takes longer to answer than a
# directory: mDNS waits up to 120 ms before it asks, and as long before it answers, so that not
# all speak at once.
_SETTLE_DELAY = 0.3
_NETWORK_DELAY = 1.5


@dataclass(frozen=True, slots=True)
class Survey:
    """What was asked of whom, and who answered.

    Attributes:
        realms: those that were looked at.
        nodes: what each node says of itself, and ``found_by``: the ``source`` and ``endpoint`` of
            each way on which it answered.
        unheard: those that were found and did not answer, as `core.watcher` has them, each with
            its ``realm``.
        missed: the same, of nodes that answered on another way.
        sources: those that were asked.
        unlike: nodes that are not asked, because their keys do not go with ours: the ``realm``,
            the ``source``, the ``count`` and ``why``.
        keyed: whether they were asked with keys.
    """

    realms: list[str] = field(default_factory=list)
    nodes: list[dict[str, Any]] = field(default_factory=list)
    unheard: list[dict[str, Any]] = field(default_factory=list)
    missed: list[dict[str, Any]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    unlike: list[dict[str, Any]] = field(default_factory=list)
    keyed: bool = False

    @property
    def known(self) -> int:
        """How many nodes were found, whether they answered or not."""
        return len(self.nodes) + len(self.unheard)

    def add(self, realm: str, answer: dict[str, Any]) -> None:
        """Take in what was heard on one way."""
        heard = {str(node.get("node_id")): node for node in self.nodes}
        for node in answer["nodes"]:
            known = heard.get(str(node.get("node_id")))
            if known is None:
                self.nodes.append(node)
            else:
                known["found_by"] += node["found_by"]
        self.unheard.extend({"realm": realm, **node} for node in answer["unheard"])

    def sort(self) -> None:
        """When all is in: put in order, and set apart who was heard on another way."""
        keys = ("realm", "role", "name", "pid")
        self.nodes.sort(key=lambda node: [str(node.get(key)) for key in keys])
        heard = {node.get("node_id") for node in self.nodes}
        self.missed.extend(node for node in self.unheard if node_id_of(node) in heard)
        self.unheard[:] = [node for node in self.unheard if node_id_of(node) not in heard]


class Search:
    """Where the command line says that nodes are looked for.

    Each source is asked by an observer of its own: of two links from one node to another, the
    older one is closed, so that a single observer would not hear on all ways.

    Args:
        args: with the options of `parser.add_search`.
        realm: the one to look for where ``--realm`` is not given.
        any_realm: permit sources that do not tell realms.

    Attributes:
        realm: the realm that was named, or None.
        sources: the names of the sources to ask.
        peers: the endpoints of the source `static`, and the names of `dns`.
        keys: those that it asks with; None: it has none.

    Raises:
        UsageError: there are peers, and no realm to ask them for; or options contradict.
        ConfigError: ``ZMQWORK_PEERS`` is wrong.
    """

    def __init__(
        self, args: argparse.Namespace, realm: str | None = None, *, any_realm: bool = False
    ) -> None:
        self.realm: str | None = args.realm or realm
        self.sources = _sources(args)
        named = parse_peers([*args.peer, *peers_of_environment()])
        self.peers = tuple(peer for peer in named if source_of(peer) in self.sources)
        self._interfaces: list[str] = args.interface
        self._insecure_lan: bool = args.insecure_lan
        self.keys = keys_of()
        if self.keys is None and not self._insecure_lan:
            refuse_to_dial(self.peers)
        self._realms: list[str] | None = None
        if args.peer and not self.realm and not any_realm:
            raise UsageError("--peer needs --realm NAME: a node answers those of its own realm")
        if "mdns" in self.sources and not (self.realm or self.local or any_realm):
            raise UsageError(
                "mdns needs --realm NAME: it tells realms apart, and does not tell their names"
            )

    @property
    def local(self) -> bool:
        """Whether the local directory is looked at."""
        return "local" in self.sources

    def realms(self) -> list[str]:
        """The realm that was named, or all that live on this machine.

        Raises:
            TransportError: the local directory cannot be used safely.
        """
        if self._realms is not None:
            return self._realms
        if self.realm:
            return [self.realm]
        return realms_here() if self.local else []

    def without(self, *sources: str) -> Search:
        """The same search without these sources."""
        other = copy.copy(self)
        other.sources = tuple(source for source in self.sources if source not in sources)
        other.peers = tuple(peer for peer in self.peers if source_of(peer) in other.sources)
        return other

    def within(self, *realms: str) -> Search:
        """The same search in these realms."""
        other = copy.copy(self)
        other._realms = list(realms)
        return other

    def check_interfaces(self) -> None:
        """Raise what `survey` would raise of the interfaces."""
        Interfaces(self._interfaces, insecure_lan=self._insecure_lan, keyed=self.keys is not None)

    def survey(self, patience: float) -> Survey:
        """Ask every node of every realm for its status.

        Raises:
            TransportError: the local directory cannot be used safely.
            ConfigError: an interface is none.
            InsecureBind: an interface leads to a network, without ``--insecure-lan``.
        """
        return self.ask(patience, "", None)

    def ask(self, patience: float, producer: str, seq: int | None) -> Survey:
        """The same, and ask one producer about a task of its own: whose answer is waited for."""
        if "mdns" in self.sources:
            self.check_interfaces()  # also where no realm is there to look for
        found = Survey(self.realms(), keyed=self.keys is not None)
        for first in range(0, len(found.realms), _AT_ONCE):
            with ExitStack() as stack:
                asked = []
                for realm in found.realms[first : first + _AT_ONCE]:
                    for source, observer in self.observers(realm, patience):
                        stack.enter_context(observer)
                        asked.append((realm, source, observer, observer.begin(producer, seq)))
                _take_in(asked, found)
            if any("task" in node for node in found.nodes):
                break
        found.sort()
        return found

    def observers(self, realm: str, patience: float) -> Iterator[tuple[str, Observer]]:
        """An observer for each source, which the caller closes. Raises as `survey`."""
        for source, discovery in self._ways(realm):
            yield source, _observer(realm, source, discovery, patience)

    def _ways(self, realm: str) -> Iterator[tuple[str, Discovery]]:
        """Each source by itself; the quickest one first."""
        if self.local:
            yield "local", join_realm(realm, ["local"], peers=(), keys=self.keys)
        if self.peers:
            named = [source for source in self.sources if source not in ("local", "mdns")]
            yield "static", join_realm(realm, named, peers=self.peers, keys=self.keys)
        if "mdns" in self.sources:
            yield (
                "mdns",
                join_realm(
                    realm,
                    ["mdns"],
                    peers=(),
                    interfaces=self._interfaces,
                    insecure_lan=self._insecure_lan,
                    keys=self.keys,
                ),
            )


def _sources(args: argparse.Namespace) -> tuple[str, ...]:
    if args.discovery is not None:
        sources: tuple[str, ...] = args.discovery
        if args.interface and "mdns" not in sources:
            raise UsageError("--interface is for the source `mdns`, which --discovery leaves out")
        return sources
    wide = args.interface or args.insecure_lan or keys_of() is not None
    return (*(("mdns",) if wide else ()), *DEFAULT_SOURCES)


def _observer(realm: str, source: str, discovery: Discovery, patience: float) -> Observer:
    config = NodeConfig(**identity(realm, f"observer-{os.getpid()}"))
    delay = min(patience, _NETWORK_DELAY) if source == "mdns" else _SETTLE_DELAY
    return Observer(config, discovery, patience, delay)


def _take_in(asked: list[tuple[str, str, Observer, Request]], found: Survey) -> None:
    """Wait for the answers; those that come after a task's are not needed any more."""
    for realm, source, observer, request in asked:
        answer = observer.finish(request)
        if source == "local":
            _name_recorded(realm, answer["unheard"])
        found.add(realm, answer)
        found.unlike.extend(
            {"realm": realm, "source": source, "count": said["unlike"], "why": said["state"]}
            for said in observer.sources()
            if said.get("unlike")
        )
        if source not in found.sources:
            found.sources.append(source)
        if any("task" in node for node in answer["nodes"]):
            return


def _name_recorded(realm: str, unheard: list[dict[str, Any]]) -> None:
    """Give those that said nothing the names and process ids of their records."""
    if not unheard:
        return
    directory = LocalDirectory(realm)
    try:
        records = {record.node_id: record for record in directory.scan()}
    except OSError:  # it was there a moment ago: then without names
        return
    finally:
        directory.close()
    for node in unheard:
        record = records.get(node_id_of(node))
        if record is not None:
            node |= {"name": record.name, "pid": record.pid, "host": record.host}


def name_reasons(unheard: list[dict[str, Any]], timeout: float, *, keyed: bool) -> None:
    """Look at the endpoints of those that no connection was made to, and say what is there.

    Args:
        unheard: those that did not answer; their ``reach`` and ``why`` are set.
        timeout: for each look.
        keyed: whether they were asked with keys.
    """
    silent = [node for node in unheard if node["stage"] != "open" and node["state"] == "new"]
    found = reach_each((node["endpoint"] for node in silent), timeout)
    for node in silent:
        seen = found[node["endpoint"]]
        node["reach"] = seen.state
        if seen.state != NODE:
            node["why"] = seen.text
        elif (seen.mechanism == "CURVE") != keyed:
            node["reach"], node["why"] = KEYLESS if keyed else KEYED, _UNLIKE[keyed]
        elif keyed and "key" in str(node["why"]):
            node["reach"], node["why"] = OTHER_KEY, "its key is not in the roster here"
        elif node["stage"] in (RESTING, DIALING):
            node["why"] = f"{node['why']}; there is {seen.text}"


def label(node: dict[str, Any]) -> str:
    """How people tell a node apart that did not answer."""
    name = str(node.get("name") or node.get("node_id") or node.get("endpoint") or node["key"])
    pid = f", process {node['pid']}" if node.get("pid") else ""
    return printable(f"{node['role']} {name}{pid}" if node.get("role") else name)


def node_id_of(node: dict[str, Any]) -> str:
    """The id of a node that did not answer, if it is known: the local directory has it."""
    return str(node["node_id"] or node["key"].removeprefix("local:"))


def records(value: object) -> list[dict[str, Any]]:
    """The maps in a list that a peer sent; what it sent instead is left out."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
