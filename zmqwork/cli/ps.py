"""Show the nodes that are here, and what they do.

Without --realm these are the nodes of all realms on this machine that belong to this user.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from zmqwork.cli import exits
from zmqwork.cli.output import Output, complain
from zmqwork.cli.parser import Parser, add_output, add_search, seconds
from zmqwork.config import NodeConfig
from zmqwork.discovery.realms import realms_here
from zmqwork.discovery.runtime import base_directory
from zmqwork.discovery.source import DEFAULT_SOURCES
from zmqwork.discovery.sources import join_realm
from zmqwork.discovery.static import parse_peers, peers_of_environment
from zmqwork.errors import UsageError
from zmqwork.nodes.observer import Observer
from zmqwork.starting import identity

EXAMPLES = """
zmqwork ps
zmqwork ps --realm thumbs --peer tcp://gpu-1:7071
zmqwork ps --realm thumbs --insecure-lan       of everybody on a network that you trust
zmqwork ps -o json | jq '.nodes[] | select(.role == "worker") | .busy'
"""

# A network takes longer to answer than a directory: mDNS waits up to 120 ms before it asks, and as
# long before it answers, so that not all speak at once.
_NETWORK_DELAY = 1.5

# Realms that are surveyed at the same time: each costs a thread and some descriptors.
_AT_ONCE = 16

_COLUMNS = (
    "NODE", "ROLE", "REALM", "HOST", "PID", "QUEUES", "SLOTS", "BUSY", "TASKS", "VERSION",
)  # fmt: skip


def configure(parser: Parser) -> None:
    """Add the options of ``ps``."""
    add_output(parser)
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=2.0,
        metavar="SECONDS",
        help="how long a node may take to answer (default: 2)",
    )
    add_search(parser, realm="show this realm only")


def run(args: argparse.Namespace) -> int:
    """Survey and print; 3 if nobody is there."""
    sources = _sources(args)
    local = "local" in sources
    peers = parse_peers([*args.peer, *peers_of_environment()]) if "static" in sources else ()
    if args.peer and not args.realm:
        raise UsageError("--peer needs --realm NAME: a node answers those of its own realm")
    if "mdns" in sources and not (args.realm or local):
        raise UsageError("mdns needs --realm NAME: it tells realms apart, and does not tell names")
    realms = [args.realm] if args.realm else realms_here() if local else []
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        surveys = list(threads.map(lambda realm: _survey(realm, sources, peers, args), realms))
    nodes = [node for survey in surveys for node in survey["nodes"]]
    unheard = [node for survey in surveys for node in survey["unheard"]]
    nodes.sort(key=lambda node: [str(node.get(key)) for key in ("realm", "role", "name", "pid")])
    output = Output(args.output)
    output.json({"realms": realms, "nodes": nodes, "unheard": unheard})
    if nodes:
        output.table(_COLUMNS, map(_row, nodes))
    if output.for_people:
        for node in unheard:
            what = " ".join(str(node[key]) for key in ("role", "name") if node.get(key))
            why = node.get("why") or node.get("state") or "silent"
            complain(f"found, but not heard: {what or node.get('key')} ({why})")
        if not nodes:
            where = f"realm {args.realm!r}" if args.realm else "any realm on this machine"
            where += " (by mdns as well)" if "mdns" in sources else ""
            complain(f"zmqwork ps: no node of {where} answered.")
            if local:
                complain(f"Looked in {base_directory()} ($XDG_RUNTIME_DIR decides), and at --peer.")
            complain("Start one: zmqwork worker MODULE:APP")
    return exits.OK if nodes else exits.NO_WORKER


def _sources(args: argparse.Namespace) -> tuple[str, ...]:
    if args.discovery is not None:
        sources: tuple[str, ...] = args.discovery
        if args.interface and "mdns" not in sources:
            raise UsageError("--interface is for the source `mdns`, which --discovery leaves out")
        return sources
    return (*(("mdns",) if args.interface or args.insecure_lan else ()), *DEFAULT_SOURCES)


def _survey(
    realm: str, sources: tuple[str, ...], peers: tuple[str, ...], args: argparse.Namespace
) -> dict[str, Any]:
    config = NodeConfig(**identity(realm, f"ps-{os.getpid()}"))
    discovery = join_realm(
        realm,
        sources,
        peers=peers,
        interfaces=args.interface,
        insecure_lan=args.insecure_lan,
    )
    settle_delay = min(args.timeout, _NETWORK_DELAY) if "mdns" in sources else 0.3
    with Observer(config, discovery, args.timeout, settle_delay) as observer:
        return observer.survey()


def _row(node: Mapping[str, Any]) -> tuple[object, ...]:
    who = tuple(node.get(key) for key in ("name", "role", "realm", "host", "pid"))
    if node.get("role") != "worker":
        return (*who, None, None, None, _pending(node), node.get("version"))
    tasks = map(str, node.get("tasks") or ())
    queues = ", ".join(map(str, node.get("queues") or ())) or "all"
    busy = (queues, node.get("slots"), node.get("busy"))
    return (*who, *busy, ", ".join(tasks) or "none", node.get("version"))


def _pending(node: Mapping[str, Any]) -> str | None:
    states = node.get("tasks_by_state")
    if not isinstance(states, dict):
        return None
    return ", ".join(f"{count} {state}" for state, count in states.items() if count) or "idle"
