"""A log rewritten without its garbage, in one transaction."""

from __future__ import annotations

from collections import Counter

from zmqwork.core.records import Batch
from zmqwork.journal.live import Live
from zmqwork.journal.log import Log
from zmqwork.journal.totals import Totals
from zmqwork.wire.recording import encode

# Rows are read in groups of about this size, and written in rows of it.
ROW_BYTES = 1024 * 1024


class Compaction:
    """One pass over a log, row by row, in order: memory is bounded by a few rows.

    A fresh row takes the number of the last of those that it is made of, so that the order of what
    is kept stays: tasks as they were filed, trials behind them, letters as they died. When a task
    was submitted stays, too: it is in the records.

    Args:
        log: the rows.
        live: what of them is needed.
        totals: what is noted of all tasks.
        now: the time by the wall clock, for people.

    Attributes:
        size_bytes: of all bodies afterwards.
    """

    def __init__(self, log: Log, live: Live, totals: Totals, now: float) -> None:
        self._log = log
        self._live = live
        self._now = now
        self._totals = totals
        self._fresh = Live()
        self._letters: Counter[str] = Counter()
        self._parts: list[tuple[bytes, Batch]] = []
        self._size = 0
        self.size_bytes = 0

    def run(self) -> Live:
        """Do it; returns what is live in the new rows.

        Raises:
            JournalFull: there is no room to do it; all is as before.
        """
        with self._log.database.transaction():
            if len(self._live):
                self._rewrite()
            else:
                self._log.delete(0, 2**63 - 1)
            self._log.note(self._totals.noted(self._letters))
        return self._fresh

    def _rewrite(self) -> None:
        last = 0
        for first, last in self._groups():
            rows = list(self._log.parts(first, last))
            self._log.delete(first, last)
            for number, _, parts in rows:
                for _, at, part in parts:
                    self._keep(self._live.kept(number, part), at)
            if self._size >= ROW_BYTES:
                self._flush(last)
        self._flush(last)

    def _groups(self) -> list[tuple[int, int]]:
        groups, size = [], ROW_BYTES
        for number, length in self._log.sizes():
            if size + length > ROW_BYTES:
                groups.append((number, number))
                size = 0
            groups[-1] = (groups[-1][0], number)
            size += length
        return groups

    def _keep(self, part: Batch | None, at: float) -> None:
        if part is not None:
            data = encode(part, at)
            self._parts.append((data, part))
            self._size += len(data)
            self._letters.update(letter.state for letter in part.letters)

    def _flush(self, number: int) -> None:
        if not self._parts:
            return
        self._log.append([(number, b"".join(data for data, _ in self._parts))], self._now)
        for data, part in self._parts:
            self._fresh.apply(number, len(data), part)
        self.size_bytes += self._size
        self._parts, self._size = [], 0
