"""A journal in memory: it outlives the processes of a test, and fails when it is told to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace

from zmqwork.core.records import Batch, Legacy
from zmqwork.errors import JournalBroken, JournalError, JournalFull, UsageError
from zmqwork.journal.state import State
from zmqwork.journal.totals import Totals


class MemoryJournal:
    """A `Journal` that forgets nothing that was written, as long as the object is there.

    It is opened again by `load`, after `close` or `crash`. What is written is durable at once;
    whoever wants a disk that needs time calls `write` later, and `crash` loses what it did not.

    Args:
        producer_id: whose it is.
        clock: seconds by the wall clock.
        name: for people.
        bytes_max: of the arguments of all tasks in it; what goes beyond it raises `JournalFull`.
        reserve_bytes: so much more for batches without `filed`; each counts for a byte.

    Attributes:
        failures: errors that the next calls of `write` raise, one each, and then write nothing.
        written: how many batches were written, over all openings.
        is_removed: whether the last `close` has removed it.
    """

    def __init__(
        self,
        producer_id: str = "0" * 32,
        *,
        clock: Callable[[], float] = lambda: 0.0,
        name: str = "memory",
        bytes_max: int | None = None,
        reserve_bytes: int = 1024,
    ) -> None:
        self.name = name
        self.failures: deque[JournalError] = deque()
        self.written = 0
        self.is_removed = False
        self._producer_id = producer_id
        self._clock = clock
        self._bytes_max = bytes_max
        self._reserve_bytes = reserve_bytes
        self._state, self._totals = State(), Totals()
        self._epoch = 0
        self._is_open = False
        self._broken: JournalError | None = None

    def load(self) -> Legacy:
        """What earlier openings have left; the epoch is one more."""
        if self._is_open:
            raise UsageError(f"{self.name} was loaded before")
        self._is_open, self._broken, self.is_removed = True, None, False
        self._epoch += 1
        legacy = self._state.legacy(self._producer_id, self._epoch, self._clock(), self._totals)
        for recorded in (*legacy.tasks, *legacy.letters):
            recorded.trial, recorded.letter = deepcopy((recorded.trial, recorded.letter))
        return legacy

    def write(self, batches: Sequence[Batch], *, reserve: bool = False) -> None:
        """Add them all, or raise what is next in `failures`, and add nothing."""
        if not self._is_open:
            raise UsageError(f"{self.name} is not loaded, or closed")
        if self._broken is not None:
            raise self._broken
        if self.failures:
            error = self.failures.popleft()
            if isinstance(error, JournalBroken):
                self._broken = error
            raise error
        self._check_room(batches, reserve=reserve)
        for batch in batches:
            # All the rest of it cannot be changed, or is not kept.
            trials, letters = deepcopy((batch.trials, batch.letters))
            batch = replace(batch, trials=trials, letters=letters)  # noqa: PLW2901
            self._state.apply(batch, self._clock())
            self._totals.apply(batch)
        self.written += len(batches)

    def _check_room(self, batches: Sequence[Batch], *, reserve: bool) -> None:
        if self._bytes_max is None:
            return
        wanted = sum(len(args) for batch in batches for filed in batch.filed for args in filed.args)
        taken = sum(len(args) for _, args, _, _ in self._state.tasks.values())
        room = self._bytes_max + (self._reserve_bytes if reserve else 0)
        if taken + wanted + len(batches) > room:
            raise JournalFull(f"{self.name} has no room for {wanted} bytes of arguments more")

    def close(self, *, remove_if_empty: bool = False) -> None:
        """The process ends properly."""
        self._is_open = False
        if remove_if_empty and not self._state.tasks:
            self._state, self._totals, self._epoch = State(), Totals(), 0
            self.is_removed = True

    def crash(self) -> None:
        """The process ends at once: what was not written is lost."""
        self._is_open = False
