"""What a journal remembers of all tasks that it ever had."""

from __future__ import annotations

from collections import Counter
from typing import Any

from zmqwork.core.records import Batch, Filed


class Totals:
    """Counts that outlive the tasks.

    Attributes:
        newest: the greatest number that was filed.
        settled: state -> how many tasks were ever settled so.
        workers: those that may hold attempts.
        inboxes: the greatest number that was given at each. Bound: as many as the app has.
    """

    def __init__(self) -> None:
        self.newest = 0
        self.settled: Counter[str] = Counter()
        self.workers: tuple[str, ...] = ()
        self.inboxes: dict[str, int] = {}

    def apply(self, batch: Batch) -> None:
        """Add what a batch says of them."""
        for filed in batch.filed:
            if filed.seqs:
                self._count(filed)
        for letter in batch.letters:
            self.settled[letter.state] += 1
        for state, seqs in batch.settled.items():
            self.settled[state] += len(seqs)
        if batch.workers is not None:
            self.workers = batch.workers

    def _count(self, filed: Filed) -> None:
        self.newest = max(self.newest, filed.seqs[-1])
        inbox = filed.spec.inbox
        if inbox and filed.sink_seqs:
            self.inboxes[inbox] = max(self.inboxes.get(inbox, 0), *filed.sink_seqs)

    def noted(self, kept: Counter[str]) -> dict[str, Any]:
        """As notes; the dead letters that are kept are counted when they are read again."""
        gone = self.settled - kept
        return {
            "newest": self.newest, "settled": gone, "workers": self.workers,
            "inboxes": self.inboxes,
        }  # fmt: skip

    def read(self, meta: dict[str, Any]) -> None:
        """From notes. KeyError, TypeError, ValueError: they are damaged."""
        self.newest = int(meta["newest"])
        self.settled = Counter({str(state): int(n) for state, n in meta["settled"].items()})
        self.workers = tuple(map(str, meta["workers"]))
        self.inboxes = {str(inbox): int(n) for inbox, n in meta["inboxes"].items()}
