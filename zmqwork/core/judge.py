"""What the end of an attempt means for its task.

The first result wins, whichever of those workers it comes from that the task was given to. A
failure counts only for the newest attempt, and follows the retry policy. An attempt that was
running when its worker or child died is a crash; the crash limit makes the task dead. What was only
queued, or given back, is free; so is what a worker rejects, which then goes elsewhere, up to
REJECTIONS_MAX times.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

from zmqwork.core import causes, lifecycle
from zmqwork.core.books import Books
from zmqwork.core.happenings import LATE, RESUBMITTED, RETRIED
from zmqwork.core.inquiry import Inquiry
from zmqwork.core.ledger import Entry, spec_after, unfit_for
from zmqwork.core.lifecycle import DISPATCHED, TASK
from zmqwork.core.messages import FAILED, LOST, REJECTED, Done, Failure, Return, Started
from zmqwork.core.retry import retry_delay
from zmqwork.core.trouble import CHILD_DIED, EVIDENCE, REJECTED_THERE, REJECTIONS_MAX, Trouble
from zmqwork.core.workers import Worker

_SUCCEEDED = TASK["succeeded"]

# Attempts that are given back for these may have ended, and their results have left.
_SENT_REASONS = ("undelivered", "stopping")


class Judge:
    """Takes what workers say of their attempts.

    Attributes:
        acks: node id -> the newest batch that is recorded and not acked. Bound: the workers.
    """

    __slots__ = ("_books", "_inquiry", "acks")

    def __init__(self, books: Books, inquiry: Inquiry) -> None:
        self._books = books
        self._inquiry = inquiry
        self.acks: dict[str, int] = {}

    def done(self, worker: Worker, done: Done, now: float) -> None:
        """A batch of outcomes."""
        books = self._books
        self.acks[worker.node_id] = done.batch
        worker.peer.broken = 0  # a session that brings results is worth a dial at once
        for name, (count, seconds) in done.times.items():
            books.pace.observe(name, int(count), seconds)
        entries = books.ledger.entries
        settled = books.settled
        before = len(settled)
        taken, values, late = _take_off(worker, done)
        # The hot path: `Worker.drop` and `Ledger.settle`, spelled out. (In several passes, as in
        # `Lane.take`.)
        worker.held_bytes -= sum([len(entry.args) for entry in taken])
        special = [entry for entry in taken if entry.history is not None]
        for entry, value in zip(taken, values, strict=True):
            entry.state = _SUCCEEDED[entry.state]
            entry.value = value
            entry.worker = None
            entry.args = b""
            del entries[entry.seq]
        for entry in special:
            books.resumed(entry, now)
            books.dismiss(entry)
        settled += taken
        for seq, attempt, value in late:
            self._tell_late(worker, seq, attempt)
            self._late_success(worker, seq, attempt, value, now)
        if books.happenings is not None:
            books.happenings.ended(settled[before:], worker.label)
        if len(books.outlets):
            for entry in settled[before:]:
                if entry.outlet is not None:
                    entry.outlet.settle(entry)
        count = len(done.seqs)
        books.ledger.settled_counts[lifecycle.SUCCEEDED] += count
        worker.done += count + len(done.failures)
        books.counters["executions"] += count
        for failure in done.failures:
            self._failure(worker, failure, now)
        worker.group.list(worker)

    def _tell_late(self, worker: Worker, seq: int, attempt: int) -> None:
        """Of a task that is settled there is nothing to tell."""
        happenings, entry = self._books.happenings, self._books.ledger.get(seq)
        if happenings is not None and entry is not None:
            happenings.tell(LATE, [entry], worker.label, attempt=attempt)

    def _late_success(
        self, worker: Worker, seq: int, attempt: int, value: bytes, now: float
    ) -> None:
        """A result from a worker that was given up on, or one that came before."""
        books = self._books
        worker.strays.pop(seq, None)
        books.ledger.settled_counts[lifecycle.SUCCEEDED] -= 1  # counted below if it is one
        entry = books.ledger.get(seq)
        if entry is None:
            books.counters["duplicates"] += 1
            return
        books.counters["late"] += 1
        if not books.may_come_from(entry, worker.node_id, attempt):
            return  # it was never there
        if books.happenings is not None:
            books.happenings.ended([entry], worker.label)
        books.unplace(entry, lifecycle.SUCCEEDED)
        entry.value = value
        books.resumed(entry, now)
        books.settle(entry, "succeeded")

    def _failure(self, worker: Worker, failure: Failure, now: float) -> None:
        books = self._books
        entry = worker.held.get(failure.seq)
        if entry is None or entry.attempt != failure.attempt:
            self._late_failure(worker, failure)
            return
        worker.drop(entry)
        if entry.trouble is not None and entry.trouble.counted and not entry.attempt:
            # Its worker has told an earlier process of it, which recorded that, and did not ack it.
            entry.trouble.counted = False
            books.wait_again([entry], "returned")
            return
        if failure.outcome != REJECTED:
            books.resumed(entry, now)
        error = failure.error
        if failure.outcome == FAILED:
            books.counters["executions"] += 1
            self._failed(worker, entry, error, now)
        elif failure.outcome == LOST:
            books.counters["executions"] += 1
            evidence = {"worker": worker.label, "cause": CHILD_DIED}
            evidence |= {k: v for k, v in error.items() if k in EVIDENCE}
            if not self.crashed(worker, entry, evidence, dropped=True):
                entry.troubled().lost_at = now
                books.counters["resubmitted"] += 1
                if books.happenings is not None:
                    books.happenings.tell(RESUBMITTED, [entry], worker.label)
                books.wait_again([entry], "lost")
        elif error.get("rejected"):
            books.counters["executions"] += 1
            self._rejected(worker, entry, error)
        else:
            books.workforce.withdraw_task(worker, entry.spec.name)
            books.wait_again([entry], "rejected")

    def _rejected(self, worker: Worker, entry: Entry, error: dict[str, Any]) -> None:
        """A handler said that its worker cannot run the task: let another one, free of charge."""
        books = self._books
        books.counters["rejected"] += 1
        trouble = entry.troubled()
        trouble.rejections += 1
        trouble.note({
            "worker": worker.label, "cause": REJECTED_THERE, "text": error["text"],
            "attempt": entry.attempt,
        })  # fmt: skip
        if entry.spec.node or trouble.rejections >= REJECTIONS_MAX:
            self._bury(worker, entry, trouble, causes.rejections(trouble))
        else:
            entry.spec = unfit_for(entry.spec, worker.node_id)
            if books.happenings is not None:
                books.happenings.tell(REJECTED, [entry], worker.label, error=error)
            books.wait_again([entry], "rejected")
            books.suffered(entry)

    def _bury(self, worker: Worker, entry: Entry, trouble: Trouble, text: str) -> None:
        books = self._books
        entry.error = {
            "type": "TaskLost",
            "text": text,
            "attempts": entry.attempt,
            "evidence": list(trouble.evidence),
        }
        if books.happenings is not None:
            books.happenings.ended([entry], worker.label)
        books.settle(entry, "buried")

    def _late_failure(self, worker: Worker, failure: Failure) -> None:
        """It has failed, and a newer attempt decides."""
        books = self._books
        books.counters["late"] += 1
        worker.strays.pop(failure.seq, None)
        entry = books.ledger.get(failure.seq)
        if books.happenings is not None and entry is not None:
            books.happenings.tell(
                LATE, [entry], worker.label, attempt=failure.attempt, error=failure.error
            )

    def _failed(self, worker: Worker, entry: Entry, error: dict[str, Any], now: float) -> None:
        books = self._books
        if error.get("snooze"):
            books.counters["snoozed"] += 1
            entry.since = now + error["after"]
            self._put_off(entry, "snoozed", entry.since)
            return
        trouble = entry.troubled()
        trouble.failures += 1
        options = entry.spec.options
        if error.get("final") or trouble.failures > options.max_retries:
            how = {**error, "attempts": entry.attempt}
            if trouble.evidence:
                how["evidence"] = list(trouble.evidence)
            entry.error = how
            if books.happenings is not None:
                books.happenings.ended([entry], worker.label)
            books.settle(entry, "failed")
            return
        trouble.note({
            "cause": "failed", "type": error.get("type"), "text": error.get("text"),
            "attempt": entry.attempt,
        })  # fmt: skip
        books.counters["retried"] += 1
        delay = error.get("after")
        if delay is None:
            delay = retry_delay(options, trouble.failures, books.random)
        if books.happenings is not None:
            books.happenings.tell(RETRIED, [entry], worker.label, error=error, delay=delay)
        self._put_off(entry, "retried", now + delay)

    def _put_off(self, entry: Entry, cause: str, until: float) -> None:
        entry.move(cause)
        self._books.rest(entry, until)
        self._books.may_expire(entry)
        self._books.suffered(entry)

    def crashed(
        self, worker: Worker, entry: Entry, evidence: dict[str, Any], *, dropped: bool = False
    ) -> bool:
        """Count a crash; True if it was one too many, and the task is dead."""
        books = self._books
        books.counters["crashes"] += 1
        trouble = entry.troubled()
        trouble.crashes += 1
        trouble.note({**evidence, "attempt": entry.attempt})
        if trouble.crashes < books.config.crash_limit:
            entry.spec = spec_after(entry.spec, trouble.crashes, books.config.crash_limit)
            books.suffered(entry)
            return False
        if not dropped:
            worker.drop(entry)
        self._bury(worker, entry, trouble, causes.crashes(trouble))
        return True

    def returned(self, worker: Worker, message: Return, now: float) -> None:
        """These are given back, not begun."""
        books = self._books
        named: dict[int, Entry] = {}  # once each, however often it says so
        for seq, attempt in zip(message.seqs, message.attempts, strict=True):
            entry = worker.held.get(seq)
            if entry is not None and entry.attempt == attempt:
                named[seq] = entry
            else:
                worker.strays.pop(seq, None)
        back = list(named.values())
        books.counters["returned"] += len(back)
        if message.reason in _SENT_REASONS:
            # What ran, and may be at its sink.
            sent = [entry for entry in back if entry.outlet is not None]
            back = [entry for entry in back if entry.outlet is None]
            for entry in sent:
                worker.drop(entry)
            self._inquiry.doubt(sent, now)
        for entry in back:
            if entry.headway is not None:
                books.suffered(entry)  # with its checkpoint
        books.give_back(worker, back, "returned")
        worker.group.list(worker)

    def started(self, worker: Worker, message: Started, now: float) -> None:
        """These have begun."""
        books = self._books
        for seq, attempt in zip(message.seqs, message.attempts, strict=True):
            entry = worker.held.get(seq)
            if entry is not None and entry.attempt == attempt and entry.state == DISPATCHED:
                books.mark_started(entry, now)


def _take_off(
    worker: Worker, done: Done
) -> tuple[list[Entry], Sequence[bytes], list[tuple[int, int, bytes]]]:
    """What has succeeded that the worker held, and the results; and what it held no more.

    The latter as numbers, attempts and results.
    """
    held = worker.held
    there = len(held)
    taken: list[Any] = list(map(held.pop, done.seqs, repeat(None)))
    if len(held) == there - len(taken):
        return taken, done.values, []
    ends = list(zip(taken, done.seqs, done.attempts, done.values, strict=True))
    return (
        [entry for entry in taken if entry is not None],
        [value for entry, _, _, value in ends if entry is not None],
        [(seq, attempt, value) for entry, seq, attempt, value in ends if entry is None],
    )
