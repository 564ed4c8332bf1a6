"""Show the nodes that are here, and what they do.

Without --realm these are the nodes of all realms on this machine that belong to this user. Nodes
that were found and did not answer are named with the reason.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from zmqwork.cli import exits
from zmqwork.cli.output import Output, complain
from zmqwork.cli.parser import Parser, add_output, add_search, seconds
from zmqwork.cli.queues import queues_text
from zmqwork.cli.survey import OTHER_REALMS, Search, Survey, label, name_reasons, records
from zmqwork.discovery.runtime import choose
from zmqwork.escaping import printable

EXAMPLES = """
zmqwork ps
zmqwork ps --realm thumbs --peer tcp://gpu-1:7071
zmqwork ps --realm thumbs                      with keys, of other machines, too: zmqwork keys
zmqwork ps --realm thumbs --insecure-lan       without, of everybody on a network that you trust
zmqwork ps -o json | jq '.nodes[] | select(.role == "worker") | .busy'
"""

_COLUMNS = (
    "NODE", "ROLE", "REALM", "HOST", "PID", "STATE", "QUEUES", "SLOTS", "BUSY", "PENDING", "TASKS",
    "VERSION",
)  # fmt: skip

_COMMAND_SHOWN = 60


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
    output = Output(args.output)
    search = Search(args)
    survey = search.survey(args.timeout)
    name_reasons(survey.unheard, args.timeout, keyed=survey.keyed)
    output.json(
        {"realms": survey.realms, "seen": len(survey.nodes), "known": survey.known,
         "nodes": survey.nodes, "unheard": survey.unheard, "unlike": survey.unlike}
    )  # fmt: skip
    if survey.nodes:
        done = _done(survey.nodes)
        output.table(_COLUMNS, (_row(node, done) for node in survey.nodes))
    if output.for_people:
        if search.local and choose().warning:
            complain(choose().warning)
        for text in _remarks(survey):
            complain(printable(text))
        if not survey.nodes:
            _complain_of_nobody(search)
    return exits.OK if survey.nodes else exits.NO_WORKER


def _remarks(survey: Survey) -> Iterable[str]:
    """What the table does not say."""
    if survey.unheard:
        yield f"seen {len(survey.nodes)} of {survey.known}; these did not answer:"
    for node in survey.unheard:
        state = "" if node["state"] == "new" else f", {node['state']}"
        yield f"  {label(node)} ({node['source']}{state}): {node['why']}"
    for unlike in survey.unlike:
        yield f"realm {unlike['realm']!r}: {unlike['why']}"
    for node in survey.nodes:
        if paused := _listed(node.get("paused")):
            yield f"{node.get('role')} {node.get('name')}: paused: {paused}"
        for lane in records(node.get("lanes")):
            if lane.get("why"):
                yield f"{node.get('role')} {node.get('name')}: {lane['why']}"
    yield from _dangers(survey.nodes)
    versions = Counter(str(node.get("version")) for node in survey.nodes)
    if len(versions) > 1:
        shown = ", ".join(f"{count} x {version}" for version, count in sorted(versions.items()))
        yield f"versions differ: {shown}"


def _dangers(nodes: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """Who is open to everybody, and whose keys are not used as they are now."""
    exposed = [node for node in nodes if node.get("insecure") is True]
    if exposed:
        who = ", ".join(f"{node.get('role')} {node.get('name')}" for node in exposed)
        yield f"INSECURE: others on the network can use without keys: {who}"
    for node in nodes:
        keys = node.get("keys")
        if isinstance(keys, dict) and (trouble := keys.get("trouble")):
            who = f"{node.get('role')} {node.get('name')} of {keys.get('member')}"
            yield f"KEYS: {who} goes on with roster {keys.get('serial')}: {trouble}"


def _complain_of_nobody(search: Search) -> None:
    where = f"realm {search.realm!r}" if search.realm else "any realm that lives on this machine"
    where += " (by mdns as well)" if "mdns" in search.sources else ""
    complain(f"zmqwork ps: no node of {where} answered.")
    if not search.realm and "mdns" in search.sources:
        complain(OTHER_REALMS)
    if search.local:
        choice = choose()
        how = "see above" if choice.passed_over else choice.why
        complain(f"Looked in {choice.base} ({how}), and at --peer.")
    complain("Start one: zmqwork worker MODULE:APP        Find out more: zmqwork doctor")


def _done(nodes: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """By producer: its tasks that have run, and whose results a sink has not taken yet.

    The producer counts them as dispatched or started until then; their workers know better.
    """
    done: Counter[str] = Counter()
    for node in nodes:
        for producer in records(node.get("producers")) if node.get("role") == "worker" else ():
            finished = producer.get("finished")
            if isinstance(finished, int):
                done[str(producer.get("node_id"))] += finished
    return done


def _row(node: Mapping[str, Any], done: Mapping[str, int]) -> tuple[object, ...]:
    who = tuple(node.get(key) for key in ("name", "role", "realm", "host", "pid"))
    version = node.get("version")
    queues = _listed(node.get("queues"))
    if node.get("role") == "sink":
        stored = f"{node.get('stored')} stored"
        names = (_state(node), _listed(node.get("sinks")))
        return (*who, *names, None, None, node.get("queued"), stored, version)
    if node.get("role") != "worker":
        pending = node.get("pending")
        states = _states(node, done.get(str(node.get("node_id")), 0))
        return (*who, _state(node), queues, None, None, pending, states, version)
    busy = (_state(node), queues_text(node), node.get("slots"), node.get("busy"))
    return (*who, *busy, node.get("queued"), _tasks(node), version)


def _state(node: Mapping[str, Any]) -> str | None:
    words = [str(node["state"])] if node.get("state") else []
    words += [f"({node['cause']})"] if node.get("cause") else []
    words += ["INSECURE"] if node.get("insecure") is True else []
    return " ".join(words) or None


def _tasks(node: Mapping[str, Any]) -> str:
    """A worker's tasks; a command, which may be long, is in full in ``-o json``."""
    tasks = _listed(node.get("tasks")) or "none"
    command = node.get("command")
    if not isinstance(command, str):
        return tasks
    cut = command if len(command) <= _COMMAND_SHOWN else f"{command[:_COMMAND_SHOWN]}…"
    return f"{tasks}: {cut}"


def _listed(names: object) -> str | None:
    return ", ".join(map(str, names)) if isinstance(names, list) and names else None


def _states(node: Mapping[str, Any], done: int) -> str | None:
    """A producer's tasks by state; so many of them are `done`, and do not run any more."""
    states = node.get("tasks_by_state")
    if not isinstance(states, dict):
        return None
    shown = ", ".join(f"{count} {state}" for state, count in states.items() if count) or "idle"
    return f"{shown} ({done} of them done, not taken by a sink yet)" if done else shown
