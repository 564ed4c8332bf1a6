"""Checks of the peers: who is found, by which source, and why others do not answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from zmqwork import __version__
from zmqwork.app import App
from zmqwork.cli.finding import FAIL, OK, WARN, Finding
from zmqwork.cli.survey import (
    KEYED,
    KEYLESS,
    OTHER_KEY,
    OTHER_REALMS,
    Search,
    Survey,
    label,
    name_reasons,
)

# What is told one by one; the rest is counted.
_SHOWN_MAX = 50

# What helps, by what `transport.reach` found.
_ADVICE = {
    "refused": "is it started, and bound there? zmqwork worker MODULE:APP --bind tcp://ADDRESS:PORT",
    "timeout": "is the host up, and does its firewall let the port in?",
    "mute": "is its process stopped (kill -CONT), or is this the port of another program?",
    "foreign": "that is the port of another program: correct --peer",
    "failed": "correct the name, or use the address",
    KEYED: (
        "join its cluster; on a machine of its admin: zmqwork keys add NODE -o NODE.zwk, and here: "
        "zmqwork keys join NODE.zwk"
    ),
    KEYLESS: (
        "give it keys; here, if this is a machine of the admin: zmqwork keys add NODE -o NODE.zwk, "
        "and there: zmqwork keys join NODE.zwk; then restart its nodes"
    ),
    OTHER_KEY: (
        "compare zmqwork keys list here and there: it is of another cluster, was revoked, or was "
        "added by an admin whose roster has not come here: zmqwork keys push --realm NAME there"
    ),
}


def peers(survey: Survey, search: Search, timeout: float) -> Iterator[Finding]:
    """Every source, and every node that was found."""
    silent = survey.unheard + survey.missed
    name_reasons(silent, timeout, keyed=survey.keyed)
    for source, found in sorted(_by_source(survey).items()):
        heard, others = found["heard"], found["silent"]
        states = ", ".join(f"{count} {state}" for state, count in sorted(others.items()))
        text = f"seen {heard} of {heard + sum(others.values())}"
        yield Finding(
            f"source {source}",
            WARN if others else OK,
            f"{text} ({states})" if states else text,
            data={"seen": heard, "silent": dict(others)},
        )
    for unlike in survey.unlike[:_SHOWN_MAX]:
        text = f"realm {unlike['realm']!r}: {unlike['why']}"
        yield Finding("keys", WARN, text, tuple(_same_keys(unlike["source"])), unlike)
    for node in survey.nodes[:_SHOWN_MAX]:
        yield _seen(node)
    for node in silent[:_SHOWN_MAX]:
        yield _silent(node, search)
    if not survey.nodes:
        realm = f" of realm {search.realm!r}" if search.realm else ""
        yield Finding(
            "nodes",
            WARN,
            f"no node{realm} answered",
            ("zmqwork worker MODULE:APP", *_elsewhere(search)),
        )


def app_tasks(app: App, survey: Survey) -> Iterator[Finding]:
    """The app of the user, and whether the workers have its tasks."""
    names = sorted(app.tasks)
    shown = ", ".join(names) or "none"
    advice = () if names else ("decorate functions with @app.task",)
    state = OK if names else WARN
    yield Finding("app", state, f"{app.name!r} has tasks: {shown}", advice, {"tasks": names})
    for node in survey.nodes:
        if node.get("role") != "worker" or node.get("realm") != app.name:
            continue
        theirs = node.get("tasks")
        missing = [
            name for name in names if name not in (theirs if isinstance(theirs, list) else ())
        ]
        if missing:
            text = f"worker {node.get('name')} does not know {', '.join(missing)}"
            advice = ("restart it with this version of the code",)
            yield Finding("tasks", WARN, text, advice, {"missing": missing})


def _by_source(survey: Survey) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for source in survey.sources:
        found[source] = {"heard": 0, "silent": Counter()}
    for node in survey.nodes:
        for way in node["found_by"]:
            found.setdefault(way["source"], {"heard": 0, "silent": Counter()})["heard"] += 1
    for node in survey.unheard + survey.missed:
        state = node["state"] if node["state"] != "new" else node.get("reach", "no connection")
        found.setdefault(node["source"], {"heard": 0, "silent": Counter()})["silent"][state] += 1
    return found


def _seen(node: dict[str, Any]) -> Finding:
    version = str(node.get("version"))
    ways = " and ".join(dict.fromkeys(way["source"] for way in node["found_by"]))
    where = f"process {node.get('pid')} on {node.get('host')}, found by {ways}"
    text = f"{node.get('role')} of realm {node.get('realm')!r}, {where}, zmqwork {version}"
    check = f"node {node.get('name')}"
    keys = ("node_id", "name", "role", "realm", "host", "pid", "version", "found_by")
    data = {key: node.get(key) for key in keys}
    if version != __version__:
        advice = (f"this is {__version__}: use one version everywhere",)
        return Finding(check, WARN, text, advice, data)
    return Finding(check, OK, text, data=data)


def _silent(node: dict[str, Any], search: Search) -> Finding:
    # What the user named by hand must answer; what was found may just be leaving.
    state, why = (FAIL if node["source"] == "static" else WARN), str(node["why"])
    advice = []
    if "belongs to" in why and not search.realm:
        # It was asked for a realm that nobody has, to hear of its own.
        said = why.removeprefix("it refused: ").partition(", not to")[0]
        state, why = WARN, f"a node of zmqwork: {said}"
    if node["state"] == "refused":
        advice.append(_of_refusal(why, search))
    elif node.get("reach") == "refused" and str(node["endpoint"]).startswith("ipc://"):
        advice.append(_of_no_socket(node))
    elif node.get("reach") in _ADVICE:
        advice.append(_ADVICE[node["reach"]])
    elif node.get("reach") == "zeromq":
        advice.append("a ZeroMQ socket that is no node of zmqwork, or one that is too busy")
    name = node["endpoint"] if node["source"] == "static" else label(node)
    keys = ("key", "source", "endpoint", "node_id", "name", "role", "state", "why", "reach")
    data = {key: node.get(key) for key in keys}
    return Finding(f"peer {name}", state, why, tuple(advice), data)


def _of_no_socket(node: dict[str, Any]) -> str:
    if node["source"] == "static":
        return "is it started, and is that its path? zmqwork ps shows the nodes of this machine"
    return (
        "its process lives, but its socket file was removed. It binds it again within seconds, or "
        "its log says why not: restart that node if it does not come back"
    )


def _of_refusal(why: str, search: Search) -> str:
    if "belongs to" in why:
        named = f", not {search.realm!r}" if search.realm else ""
        return f"name its realm{named}: --realm NAME"
    if "protocol" in why:
        return "its version does not speak with this one: pip install -U zmqwork on both"
    if "admit" in why or "may not be" in why:
        return (
            "in its roster this node's key is not there (revoked, or added since), or not in this "
            "role: zmqwork keys list there; where the admin is: zmqwork keys push --realm NAME"
        )
    return "that port answers, but not as a node of zmqwork: correct --peer"


def _same_keys(source: str) -> Iterator[str]:
    if source == "local":
        yield "give all of them the same keys, or none: is ZMQWORK_KEYS the same everywhere?"
        yield "keys for this user: zmqwork keys init; then restart its nodes"
    else:
        yield "should they be of one cluster? zmqwork keys list here and there tells"
        yield "who has not joined: zmqwork keys add NODE -o NODE.zwk on a machine of the admin,"
        yield "  and zmqwork keys join NODE.zwk on its own; then restart its nodes"
        yield "who has joined, and is not known here: on a machine of the admin"
        yield "  zmqwork keys push --realm NAME"


def _elsewhere(search: Search) -> Iterator[str]:
    yield "one of another user, or under another $XDG_RUNTIME_DIR, is not found by `local`"
    if search.realm is None and "mdns" in search.sources:
        yield OTHER_REALMS
    if search.keys is None and "mdns" not in search.sources:
        yield "nodes on other machines are looked for with keys (zmqwork keys --help), or with"
        yield "  --insecure-lan, and then without any protection"
