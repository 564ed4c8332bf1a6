"""What is wrong with a keys directory: all of it, where `keyring.load` stops at the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from zmqwork.core.permissions import ADMIN
from zmqwork.disk import reason
from zmqwork.errors import KeysError
from zmqwork.security import contents, files
from zmqwork.security.contents import NEXT_FILE, NODE_FILE
from zmqwork.security.custody import drafts
from zmqwork.security.keyring import MAKE_KEYS, is_there, today
from zmqwork.security.pairs import Pair
from zmqwork.security.roster import Roster

T = TypeVar("T")

_RENEW = "zmqwork keys join with its new bundle; where it was made: zmqwork keys rotate --now"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that a person should know of a keys directory.

    Attributes:
        text: what.
        is_fault: whether nodes cannot use the keys because of it.
        at: an instant of the wall clock with which the text ends.
        advice: what to do.
    """

    text: str
    is_fault: bool = True
    at: float | None = None
    advice: str = ""


def remarks(place: Path) -> list[Remark]:
    """All that is wrong with a keys directory, or will be. Never raises."""
    try:
        has_keys = is_there(place)
    except OSError as error:
        return [Remark(f"cannot look into {place}: {reason(error)}")]
    if not has_keys:
        return [Remark(f"{place} has no keys", advice=MAKE_KEYS)]
    found: list[Remark] = []
    _tried(lambda: files.check_directory(place), found)
    node = _tried(lambda: contents.read_node(place / NODE_FILE), found)
    roster = _tried(lambda: contents.read_roster(place), found)
    _tried(lambda: contents.read_discovery_key(place), found)
    if roster is not None:
        found += _of_roster(roster)
        if node is not None:
            found += _of_node(*node, roster)
    if (place / NEXT_FILE).exists():
        waiting = _tried(lambda: contents.read_node(place / NEXT_FILE), found)
        if waiting is not None and roster is not None:
            found.append(_of_next(waiting[1], roster))
    left = _tried(lambda: drafts(place), found) or []
    found += [Remark(f"{path} was left by a command that was killed", False) for path in left]
    return found


def _tried(look: Callable[[], T], found: list[Remark]) -> T | None:
    try:
        return look()
    except KeysError as error:
        found.append(Remark(str(error)))
        return None


def _of_roster(roster: Roster) -> Iterator[Remark]:
    now = today()
    valid = {member.name for _, member in roster.keys(now)}
    if not any(ADMIN in member.roles for _, member in roster.keys(now)):
        yield Remark(f"no member of {roster.cluster} is {ADMIN}: nobody can change the roster")
    for member in roster.members:
        if not member.revoked and member.name not in valid:
            advice = f"zmqwork keys rotate {member.name}"
            yield Remark(f"all keys of {member.name} have ended", False, advice=advice)


def _of_node(name: str, pair: Pair, roster: Roster) -> Iterator[Remark]:
    """Whether others let this node in."""
    member = roster.find(name)
    where = f"roster {roster.serial} of {roster.cluster}"
    if member is None:
        yield Remark(f"{name}, which is this node, is not in {where}")
        return
    if member.revoked:
        yield Remark(f"{name}, which is this node, was revoked, as {where} says")
    key = next((key for key in member.keys if key.public == pair.public), None)
    if key is None:
        yield Remark(f"the key of this node, {name}, is not in {where} (any more)", advice=_RENEW)
    elif key.until is not None:
        is_over = key.until <= today()
        verb = "has ended" if is_over else "ends"
        yield Remark(f"the key of this node, {name}, {verb} at", is_over, key.until, _RENEW)


def _of_next(pair: Pair, roster: Roster) -> Remark:
    if any(key.public == pair.public for key, _ in roster.keys(today())):
        advice = "zmqwork keys push --realm NAME, then zmqwork keys rotate --now"
        return Remark(f"{NEXT_FILE} has a new key, which waits", False, advice=advice)
    return Remark(f"{NEXT_FILE} has a key that is not in the roster, and is not used", False)
