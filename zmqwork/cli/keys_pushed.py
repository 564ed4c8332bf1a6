"""``zmqwork keys push``: the roster for nodes that run."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zmqwork.cli import exits
from zmqwork.cli.control import Control, Disobeyed
from zmqwork.cli.output import Output, complain
from zmqwork.cli.survey import OTHER_REALMS, Search, label, name_reasons
from zmqwork.cli.target import load_app
from zmqwork.core.orders import ROSTER
from zmqwork.errors import UsageError
from zmqwork.security import cluster
from zmqwork.security.keyring import Keyring, load

TAKEN, KNOWN, FAILED = "taken", "known", "failed"

_COLUMNS = ("NODE", "ROLE", "REALM", "HOST", "BEFORE", "NOW", "RESULT")
_ROLES = ("producer", "worker", "sink")


@dataclass(slots=True)
class _Told:
    """What came of it: a row for each node, those that did not answer, and those to be left out.

    Nodes that are revoked may run yet: that they are not reached is as it should be.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    unheard: list[dict[str, Any]] = field(default_factory=list)
    revoked: list[dict[str, Any]] = field(default_factory=list)
    realms: list[str] = field(default_factory=list)


def push(args: argparse.Namespace, place: Path, output: Output) -> int:
    """Tell all nodes; 1 if one of them did not take it, 3 if there are none."""
    keyring = load(place)
    cluster.check_admin(keyring)
    told = _Told()
    for realm in _realms(args):
        _push(_within(args, realm), keyring, told)
    roster = keyring.roster
    output.json(
        {"cluster": roster.cluster, "serial": roster.serial, "realms": told.realms,
         "nodes": told.rows, "unheard": told.unheard, "revoked": told.revoked}
    )  # fmt: skip
    named = bool(args.realm or args.app)
    for node in told.revoked:
        complain(f"  {label(node)} runs with a key that is revoked, and is told nothing")
    if not told.rows and not told.unheard:
        _complain_of_nobody(told.realms, named=named)
        return exits.NO_WORKER
    keys = ("name", "role", "realm", "host", "before", "serial")
    output.line(f"roster {roster.serial} of {roster.cluster}:")
    output.table(_COLUMNS, ([*(row.get(key) for key in keys), _result(row)] for row in told.rows))
    for node in told.unheard:
        complain(f"  {label(node)} did not answer: {node['why']}")
    failed = [row for row in told.rows if row["result"] == FAILED]
    if not named:
        output.line(f"These are of the realms that live on this machine. {OTHER_REALMS}")
    if not (failed or told.unheard) and cluster.next_key(keyring) is not None:
        output.line("If these are all: zmqwork keys rotate --now")
    return exits.FAILED if failed or told.unheard else exits.OK


def _complain_of_nobody(realms: list[str], *, named: bool) -> None:
    if named:
        shown = ", ".join(map(repr, realms))
        complain(f"zmqwork keys push: no node answered in {shown}. zmqwork doctor looks why")
        return
    complain("zmqwork keys push: no node answered in any realm that lives on this machine.")
    complain(OTHER_REALMS)


def _realms(args: argparse.Namespace) -> list[str]:
    """Those that were named, or all that are here."""
    named = list(args.realm)
    if args.app:
        named.append(load_app(args.app).name)
    if named:
        return list(dict.fromkeys(named))
    if args.peer:
        raise UsageError("--peer needs --realm NAME: a node answers those of its own realm")
    return Search(_within(args, None)).realms()


def _within(args: argparse.Namespace, realm: str | None) -> argparse.Namespace:
    """The same words of the command line, for one realm."""
    return argparse.Namespace(**{**vars(args), "realm": realm, "app": None})


def _push(args: argparse.Namespace, keyring: Keyring, told: _Told) -> None:
    told.realms.append(args.realm)
    with Control(args) as control:
        name_reasons(control.survey.unheard, args.timeout, keyed=control.survey.keyed)
        gone = {key.fingerprint for m in keyring.roster.members if m.revoked for key in m.keys}
        for node in control.survey.unheard:
            (told.revoked if node["fingerprint"] in gone else told.unheard).append(node)
        for node in _nodes(control):
            row = {key: node.get(key) for key in ("node_id", "name", "role", "realm", "host")}
            told.rows.append(row | _ordered(control, node, keyring))


def _nodes(control: Control) -> Iterator[dict[str, Any]]:
    for role in _ROLES:
        yield from control.nodes(role)


def _ordered(control: Control, node: dict[str, Any], keyring: Keyring) -> dict[str, Any]:
    try:
        said = control.order(node, ROSTER, [keyring.roster.encode().encode()]).value
    except Disobeyed as error:
        return {"result": FAILED, "why": error.ordered.text or error.ordered.code}
    result = TAKEN if said.get("written") else KNOWN
    return {"result": result, "before": said.get("before"), "serial": said.get("serial")}


def _result(row: dict[str, Any]) -> str:
    return f"{row['result']}: {row['why']}" if "why" in row else str(row["result"])
