"""What is told of tasks to an application that listens: nothing is noted before it does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from zmqwork.core.ledger import Entry, TaskSpec

SUBMITTED: Final = "submitted"
RETRIED: Final = "retried"
RESUBMITTED: Final = "resubmitted"
REJECTED: Final = "rejected"
LATE: Final = "late"

# In the record of a task that its application took back, to run it itself: it has not ended.
CLAIMED: Final = "Claimed"


class Happening(NamedTuple):
    """What has happened to a task.

    Attributes:
        kind: one of those above, ``started``, or one of `lifecycle.SETTLED`.
        seq: the task's number.
        spec: what it has in common with its kind.
        attempt: the newest one; 0: none was made.
        since: as `ledger.Entry.since` has it.
        worker: the label of the worker that it is about; empty: none, or it is not known.
        error: as `ledger.Entry.error` has it.
        delay: of a retry, in seconds.
    """

    kind: str
    seq: int
    spec: TaskSpec
    attempt: int
    since: float
    worker: str = ""
    error: dict[str, Any] | None = None
    delay: float | None = None


@dataclass(slots=True)
class ListenRequested:
    """The application listens for what happens to tasks: `Tell`, and `Settle.enders`, say it.

    Attributes:
        kinds: of `Happening`, all that it listens for from now on.
        request: to be answered; None: nobody waits for that.
    """

    kinds: frozenset[str]
    request: object = None


class Happenings:
    """What this turn has brought that somebody listens for.

    Attributes:
        kinds: of what is told.
        told: retries and their like, until the turn's report. Bound: what one turn brings.
        enders: the labels of the workers that ended what is settled, by seq, likewise.
    """

    __slots__ = ("enders", "kinds", "told")

    def __init__(self, kinds: frozenset[str]) -> None:
        self.kinds = kinds
        self.told: list[Happening] = []
        self.enders: dict[int, str] = {}

    def tell(
        self,
        kind: str,
        entries: Iterable[Entry],
        worker: str = "",
        *,
        attempt: int | None = None,
        error: dict[str, Any] | None = None,
        delay: float | None = None,
    ) -> None:
        """This has happened to these; `attempt`: not to their newest one."""
        if kind in self.kinds:
            self.told += [
                Happening(
                    kind,
                    entry.seq,
                    entry.spec,
                    entry.attempt if attempt is None else attempt,
                    entry.since,
                    worker,
                    error,
                    delay,
                )
                for entry in entries
            ]

    def ended(self, entries: Iterable[Entry], worker: str) -> None:
        """This worker has ended what is settled with these."""
        for entry in entries:
            self.enders[entry.seq] = worker
