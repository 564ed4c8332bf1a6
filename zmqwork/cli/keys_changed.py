"""What `zmqwork keys` does that changes keys, and who is in a cluster."""

from __future__ import annotations

import argparse
import re
import secrets
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

from zmqwork.cli import exits
from zmqwork.cli.keys_shown import described, when
from zmqwork.cli.output import Output
from zmqwork.cli.parser import nearest
from zmqwork.core.permissions import ROLES
from zmqwork.errors import UsageError
from zmqwork.nodes.auditing import audit_of
from zmqwork.security import cluster, membership
from zmqwork.security.bundle import SUFFIX
from zmqwork.security.files import expanded
from zmqwork.security.keyring import Keyring, load
from zmqwork.security.kinds import KEY_REVOKE, KEYS_CREATED, KEYS_JOINED, ROSTER_CHANGE

_OVERLAP = 24 * 3600.0
_PUSH = "the nodes that run hear of it by: zmqwork keys push --realm NAME"


def init(args: argparse.Namespace, place: Path, output: Output) -> int:
    """Make a cluster."""
    host = _host_name()
    if args.shared and args.name:
        raise UsageError(f"--name: with --shared, the only name is {cluster.EVERYBODY}")
    name = cluster.EVERYBODY if args.shared else args.name or host
    # So that two clusters of people who gave no name are not taken for one.
    called = args.cluster or f"{host[:59]}-{secrets.token_hex(2)}"
    keyring = cluster.create(place, called, name, shared=bool(args.shared))
    _tell(output, keyring, name, "a cluster")
    output.line(f"cluster {called} is made in {place}")
    if args.shared:
        output.line("It has one key: everybody who has its file is everybody, and nobody can be")
        output.line("left out. The file for the others: zmqwork keys export -o FILE")
    else:
        output.line(f"This is its node {name}, with all roles: key {keyring.fingerprint}")
        output.line("For each other machine: zmqwork keys add NODE --role worker,sink,observer")
    return exits.OK


def add(args: argparse.Namespace, place: Path, output: Output) -> int:
    """Add a member."""
    name = args.words[0]
    bundle = _bundle(args, name)
    wanted = _roles(args)
    keyring = cluster.add(place, name, wanted, bundle)
    _tell(output, keyring, name, f"a member: {', '.join(wanted)}", bundle)
    output.line(f"{name} is in roster {keyring.roster.serial} of {keyring.roster.cluster}")
    _tell_bundle(output, bundle)
    output.line(_PUSH)
    return exits.OK


def join(args: argparse.Namespace, place: Path, output: Output) -> int:
    """Become the node of a bundle."""
    path = expanded(args.words[0])
    keyring = membership.join(place, path, overwrite=bool(args.overwrite))
    _tell(output, keyring, keyring.name, "a bundle", kind=KEYS_JOINED)
    roster = keyring.roster
    output.line(f"This is node {keyring.name} of {roster.cluster} now: key {keyring.fingerprint}")
    output.line(f"It has roster {roster.serial}; of later members an admin tells it: keys push")
    output.line(f"Whoever has {path} is {keyring.name}, too: remove it")
    return exits.OK


def revoke(args: argparse.Namespace, place: Path, output: Output) -> int:
    """Refuse a member."""
    name = args.words[0]
    keyring = cluster.revoke(place, name)
    _tell(output, keyring, name, "revoked", kind=KEY_REVOKE)
    output.line(f"{name} is revoked, in roster {keyring.roster.serial}")
    output.line(_PUSH)
    return exits.OK


def roles(args: argparse.Namespace, place: Path, output: Output) -> int:
    """Let a member be something else."""
    name, wanted = args.words[0], _roles(args)
    keyring = cluster.give_roles(place, name, wanted)
    _tell(output, keyring, name, f"roles: {', '.join(wanted)}", kind=ROSTER_CHANGE)
    output.line(f"{name} is {', '.join(wanted)}, in roster {keyring.roster.serial}")
    output.line(_PUSH)
    return exits.OK


def rotate(args: argparse.Namespace, place: Path, output: Output) -> int:
    """Give a member a new key."""
    overlap = _OVERLAP if args.overlap is None else args.overlap
    own = load(place).name
    name = args.words[0] if args.words else own
    if name == own:
        return _rotate_own(args, place, output, overlap)
    if args.now:
        raise UsageError(
            f"--now is for the key of this node, {own}: {name} takes its when it joins"
        )
    bundle = _bundle(args, name)
    keyring = cluster.rotate(place, name, overlap, bundle)
    _tell(output, keyring, name, "a new key", bundle)
    output.line(f"{name} has a new key, in roster {keyring.roster.serial}{_old(keyring, name)}")
    output.line(f"First {_PUSH}")
    _tell_bundle(output, bundle)
    return exits.OK


def _rotate_own(args: argparse.Namespace, place: Path, output: Output, overlap: float) -> int:
    if args.output is not None:
        raise UsageError("-o is for the key of another node; of this one: zmqwork keys export")
    keyring, used = cluster.rotate_own(place, overlap, at_once=bool(args.now))
    name = keyring.name
    key = keyring.fingerprint if used else cluster.next_key(keyring)
    done = "a new key, in use" if used else "a new key, which waits"
    _tell(output, keyring, name, done, in_use=used, key=key)
    ending = _old(keyring, name)
    if used:
        output.line(f"this node, {name}, uses key {key} now{ending}")
        if args.now and overlap == 0 and not keyring.roster.shared:
            output.line("No push reaches the others any more: carry a copy of its roster.toml to")
            output.line("each (scp -p), or a new bundle: zmqwork keys rotate NODE")
    else:
        output.line(f"this node, {name}, has a new key {key}, which waits{ending}")
        output.line("First let the others hear of it:  zmqwork keys push --realm NAME")
        output.line("and when all of them have it:     zmqwork keys rotate --now")
    if keyring.roster.shared:
        output.line("then give everybody the file of:  zmqwork keys export -o FILE")
    return exits.OK


def export(args: argparse.Namespace, place: Path, output: Output) -> int:
    """Write this node's keys as a bundle."""
    bundle = _bundle(args, load(place).name)
    keyring = cluster.export(place, bundle)
    _tell(output, keyring, keyring.name, "a bundle with its key", bundle)
    if keyring.roster.shared:
        output.line(f"{bundle} has the one key of {keyring.roster.cluster}: everybody who has this")
        output.line("file is everybody. On each machine: zmqwork keys join FILE")
    else:
        output.line(f"{bundle} has the key of this node: whoever has it is {keyring.name}.")
        output.line("Keep it where nobody finds it. Other machines get their own: keys add")
    return exits.OK


def _tell(
    output: Output,
    keyring: Keyring,
    name: str,
    done: str,
    bundle: Path | None = None,
    kind: str = KEYS_CREATED,
    **more: Any,
) -> None:
    """For programs, and for the audit log: the member as it is now, and what was done."""
    roster = keyring.roster
    changed = roster.find(name)
    with closing(audit_of("", keyring.name, "keys")) as audit:
        audit.note(
            kind,
            member=name,
            reason=done,
            fingerprint=changed.keys[-1].fingerprint if changed else "",
            cluster=roster.cluster,
            serial=roster.serial,
            roles=list(changed.roles) if changed else [],
        )
    member = described(changed, keyring.name, keyring.accesses()) if changed else None
    said = {"cluster": roster.cluster, "serial": roster.serial, "keys": str(keyring.place)}
    output.json(
        {**said, "member": member, "bundle": None if bundle is None else str(bundle)} | more
    )


def _tell_bundle(output: Output, bundle: Path) -> None:
    output.line(f"Carry {bundle} to its machine (scp -p), and remove it here. There:")
    output.line(f"  zmqwork keys join {bundle.name}")


def _old(keyring: Keyring, name: str) -> str:
    """Until when the keys before are good."""
    member = keyring.roster.find(name)
    ends = [key.until for key in member.keys if key.until is not None] if member else []
    return f"; the old one is good until {when(max(ends))}" if ends else "; the old one has ended"


def _bundle(args: argparse.Namespace, name: str) -> Path:
    # (A name that begins with ~ is refused as a name.)
    return expanded(args.output) if args.output else Path(f"{name}{SUFFIX}")


def _roles(args: argparse.Namespace) -> list[str]:
    words = [word.strip() for given in args.role or () for word in given.split(",")]
    if not any(words):
        raise UsageError(f"{args.action} needs --role: some of {', '.join(ROLES)}")
    for word in words:
        if word not in ROLES:
            near = nearest(word, ROLES) or f": choose from {', '.join(ROLES)}"
            raise UsageError(f"{word!r} is no role{near}")
    return words


def _host_name() -> str:
    name = re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname().partition(".")[0])
    return name.lstrip("-_")[:64] or "node"
