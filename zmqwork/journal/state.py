"""The tasks in a journal: what all its batches come to."""

from __future__ import annotations

from dataclasses import replace
from itertools import repeat

from zmqwork.core.ledger import TaskSpec
from zmqwork.core.records import Batch, Legacy, Letter, Recorded, Trial
from zmqwork.journal.totals import Totals

# A task as it was filed: spec, arguments, the number at its inbox, and when, by the wall clock.
Kept = tuple[TaskSpec, bytes, int, float]


class State:
    """What batches come to, in the order in which they were written.

    Bound: what the producer had unsettled, and its dead letters.

    Attributes:
        tasks: number -> what was filed, of the unsettled tasks and the dead letters.
        trials: number -> when it was written, and what the task had been through.
        letters: the dead letters, in the order in which they died.
    """

    def __init__(self) -> None:
        self.tasks: dict[int, Kept] = {}
        self.trials: dict[int, tuple[float, Trial]] = {}
        self.letters: dict[int, Letter] = {}

    def apply(self, batch: Batch, at: float) -> None:
        """Add a batch that was written at `at`, by the wall clock."""
        for filed in batch.filed:
            numbers = filed.sink_seqs or repeat(0)
            kept = zip(repeat(filed.spec), filed.args, numbers, repeat(at))
            # Loops in C: a journal that is opened may have millions.
            self.tasks.update(zip(filed.seqs, kept, strict=True))
        for trial in batch.trials:
            if trial.seq in self.tasks:
                self.trials[trial.seq] = (at, trial)
                self.letters.pop(trial.seq, None)
        for letter in batch.letters:
            if letter.seq in self.tasks:
                self.letters.pop(letter.seq, None)
                self.letters[letter.seq] = letter
        for seqs in batch.settled.values():
            self._forget(seqs)
        self._forget(batch.removed)

    def _forget(self, seqs: list[int]) -> None:
        pop = self.tasks.pop
        for seq in seqs:
            pop(seq, None)
        if self.trials or self.letters:
            for seq in seqs:
                self.trials.pop(seq, None)
                self.letters.pop(seq, None)

    def legacy(self, producer_id: str, epoch: int, now: float, totals: Totals) -> Legacy:
        """All of it, as a producer is told; ages and delays are those at `now`."""
        letters = self.letters
        unsettled = (seq for seq in sorted(self.tasks) if seq not in letters)
        return Legacy(
            producer_id,
            epoch,
            totals.newest,
            [self._recorded(seq, now) for seq in unsettled],
            [self._recorded(seq, now) for seq in letters],
            totals.workers,
            {state: count for state, count in totals.settled.items() if count},
            dict(totals.inboxes),
        )

    def _recorded(self, seq: int, now: float) -> Recorded:
        spec, args, sink_seq, at = self.tasks[seq]
        # A clock that was put back says nothing of how old a task is.
        recorded = Recorded(spec, seq, args, sink_seq, max(0.0, now - at))
        if seq in self.trials:
            noted_at, trial = self.trials[seq]
            left = max(0.0, trial.delay - max(0.0, now - noted_at))
            recorded.trial = replace(trial, delay=left, evidence=[*trial.evidence])
        recorded.letter = self.letters.get(seq)
        return recorded
