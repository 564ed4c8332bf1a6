"""Dead letters: tasks whose attempts are used up, kept until they are revived or removed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from zmqwork.core.ledger import Entry, TaskSpec, anew

# A letter takes so many bytes beside its arguments and texts, about, and so does each record of
# its evidence.
_OWN_BYTES = 500


class DeadLetter:
    """A task that failed or died.

    Attributes:
        seq: its number; the same if it is revived.
        spec, args: what it was to do.
        state: ``failed`` or ``dead``.
        error: as `ledger.Entry.error` has it.
        attempt: how many attempts were made.
        sink_seq: its number at its inbox; 0: it had none.
        died_at: the instant when it died, or when its producer learned of it from the journal.
    """

    __slots__ = ("args", "attempt", "died_at", "error", "seq", "sink_seq", "spec", "state")

    def __init__(
        self, seq: int, spec: TaskSpec, args: bytes, state: str, error: dict[str, Any]
    ) -> None:
        self.seq = seq
        self.spec = spec
        self.args = args
        self.state = state
        self.error = error
        self.attempt = 0
        self.sink_seq = 0
        self.died_at: float | None = None

    @property
    def size_bytes(self) -> int:
        """What it takes in memory, about."""
        told = [self.error, *(self.error.get("evidence") or ())]
        said = sum(len(v) for record in told for v in record.values() if isinstance(v, str))
        return len(told) * _OWN_BYTES + said + len(self.args)


class Letters:
    """The dead letters of a producer, the newest last.

    Args:
        count_max, bytes_max: so many are kept, and so much; the oldest go first.
        journaled: whether `removed` is read.

    Attributes:
        removed: the numbers of those that are kept no longer since this was emptied.
    """

    __slots__ = ("_all", "_bytes", "_bytes_max", "_count_max", "_fresh", "_journaled", "removed")

    def __init__(self, count_max: int, bytes_max: int, *, journaled: bool) -> None:
        self._count_max = count_max
        self._bytes_max = bytes_max
        self._journaled = journaled
        self._all: dict[int, DeadLetter] = {}
        self._bytes = 0
        self._fresh: list[DeadLetter] = []
        self.removed: list[int] = []

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[DeadLetter]:
        return iter(self._all.values())

    def get(self, seq: int) -> DeadLetter | None:
        """The letter of this task."""
        return self._all.get(seq)

    def keep(self, entry: Entry, state: str) -> None:
        """This task is about to be settled as `state`.

        Of a broadcast or a chunk of `map` nothing is kept: the one can be done by nobody any more,
        the items of the other are submitted again by themselves.
        """
        if not self._count_max or entry.spec.node or entry.spec.name.endswith("[]"):
            return
        letter = DeadLetter(entry.seq, anew(entry.spec), entry.args, state, entry.error or {})
        letter.attempt = entry.attempt
        letter.sink_seq = entry.sink_seq
        self._fresh.append(letter)
        self.add(letter)

    def add(self, letter: DeadLetter) -> None:
        """Keep this one; the oldest may have to go for it."""
        self._all[letter.seq] = letter
        self._bytes += letter.size_bytes
        while len(self._all) > self._count_max or (
            self._bytes > self._bytes_max and len(self._all) > 1
        ):
            self.remove([next(iter(self._all))])

    def stamp(self, now: float) -> None:
        """Those of this turn have died now."""
        for letter in self._fresh:
            letter.died_at = now
        self._fresh.clear()

    def remove(self, seqs: Iterable[int]) -> list[int]:
        """Keep these no longer; those that were kept."""
        removed = [seq for seq in seqs if self.take(seq) is not None]
        if self._journaled:
            self.removed += removed
        return removed

    def take(self, seq: int) -> DeadLetter | None:
        """Give this one away: its task is revived."""
        letter = self._all.pop(seq, None)
        if letter is not None:
            self._bytes -= letter.size_bytes
        return letter


@dataclass(slots=True)
class LettersRequested:
    """The application asks for dead letters; `Answer` carries a list of `letters.DeadLetter`.

    Each comes with the seconds since it died: (letter, age).

    Attributes:
        request: to be answered.
        seqs: those of these tasks; None: all.
        remove: keep them no longer.
    """

    request: object
    seqs: Collection[int] | None = None
    remove: bool = False


@dataclass(slots=True)
class RevivalRequested:
    """The application sends dead letters again; `Answer` carries the numbers of those that were.

    Attributes:
        request: to be answered.
        seqs: which; None: all.
        make_owner: makes the owner of a task, of its number.
    """

    request: object
    seqs: Collection[int] | None
    make_owner: Callable[[int], object]
