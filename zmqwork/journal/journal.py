"""What a producer asks of a journal, whatever it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from zmqwork.core.records import Batch, Legacy


class Journal(Protocol):
    """The durable form of a ledger; it belongs to one process at a time, and to one thread.

    Of a batch's parts `filed` comes first, then `trials`, `letters`, `settled` and `removed`: what
    was submitted and settled in one turn is settled. The latest of a task's trials and letters
    counts, so a trial makes a dead letter unsettled again. Numbers that the journal does not have
    are counted, if they were settled, and otherwise passed over: what could not be filed on a full
    disk may be cancelled.

    Attributes:
        name: for people: where it is.
    """

    @property
    def name(self) -> str:
        """For people: where it is."""
        ...

    def load(self) -> Legacy:
        """What earlier processes have left; once, before the first `write`.

        The new epoch is durable when this returns.

        Raises:
            JournalError: it is damaged, or of a version that is not known.
            JournalFull, JournalBroken: the epoch cannot be written.
            UsageError: it was loaded before, or is closed.
        """
        ...

    def write(self, batches: Sequence[Batch], *, reserve: bool = False) -> None:
        """Write all of them, in order, in one transaction: they are durable when this returns.

        Args:
            batches: what is new; the journal keeps nothing of these objects.
            reserve: it may use the room that is kept for settlements. (The caller leaves `filed`
                out of such batches.)

        Raises:
            JournalFull: there is no room. Nothing was written, and the journal goes on.
            JournalBroken: the disk failed. Whether they were written shows when the journal is
                opened again; every later call raises this, too.
            UsageError: it is not loaded, or closed.
        """
        ...

    def close(self, *, remove_if_empty: bool = False) -> None:
        """Give it up; others may open it. May be called again.

        Args:
            remove_if_empty: it vanishes if no task and no dead letter is left in it.
        """
        ...
