"""What a producer's machine wants recorded, and what it is told of an earlier process's records.

A **batch** is what one turn of the machine adds to the journal. Submissions stand in it in the
order of their numbers, which never come again; everything else speaks of numbers that stand in
the same batch or an earlier one. At the end stand the events that come back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any

from zmqwork.core.ledger import TaskSpec
from zmqwork.core.record import record


@record
class Filed:
    """Tasks of one kind that were submitted.

    Attributes:
        spec: what they have in common.
        seqs: their numbers, ascending.
        args: the encoded arguments of each.
        sink_seqs: the number of each at its inbox (`TaskSpec.inbox`); empty: they have none.
    """

    spec: TaskSpec
    seqs: list[int]
    args: list[bytes]
    sink_seqs: list[int] = field(default_factory=list)


@record
class Trial:
    """What an unsettled task has been through; a later one takes the place of an earlier one.

    Attributes:
        seq: which task.
        failures, crashes, losses, evidence: as `trouble.Trouble` has them.
        delay: it must not begin before so many seconds are over.
        checkpoint: what its attempts have left for the next one; None: nothing.
        part: how many parts it had yielded then.
    """

    seq: int
    failures: int = 0
    crashes: int = 0
    losses: int = 0
    delay: float = 0.0
    evidence: list[dict[str, Any]] = field(default_factory=list)
    checkpoint: bytes | None = None
    part: int = 0


@record
class Letter:
    """A dead letter, as it is kept: the task stays in the journal, and is not dispatched.

    Attributes:
        seq: which task.
        state: ``failed`` or ``dead``.
        error: how it ended: as `ledger.Entry.error` has it.
    """

    seq: int
    state: str
    error: dict[str, Any]


@record
class Batch:
    """What one turn adds to the journal.

    Attributes:
        filed: what was submitted.
        settled: state -> the numbers of the tasks that were settled so, and are kept no longer.
        letters: those that failed or died, and are kept.
        trials: what others have been through.
        removed: dead letters that are kept no longer.
        workers: the node ids of the workers that may hold attempts from now on; None: the same
            as before.
    """

    filed: list[Filed] = field(default_factory=list)
    settled: dict[str, list[int]] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)
    workers: tuple[str, ...] | None = None

    def __bool__(self) -> bool:
        return (
            bool(self.filed or self.settled or self.letters or self.trials or self.removed)
            or self.workers is not None
        )


@record
class Recorded:
    """One task that an earlier process has left behind.

    Attributes:
        spec, seq, args, sink_seq: as they were submitted.
        age: seconds since then, by the wall clock, and not below 0.
        trial: what it has been through, with the delay that is left; None: nothing.
        letter: if it is a dead letter, which; None: it is unsettled.
    """

    spec: TaskSpec
    seq: int
    args: bytes
    sink_seq: int = 0
    age: float = 0.0
    trial: Trial | None = None
    letter: Letter | None = None


@record
class Legacy:
    """All that a journal has when it is opened.

    Attributes:
        producer_id: whose it is; the same as long as the journal lives.
        epoch: of this opening; greater than those of all before, and durable already.
        newest: the greatest number that was ever submitted, whatever became of it.
        tasks: what is unsettled, in the order of the numbers.
        letters: the dead letters, in the order in which they died.
        workers: the workers that may hold attempts.
        inboxes: the greatest number that was ever given at each inbox.
        settled: state -> how many tasks were ever settled so.
    """

    producer_id: str
    epoch: int
    newest: int
    tasks: list[Recorded]
    letters: list[Recorded]
    workers: tuple[str, ...]
    settled: dict[str, int]
    inboxes: dict[str, int] = field(default_factory=dict)


@record
class Recovered:
    """The first event of a producer with a journal: what its earlier process has left behind.

    Attributes:
        legacy: what the journal has.
        owners: the owner of each of `legacy.tasks`.
    """

    legacy: Legacy
    owners: Sequence[object]


@record
class Written:
    """All batches up to this number of an `effects.Record` are durable."""

    number: int


@record
class WriteRefused:
    """There is no room for what was submitted in this batch; the rest of it is durable.

    As `Written`, of this batch and all before it.

    Attributes:
        number: which.
        text: why, in a line.
    """

    number: int
    text: str


@record
class WriteFailed:
    """The journal is broken: nothing is written any more, nor is known of what was under way."""

    text: str
