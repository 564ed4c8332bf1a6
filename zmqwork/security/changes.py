"""Changes of a roster: each makes the next one, and leaves out keys that have ended meanwhile.

::

    added      one more member              with_roles   it may be something else
    revoked    it is refused from now on    rotated      it gets another key, and keeps the old ones
                                                         for a while
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from zmqwork.errors import KeysError
from zmqwork.security.roster import (
    KEYS_PER_MEMBER_MAX,
    MEMBERS_MAX,
    Key,
    Member,
    Roster,
    check_member_name,
    check_roles,
)


def added(roster: Roster, name: str, roles: Iterable[str], public: str, now: float) -> Roster:
    """With one more member, whose name nobody ever had."""
    _refuse_shared(roster, "nobody can be added: give the file of `keys export` to whoever joins")
    before = roster.find(check_member_name(name))
    if before is not None:
        if before.revoked:
            raise KeysError(
                f"{name} was revoked, and its name is not given again: choose another name"
            )
        raise KeysError(
            f"{roster.cluster} has a member {name} already: choose another name, or make a new key "
            f"and a new bundle for it: zmqwork keys rotate {name}"
        )
    if len(roster.members) >= MEMBERS_MAX:
        raise KeysError(f"a roster has at most {MEMBERS_MAX} members, those that were revoked too")
    new = Member(name, check_roles(roles), (Key(public),))
    return _next(roster, (*roster.members, new), now)


def revoked(roster: Roster, name: str, now: float) -> Roster:
    """Without the keys of this member; its name stays taken."""
    _refuse_shared(
        roster,
        "nobody can be left out: `keys rotate --overlap 0 --now`, and give the new file of "
        "`keys export` to those who stay",
    )
    return _with(roster, replace(_living(roster, name), revoked=True), now)


def with_roles(roster: Roster, name: str, roles: Iterable[str], now: float) -> Roster:
    """A member may be something else from now on."""
    _refuse_shared(roster, "everybody has all roles")
    return _with(roster, replace(_living(roster, name), roles=check_roles(roles)), now)


def rotated(roster: Roster, name: str, public: str, overlap: float, now: float) -> Roster:
    """A member has one key more; those that it had are good for `overlap` seconds yet."""
    member = _living(roster, name)
    ends_at = now + overlap
    old = (
        replace(key, until=ends_at if key.until is None else min(key.until, ends_at))
        for key in member.keys
    )
    keys = (*_lasting(old, now), Key(public))
    if len(keys) > KEYS_PER_MEMBER_MAX:
        raise KeysError(
            f"{name} has {len(keys) - 1} keys that are good yet, and {KEYS_PER_MEMBER_MAX} is the "
            "limit: wait until one has ended, or end them now with --overlap 0"
        )
    return _with(roster, replace(member, keys=keys), now)


def _living(roster: Roster, name: str) -> Member:
    member = roster.find(name)
    if member is None:
        known = ", ".join(m.name for m in roster.members if not m.revoked)
        raise KeysError(f"{roster.cluster} has no member {name!r}: it has {known}")
    if member.revoked:
        raise KeysError(f"{name} was revoked already")
    return member


def _with(roster: Roster, changed: Member, now: float) -> Roster:
    members = (changed if m.name == changed.name else m for m in roster.members)
    return _next(roster, members, now)


def _next(roster: Roster, members: Iterable[Member], now: float) -> Roster:
    # (A member whose keys have all ended keeps the last one: it has been a member.)
    kept = (
        replace(m, keys=_lasting(m.keys, now) or (max(m.keys, key=lambda k: k.until or 0.0),))
        for m in members
    )
    return replace(roster, serial=roster.serial + 1, members=tuple(kept))


def _lasting(keys: Iterable[Key], now: float) -> tuple[Key, ...]:
    return tuple(key for key in keys if key.until is None or now < key.until)


def _refuse_shared(roster: Roster, text: str) -> None:
    if roster.shared:
        raise KeysError(f"{roster.cluster} has one key, which everybody has: {text}")
