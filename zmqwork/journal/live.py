"""What of a log is still needed, and how many bytes of it: the rest is garbage."""

from __future__ import annotations

from itertools import repeat

from zmqwork.core.records import Batch, Filed

_NOWHERE = (-1, 0)


class Live:
    """Which records of a log count, told part by part, as `wire.recording` has them.

    Bound: what the producer had unsettled, and its dead letters; about 50 bytes for each.

    Attributes:
        size_bytes: of the log, what is needed.
    """

    def __init__(self) -> None:
        self.size_bytes = 0
        # How many bytes each takes; of trials and letters, also in which row the latest is.
        self._tasks: dict[int, int] = {}
        self._trials: dict[int, tuple[int, int]] = {}
        self._letters: dict[int, tuple[int, int]] = {}

    def __len__(self) -> int:
        """How many tasks are unsettled, or dead letters."""
        return len(self._tasks)

    @property
    def letters_count(self) -> int:
        """How many of them are dead letters."""
        return len(self._letters)

    def apply(self, row: int, size: int, part: Batch) -> None:
        """Add a part that stands in a row, and takes so many bytes there."""
        for filed in part.filed:
            share = size // len(filed.seqs)
            self._tasks.update(zip(filed.seqs, repeat(share)))
            self.size_bytes += share * len(filed.seqs)
        for trial in part.trials:
            if trial.seq in self._tasks:
                self._drop(trial.seq)
                self._trials[trial.seq] = (row, size)
                self.size_bytes += size
        for letter in part.letters:
            if letter.seq in self._tasks:
                self._drop_letter(letter.seq)
                self._letters[letter.seq] = (row, size)
                self.size_bytes += size
        for seqs in part.settled.values():
            self._forget(seqs)
        self._forget(part.removed)

    def _forget(self, seqs: list[int]) -> None:
        # A loop in C: it runs beside the thread that is to be fast.
        self.size_bytes -= sum(map(self._tasks.pop, seqs, repeat(0)))
        if self._trials or self._letters:
            for seq in seqs:
                self._drop(seq)

    def _drop(self, seq: int) -> None:
        if seq in self._trials:
            self.size_bytes -= self._trials.pop(seq)[1]
        self._drop_letter(seq)

    def _drop_letter(self, seq: int) -> None:
        if seq in self._letters:
            self.size_bytes -= self._letters.pop(seq)[1]

    def kept(self, row: int, part: Batch) -> Batch | None:
        """What of a part in a row is still needed; None: nothing.

        Of several trials of a task in one row all are kept, or none: the last one counts.
        """
        tasks = self._tasks
        for filed in part.filed:
            if tasks.keys().isdisjoint(filed.seqs):
                return None
            there = [at for at, seq in enumerate(filed.seqs) if seq in tasks]
            if len(there) == len(filed.seqs):
                return part
            return Batch(filed=[_some(filed, there)])
        for trial in part.trials:
            return part if self._trials.get(trial.seq, _NOWHERE)[0] == row else None
        for letter in part.letters:
            return part if self._letters.get(letter.seq, _NOWHERE)[0] == row else None
        return None


def _some(filed: Filed, there: list[int]) -> Filed:
    seqs, args, numbers = filed.seqs, filed.args, filed.sink_seqs
    return Filed(
        filed.spec,
        [seqs[at] for at in there],
        [args[at] for at in there],
        [numbers[at] for at in there] if numbers else [],
    )
