"""Attempts that must run alone: their tasks have killed those that ran them before."""

from __future__ import annotations

from collections.abc import Iterable

from zmqwork.core.clients import Held
from zmqwork.core.slots import Slot


class Loners:
    """Attempts that must run alone, and maybe some that have ended. Bound: those that are held."""

    __slots__ = ("_all",)

    def __init__(self) -> None:
        self._all: set[Held] = set()

    def __contains__(self, held: Held) -> bool:
        return held in self._all

    def add(self, items: Iterable[Held]) -> None:
        """These came."""
        self._all.update(items)

    def are_here(self) -> bool:
        """Whether there is one; those that have ended are forgotten."""
        if self._all:
            self._all = {h for h in self._all if h.account.held.get(h.seq) is h}
        return bool(self._all)

    def forbid(self, held: Held, slots: Iterable[Slot]) -> bool:
        """Whether this attempt must not run beside what is in the slots."""
        return held in self._all or any(slot.given[0] in self._all for slot in slots if slot.given)
