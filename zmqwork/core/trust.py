"""Whom a node believes: what each key may be, whose each node id is, and who is suspended.

Without keys everybody is believed to be what it says: then only this user's processes, or those
whom `--insecure-lan` lets in, can reach the node. With them, a **member** of the roster speaks
through one of its keys, in the roles that the roster gives it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from zmqwork.core.link_events import Rostered
from zmqwork.core.messages import Message
from zmqwork.core.permissions import ADMIN, GREETINGS, OBSERVER, Access, Verbs, verbs

# Node ids of one member that are remembered, the newest: more than processes of a machine.
OWNERS_MAX = 1_024

# After so many offences a key is suspended for so many seconds. Honest nodes commit none; one that
# is broken, or of another version, may commit some.
OFFENCES_MAX = 10
SUSPENSION = 60.0


class Trust:
    """What one node knows of keys.

    Attributes:
        role: the node's own.
        accesses: what each key may be, by fingerprint; None: there are no keys.
        suspended: until when each is that misbehaved. Bound: the roster's keys.
        offences: how many each has committed since. Bound: likewise.
        generation: counts the rosters in which some key may do less than in the one before.
    """

    __slots__ = (
        "_about",
        "_ids",
        "_owners",
        "accesses",
        "generation",
        "offences",
        "role",
        "suspended",
    )

    def __init__(self, role: str) -> None:
        self.role = role
        self.accesses: Mapping[str, Access] | None = None
        self.suspended: dict[str, float] = {}
        self.offences: dict[str, int] = {}
        self.generation = 0
        self._about: Mapping[str, Any] = {}
        # Bound: OWNERS_MAX for each member that the roster ever had.
        self._owners: dict[str, str] = {}
        self._ids: dict[str, dict[str, None]] = {}  # of each member, in the order of use

    def learn(self, rostered: Rostered) -> None:
        """Another roster holds from now on."""
        accesses, self._about = rostered.accesses, rostered.about
        before, self.accesses = self.accesses or {}, accesses
        for fingerprint in [key for key in self.offences if key not in accesses]:
            del self.offences[fingerprint]
            self.suspended.pop(fingerprint, None)
        if any(
            fingerprint not in accesses or access.roles - accesses[fingerprint].roles
            for fingerprint, access in before.items()
        ):
            self.generation += 1

    def knows(self, fingerprint: str, now: float) -> bool:
        """Whether this key is one of the roster's, and not suspended."""
        if self.accesses is None:
            return True
        return fingerprint in self.accesses and not now < self.suspended.get(fingerprint, now)

    def may_be(self, fingerprint: str, role: str) -> bool:
        """Whether a node with this key may have that role."""
        if self.accesses is None:
            return True
        access = self.accesses.get(fingerprint)
        return access is not None and access.may_be(role)

    def heeds(self, fingerprint: str, role: str) -> Verbs:
        """What a node with this key, in this role, may say to this one."""
        if self.accesses is None:
            # Whoever reaches a node without keys may do everything with it.
            return self._verbs(role, may_order=True) | GREETINGS
        access = self.accesses.get(fingerprint)
        if access is None or not access.may_be(role):
            return frozenset()
        return self._verbs(role, access.may_order)

    def _verbs(self, role: str, may_order: bool) -> Verbs:
        if role == ADMIN:  # which no node is
            return frozenset()
        return verbs(ADMIN if role == OBSERVER and may_order else role, self.role)

    def name(self, fingerprint: str) -> str:
        """How people call the owner of a key; empty: nobody's."""
        access = (self.accesses or {}).get(fingerprint)
        return access.name if access is not None else ""

    def claim(self, node_id: str, fingerprint: str) -> str:
        """Let this key have this node id; or the name of the member that has it.

        A node that came under another's id would be given what that one is owed. An id is its
        member's, whose key may be rotated, and free again when that is not in the roster any more.
        """
        if self.accesses is None:
            return ""
        name, owner = self.name(fingerprint), self._owners.get(node_id, "")
        if owner and owner != name:
            if owner in {access.name for access in self.accesses.values()}:
                return owner
            self._ids[owner].pop(node_id, None)
        self._owners[node_id] = name
        ids = self._ids.setdefault(name, {})
        ids.pop(node_id, None)
        ids[node_id] = None
        if len(ids) > OWNERS_MAX:
            # One of its own: who comes under ever new ids makes nobody else's free.
            del self._owners[oldest := next(iter(ids))], ids[oldest]
        return ""

    def objection(self, fingerprint: str, role: str, node_id: str, greeting: type[Message]) -> str:
        """Why a node with this key cannot be greeted as what it says it is; empty: it can."""
        name = self.name(fingerprint) or "a node"
        if greeting not in self.heeds(fingerprint, role):
            return f"{name} may not speak as {role} to a {self.role}"
        if owner := self.claim(node_id, fingerprint):
            return f"{name} came with the node id of {owner}"
        return ""

    def blame(self, fingerprint: str, now: float) -> bool:
        """Count an offence; whether the key is suspended for it."""
        if self.accesses is None or fingerprint not in self.accesses:
            return False
        count = self.offences.get(fingerprint, 0) + 1
        self.offences[fingerprint] = count % OFFENCES_MAX
        if count < OFFENCES_MAX:
            return False
        self.suspended[fingerprint] = now + SUSPENSION
        return True

    def status(self) -> dict[str, Any]:
        """What the node says of its keys: ``keys``; nothing where there are none."""
        return {} if self.accesses is None else {"keys": dict(self._about)}

    def candidates(self, roles: Iterable[str], member: str) -> list[str]:
        """The keys that may be behind an endpoint of which nobody said whose it is."""
        wanted = tuple(roles)
        return [
            fingerprint
            for fingerprint, access in (self.accesses or {}).items()
            if (not member or access.name == member)
            and (not wanted or any(access.may_be(role) for role in wanted))
        ]
