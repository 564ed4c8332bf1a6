"""What `zmqwork keys` shows: the members of a cluster, and what is wrong with the files."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Container
from pathlib import Path
from typing import Any

from zmqwork.cli import exits
from zmqwork.cli.output import Output
from zmqwork.errors import UsageError
from zmqwork.escaping import printable
from zmqwork.security.checkup import Remark, remarks
from zmqwork.security.keyring import Keyring, load
from zmqwork.security.roster import Key, Member

_COLUMNS = ("NODE", "ROLES", "STATE", "KEYS")


def show_all(args: argparse.Namespace, place: Path, output: Output) -> int:
    """The members."""
    del args
    keyring = load(place)
    roster = keyring.roster
    valid = keyring.accesses()
    members = [described(member, keyring.name, valid) for member in roster.members]
    output.json({**_heading(keyring), "members": members})
    output.line(_headline(keyring))
    output.table(
        _COLUMNS,
        ((m["name"], ", ".join(m["roles"]), m["state"], _keys_text(m["keys"])) for m in members),
    )
    return exits.OK


def show(args: argparse.Namespace, place: Path, output: Output) -> int:
    """One member."""
    keyring = load(place)
    name = args.words[0] if args.words else keyring.name
    member = keyring.roster.find(name)
    if member is None:
        known = ", ".join(m.name for m in keyring.roster.members)
        raise UsageError(f"{keyring.roster.cluster} has no member {name!r}: it has {known}")
    told = described(member, keyring.name, keyring.accesses())
    output.json({**_heading(keyring), "member": told})
    output.line(_headline(keyring))
    pairs = [("node", name), ("state", told["state"]), ("roles", ", ".join(told["roles"]))]
    if told["own"]:
        pairs.append(("keys", str(place)))
    for key in told["keys"]:
        pairs.append(("key", f"{key['fingerprint']}  {key['state']}"))
        pairs.append(("public", key["public"]))
    output.lines(pairs)
    return exits.OK


def check(args: argparse.Namespace, place: Path, output: Output) -> int:
    """All that is wrong; 1 if anything is."""
    del args
    found = remarks(place)
    faults = [remark for remark in found if remark.is_fault]
    output.json(
        {
            "keys": str(place),
            "faults": [_said(remark) for remark in faults],
            "remarks": [_said(remark) for remark in found if not remark.is_fault],
        }
    )
    for remark in found:
        kind = "FAIL" if remark.is_fault else "note"
        output.line(f"{kind}  {printable(_said(remark))}")
    if not faults:
        output.line(f"the keys in {place} can be used")
    return exits.FAILED if faults else exits.OK


def described(member: Member, own_name: str, valid: Container[str]) -> dict[str, Any]:
    """A member as plain values.

    Args:
        member: which.
        own_name: of the member that this node is.
        valid: the fingerprints of the keys that are taken now.
    """
    keys = [
        {
            "fingerprint": key.fingerprint,
            "public": key.public,
            "until": key.until,
            "state": _state(key, member, key.fingerprint in valid),
        }
        for key in member.keys
    ]
    own = member.name == own_name
    state = "this node" if own else "member"
    if member.revoked:
        state = "revoked"
    elif not any(key["fingerprint"] in valid for key in keys):
        state = "its keys have ended"
    return {
        "name": member.name,
        "roles": list(member.roles),
        "state": state,
        "own": own,
        "revoked": member.revoked,
        "keys": keys,
    }


def when(instant: float) -> str:
    """An instant of the wall clock, for people."""
    try:
        return dt.datetime.fromtimestamp(instant).astimezone().isoformat(" ", "minutes")
    except (ValueError, OverflowError, OSError):  # in a year that no calendar has
        return f"{instant:.0f} s after 1970"


def _state(key: Key, member: Member, is_valid: bool) -> str:
    if member.revoked:
        return "revoked"
    if key.until is None:
        return "valid"
    return f"valid until {when(key.until)}" if is_valid else f"ended {when(key.until)}"


def _heading(keyring: Keyring) -> dict[str, Any]:
    roster = keyring.roster
    return {
        "cluster": roster.cluster,
        "serial": roster.serial,
        "shared": roster.shared,
        "keys": str(keyring.place),
    }


def _headline(keyring: Keyring) -> str:
    roster = keyring.roster
    shared = ", one key: everybody who has it is everybody" if roster.shared else ""
    return f"cluster {roster.cluster}, roster {roster.serial}{shared}"


def _keys_text(keys: list[dict[str, Any]]) -> str:
    plain = ("valid", "revoked")
    return ", ".join(
        k["fingerprint"] if k["state"] in plain else f"{k['fingerprint']} ({k['state']})"
        for k in keys
    )


def remark_text(remark: Remark) -> str:
    """What it says, without what to do."""
    return remark.text if remark.at is None else f"{remark.text} {when(remark.at)}"


def _said(remark: Remark) -> str:
    text = remark_text(remark)
    return f"{text}: {remark.advice}" if remark.advice else text
