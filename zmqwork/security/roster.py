"""The roster: which keys belong to a cluster, and what each may be. All of it is right, or none."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from zmqwork.core.permissions import ROLES, Access
from zmqwork.errors import KeysError
from zmqwork.security import plain_toml
from zmqwork.security.pairs import fingerprint

# A member takes some 200 bytes; a roster is sent in one order, and read again when it changes.
MEMBERS_MAX = 4_096
# While a key is rotated a member has the old one and the new one.
KEYS_PER_MEMBER_MAX = 4
ROSTER_BYTES_MAX = 2 * 1024 * 1024
_SERIAL_MAX = 2**53
_CHECKSUM_BYTES = 8

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

_HEAD = """\
# Which keys belong to this cluster, and what each may be. `zmqwork keys` writes this file.
"""


@dataclass(frozen=True, slots=True)
class Key:
    """A member's public key.

    Attributes:
        public: in Z85.
        until: seconds since 1970 after which it is not taken any more; None: no end. The wall
            clock, because it must hold over restarts.
    """

    public: str
    until: float | None = None

    @property
    def fingerprint(self) -> str:
        """See `pairs.fingerprint`."""
        return fingerprint(self.public)


@dataclass(frozen=True, slots=True)
class Member:
    """One node of the cluster, as a machine or a user of it: its processes share its keys.

    Attributes:
        name: unique in the roster.
        roles: out of `core.permissions.ROLES`.
        keys: one; while it is rotated, more.
        revoked: its keys are refused, and its name is not given again.
    """

    name: str
    roles: tuple[str, ...]
    keys: tuple[Key, ...]
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Roster:
    """The members of a cluster.

    Attributes:
        cluster: its name, for people.
        serial: counts the changes: a node never goes back to a lower one.
        members: in the order in which they were added.
        shared: there is one key, and everybody who has it is everybody.
    """

    cluster: str
    serial: int
    members: tuple[Member, ...]
    shared: bool = False

    def find(self, name: str) -> Member | None:
        """The member of that name."""
        return next((member for member in self.members if member.name == name), None)

    def keys(self, now: float) -> Iterator[tuple[Key, Member]]:
        """All that are valid at an instant of the wall clock."""
        for member in self.members:
            if not member.revoked:
                for key in member.keys:
                    if key.until is None or now < key.until:
                        yield key, member

    def ends_at(self, now: float) -> float:
        """When the next key ends; infinity: none does."""
        ends = (key.until for key, _ in self.keys(now) if key.until is not None)
        return min(ends, default=float("inf"))

    def accesses(self, now: float) -> dict[str, Access]:
        """What each valid key may be, by its fingerprint."""
        return {
            key.fingerprint: Access(member.name, frozenset(member.roles))
            for key, member in self.keys(now)
        }

    def encode(self) -> str:
        """The text of its file, which `decode` reads."""
        return f"{_HEAD}\nchecksum = {_quoted(self.checksum())}\n{self._body()}"

    def checksum(self) -> str:
        """Tells a roster from one that was cut off between two members; it is no secret."""
        return hashlib.blake2b(self._body().encode(), digest_size=_CHECKSUM_BYTES).hexdigest()

    def _body(self) -> str:
        lines = [
            f"cluster = {_quoted(self.cluster)}",
            f"serial = {self.serial}",
            f"shared = {_boolean(self.shared)}",
        ]
        for member in self.members:
            lines += ["", "[[member]]", f"name = {_quoted(member.name)}"]
            lines.append(f"roles = [{', '.join(map(_quoted, member.roles))}]")
            if member.revoked:
                lines.append("revoked = true")
            for key in member.keys:
                lines.append(f"[[member.key]]\npublic = {_quoted(key.public)}{_until(key.until)}")
        return "\n".join(lines) + "\n"


def check_member_name(name: object) -> str:
    """The name, if it can be a member's. Raises `KeysError`."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise KeysError(
            f"{name!r} is no name of a node: 1 to 64 letters, digits, dots, dashes and underscores"
        )
    return name


def check_cluster_name(name: object) -> str:
    """The name, if it can be a cluster's. Raises `KeysError`."""
    if name is None:
        raise KeysError("it has no cluster: it is empty, or was cut off")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise KeysError(
            f"{name!r} is no name of a cluster: 1 to 64 letters, digits, dots, dashes and "
            "underscores"
        )
    return name


def check_roles(roles: Iterable[object]) -> tuple[str, ...]:
    """The roles, each once. Raises `KeysError`."""
    found = []
    for role in roles:
        if not isinstance(role, str) or role not in ROLES:
            raise KeysError(f"{role!r} is no role: choose from {', '.join(ROLES)}")
        found.append(role)
    if not found:
        raise KeysError(f"a node needs at least one role of {', '.join(ROLES)}")
    return tuple(dict.fromkeys(found))


def decode(text: str) -> Roster:
    """The roster in a file's text.

    Raises:
        KeysError: anything in it is wrong; the text says what, and of which member.
    """
    if len(text) > ROSTER_BYTES_MAX:
        raise KeysError(f"a roster has at most {ROSTER_BYTES_MAX} bytes, this one {len(text)}")
    fields = plain_toml.loads(text)
    _refuse_unknown(fields, {"checksum", "cluster", "serial", "shared", "member"}, "the roster")
    cluster, serial = check_cluster_name(fields.get("cluster")), fields.get("serial")
    if type(serial) is not int or not 1 <= serial <= _SERIAL_MAX:
        raise KeysError(f"serial must be a whole number from 1, not {serial!r}")
    found = fields.get("member", [])
    if not isinstance(found, list) or len(found) > MEMBERS_MAX:
        raise KeysError(f"member is a list of at most {MEMBERS_MAX}")
    members = tuple(_member(number, item) for number, item in enumerate(found, 1))
    _refuse_twins(members)
    roster = Roster(cluster, serial, members, _flag(fields, "shared", "the roster"))
    # It is the first line: whatever is left of a file that was cut off has it, or no cluster.
    if fields.get("checksum", roster.checksum()) != roster.checksum():
        raise KeysError("its checksum does not fit: it was cut off, spoiled, or edited by hand")
    return roster


def _member(number: int, item: Any) -> Member:
    name = item.get("name") if isinstance(item, dict) else None
    try:
        return _read_member(item)
    except KeysError as error:
        known = isinstance(name, str) and _NAME.fullmatch(name)
        raise KeysError(f"member {name if known else number}: {error}") from None


def _read_member(item: Any) -> Member:
    if not isinstance(item, dict):
        raise KeysError("it is no table")
    _refuse_unknown(item, {"name", "roles", "revoked", "key"}, "it")
    name, roles, keys = check_member_name(item.get("name")), item.get("roles"), item.get("key")
    if not isinstance(roles, list):
        raise KeysError("roles is a list")
    if not isinstance(keys, list) or not 1 <= len(keys) <= KEYS_PER_MEMBER_MAX:
        raise KeysError(f"it has 1 to {KEYS_PER_MEMBER_MAX} keys")
    return Member(name, check_roles(roles), tuple(map(_key, keys)), _flag(item, "revoked", "it"))


def _key(item: Any) -> Key:
    if not isinstance(item, dict):
        raise KeysError("a key is a table")
    _refuse_unknown(item, {"public", "until"}, "a key")
    public, until = item.get("public"), item.get("until")
    if not isinstance(public, str):
        raise KeysError("a key has no public half")
    fingerprint(public)
    if until is None:
        return Key(public)
    if type(until) not in (int, float) or not 0 <= until < 2**53:
        raise KeysError(f"until is an instant in seconds, not {until!r}")
    return Key(public, float(until))


def _refuse_twins(members: tuple[Member, ...]) -> None:
    names: set[str] = set()
    owners: dict[str, str] = {}
    for member in members:
        if member.name in names:
            raise KeysError(f"member {member.name}: it is there twice")
        names.add(member.name)
        for key in member.keys:
            other = owners.setdefault(key.fingerprint, member.name)
            if other != member.name or member.keys.count(key) > 1:
                raise KeysError(f"member {member.name}: {other} has this key already")


def _refuse_unknown(fields: dict[str, Any], known: set[str], what: str) -> None:
    for name in fields:
        if name not in known:
            raise KeysError(f"{what} has an unknown field {name[:64]!r}")


def _flag(fields: dict[str, Any], name: str, what: str) -> bool:
    value = fields.get(name, False)
    if type(value) is not bool:
        raise KeysError(f"{name} of {what} is true or false, not {value!r}")
    return value


def _quoted(text: str) -> str:
    # What these texts can hold is written alike in JSON and TOML.
    return json.dumps(text)


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _until(until: float | None) -> str:
    return "" if until is None else f"\nuntil = {until!r}"
