"""Checks of this node's own keys."""

from __future__ import annotations

from collections.abc import Iterator

from zmqwork.cli.finding import FAIL, OK, WARN, Finding
from zmqwork.cli.keys_shown import remark_text
from zmqwork.cli.output import counted
from zmqwork.core.permissions import ROLES
from zmqwork.security.checkup import remarks
from zmqwork.security.keyring import Watched, default_place

# What to do about keys that cannot be read; nobody is looked for without them.
UNUSABLE = ("zmqwork keys check says all that is wrong with the files",)


def keys(keys: Watched | None) -> Iterator[Finding]:
    """What they are, and what is wrong with them."""
    if keys is None:
        text = f"none (in {default_place()}): this node talks to those without keys alone"
        yield Finding("own keys", OK, text)
        return
    keyring = keys.keyring
    roster = keyring.roster
    access = keys.accesses.get(keyring.fingerprint)
    roles = [role for role in ROLES if access is not None and role in access.roles]
    text = (
        f"{keyring.name} of {roster.cluster}, which is {', '.join(roles) or 'nothing any more'}; "
        f"roster {roster.serial} with {counted(len(roster.members), 'member')}, in {keyring.place}"
    )
    data = {
        "place": str(keyring.place), "name": keyring.name, "cluster": roster.cluster,
        "serial": roster.serial, "fingerprint": keyring.fingerprint,
        "roles": roles,
    }  # fmt: skip
    yield Finding("own keys", OK, text, data=data)
    for remark in remarks(keyring.place):
        advice = (remark.advice,) if remark.advice else ("zmqwork keys check",)
        yield Finding("own keys", FAIL if remark.is_fault else WARN, remark_text(remark), advice)
