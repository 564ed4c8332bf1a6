"""A simulated producer's journal: what outlives its processes, and the thread that writes to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from zmqwork.core.effects import Record
from zmqwork.core.events import Event
from zmqwork.core.records import Batch, WriteFailed, WriteRefused, Written
from zmqwork.errors import JournalBroken, JournalFull
from zmqwork.testing.clock import FakeClock
from zmqwork.testing.journal import MemoryJournal
from zmqwork.testing.truth import SUCCEEDS, Truth, Violation

# From the end of a write to the moment when the machine hears of it.
_TELLING = (0.0, 0.002)

# How often a stopped process is looked at, whether it goes on.
_STOPPED_DELAY = 0.25


@dataclass(slots=True)
class Disk:
    """What a journal lies on.

    Attributes:
        seconds: the shortest and the longest time that a write takes.
        full_until: before this instant there is no room for what is submitted.
        breaks: the next write fails, and with it the journal.
    """

    seconds: tuple[float, float] = (0.0001, 0.002)
    full_until: float = 0.0
    breaks: bool = False


class Archive:
    """One journal, over all processes of its producer.

    Attributes:
        node_id: the producer's, in each of its processes.
        journal: the journal itself.
        disk: may be changed at any instant.
        filed: the numbers of all tasks that were ever in it.
        recorded: number -> state, of those that were ever settled in it.
        wall: how far the wall clock of its machine was put.
        endings: how each process that was killed left it: whole, without its tail, or torn.
        gone: called when a process has ended, properly or not.
    """

    def __init__(self, node_id: str, clock: FakeClock, truth: Truth, disk: Disk) -> None:
        self.node_id = node_id
        self.wall = 0.0
        self.endings: Counter[str] = Counter()
        self.journal = MemoryJournal(
            node_id, clock=lambda: clock.now + self.wall, name=f"of {node_id[:4]}"
        )
        self.disk = disk
        self.filed: set[int] = set()
        self.recorded: dict[int, str] = {}
        self.gone: Callable[[], None] = lambda: None
        self._truth = truth

    def __repr__(self) -> str:
        return f"<Archive of {self.node_id[:4]}>"

    def has(self, seq: int) -> bool:
        """Whether this task is in the journal, and unsettled there."""
        return seq in self.filed and seq not in self.recorded

    def counts(self, seq: int) -> tuple[int, int]:
        """Failures and crashes of this task, as the journal has them."""
        _, trial = self.journal._state.trials.get(seq, (0.0, None))
        return (0, 0) if trial is None else (trial.failures, trial.crashes)

    def write(self, batches: list[Batch], *, reserve: bool = False) -> None:
        """All of this is durable now."""
        self.journal.write(batches, reserve=reserve)
        for batch in batches:
            for filed in batch.filed:
                each_number_is_filed_once(self, filed.seqs)
                self.filed.update(filed.seqs)
            outcomes = dict(batch.settled)
            for letter in batch.letters:
                outcomes.setdefault(letter.state, []).append(letter.seq)
            for state, seqs in outcomes.items():
                for seq in seqs:
                    if seq not in self.filed:
                        continue  # it was refused
                    a_journal_settles_each_task_once(self, self._truth, seq, state)
                    self.recorded[seq] = state


def each_number_is_filed_once(archive: Archive, seqs: list[int]) -> None:
    """A number that is in the journal, or was, comes never again."""
    again = [seq for seq in seqs if seq in archive.filed]
    if again:
        raise Violation(each_number_is_filed_once.__name__, f"{archive}: {again} come again")


def a_journal_settles_each_task_once(archive: Archive, truth: Truth, seq: int, state: str) -> None:
    """No second outcome is recorded, by no process, and no success of what did not succeed."""
    good = seq not in archive.recorded
    fate = truth.fate(archive.node_id, seq)
    if good and fate is not None and state == "succeeded":
        good = any(run.outcome in (SUCCEEDS, "overtime") for run in fate.runs)
    if not good:
        text = f"{archive}: {seq} is {state}, was {archive.recorded.get(seq)}; {fate}"
        raise Violation(a_journal_settles_each_task_once.__name__, text)


def _ending(count: int, most: int) -> str:
    """How a journal is left of whose last `most` batches so many are there."""
    if count in (0, most):
        return "whole" if count else "without its tail"
    return "torn"


class ScriptedRecorder:
    """The journal thread of one process, in virtual time."""

    def __init__(
        self,
        archive: Archive,
        clock: FakeClock,
        random: Random,
        post: Callable[[Event], None],
        is_stopped: Callable[[], bool],
    ) -> None:
        self.archive = archive
        self._clock = clock
        self._random = random
        self._post = post
        self._is_stopped = is_stopped  # whether its process is
        self._queue: list[Record] = []
        self._writing: list[Record] = []
        self._closed = False

    def hand_over(self, record: Record) -> None:
        """Let this be written, behind what is being written."""
        self._queue.append(record)
        if not self._writing:
            self._begin()

    def close(self) -> None:
        """The process ends properly: what it has handed over is written."""
        records, self._writing, self._queue = self._writing + self._queue, [], []
        if records and not self._closed:
            self._write(records)
        self._closed = True
        self.archive.journal.close(remove_if_empty=True)

    def crash(self) -> None:
        """The process is gone: of what it was about to write all is there, nothing, or a part."""
        records, self._writing, self._queue = self._writing, [], []
        if records and not self._closed:
            count = self._random.choice((0, len(records), self._random.randint(0, len(records))))
            self.archive.endings[_ending(count, len(records))] += 1
            if count:
                self._write(records[:count])
        self._closed = True
        self.archive.journal.crash()

    def _begin(self) -> None:
        self._writing, self._queue = self._queue, []
        self._later(self._random.uniform(*self.archive.disk.seconds))

    def _later(self, delay: float) -> None:
        self._clock.call_later(delay, self._end)

    def _end(self) -> None:
        if self._closed or not self._writing:
            return
        if self._is_stopped():
            self._later(_STOPPED_DELAY)
            return
        records, self._writing = self._writing, []
        delay = self._random.uniform(*_TELLING)
        for answer in self._write(records):
            self._clock.call_later(delay, self._tell, answer)
        if self._queue and not self._closed:
            self._begin()

    def _tell(self, answer: Event) -> None:
        self._post(answer)

    def _write(self, records: list[Record]) -> list[Event]:
        """As `nodes.recorder` does it; what the machine is told."""
        archive = self.archive
        batches = [record.batch for record in records]
        try:
            if archive.disk.breaks:
                archive.disk.breaks = False
                if self._random.random() < 0.5:
                    archive.write(batches)  # (nobody knows what has come to the disk)
                archive.journal.failures.append(JournalBroken("scripted"))
            elif self._clock.now < archive.disk.full_until and any(b.filed for b in batches):
                archive.journal.failures.append(JournalFull("scripted"))
            archive.write(batches)
        except JournalFull as error:
            return self._write_outcomes(records, str(error))
        except JournalBroken as error:
            self._closed = True
            return [WriteFailed(str(error))]
        return [Written(records[-1].number)]

    def _write_outcomes(self, records: list[Record], why: str) -> list[Event]:
        outcomes = [replace(record.batch, filed=[]) for record in records]
        self.archive.write([batch for batch in outcomes if batch], reserve=True)
        return [
            WriteRefused(record.number, why) if record.batch.filed else Written(record.number)
            for record in records
        ]
