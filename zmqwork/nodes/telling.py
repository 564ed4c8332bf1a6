"""What a producer's machine decides, told to an application that listens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zmqwork.core.effects import Settle, Tell
from zmqwork.core.happenings import CLAIMED, Happening
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import CANCELLED, STARTED

# Called on the I/O thread: it must not wait, nor raise.
Listener = Callable[[list[Happening]], object]


class Telling:
    """Makes happenings of effects, of the kinds that are listened for.

    Args:
        kinds: those, which may be others later.
        listener: who listens.
    """

    def __init__(self, kinds: frozenset[str], listener: Listener) -> None:
        self.kinds = kinds
        self._listener = listener

    def tell(self, effect: Tell) -> None:
        """What the machine says itself."""
        self._listener(effect.happenings)

    def started(self, entries: Sequence[Entry]) -> None:
        """The handlers of these have begun."""
        if STARTED in self.kinds:
            self._listener([
                _happening(STARTED, entry, "" if entry.worker is None else entry.worker.label)
                for entry in entries
            ])  # fmt: skip

    def settled(self, effect: Settle) -> None:
        """These have ended."""
        ended = [
            _happening(entry.state, entry, effect.enders.get(entry.seq, ""))
            for entry in effect.entries
            if entry.state in self.kinds and not _goes_on(entry)
        ]
        if ended:
            self._listener(ended)


def _happening(kind: str, entry: Entry, worker: str) -> Happening:
    return Happening(kind, entry.seq, entry.spec, entry.attempt, entry.since, worker, entry.error)


def _goes_on(entry: Entry) -> bool:
    """Whether it has ended for this producer alone: somebody else runs it."""
    if entry.state != CANCELLED or entry.error is None:
        return False
    return entry.error.get("type") == CLAIMED or entry.error.get("journal") == "kept"
