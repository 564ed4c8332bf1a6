"""What a worker holds, at the beginning and at the end of a session.

A WELCOME brings the worker's inventory. What the worker does not have never arrived, and waits
again; what was taken for lost, waits and is there after all, is adopted; what the ledger does not
want any more is cancelled there. When a worker is lost, what ran there, or may have run, counts
as a crash, and everything is resubmitted.
"""

from __future__ import annotations

from zmqwork.core.books import Books
from zmqwork.core.effects import Notice
from zmqwork.core.happenings import RESUBMITTED
from zmqwork.core.judge import Judge
from zmqwork.core.lanes import Lane
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import ASKED, DISPATCHED, RESTING, STARTED, WAITING
from zmqwork.core.messages import HELD_DONE, HELD_RUNNING, Cancel, Welcome
from zmqwork.core.shipping import Shipping
from zmqwork.core.trouble import WORKER_LOST
from zmqwork.core.workers import Worker


class Inventory:
    """Compares what workers hold with the ledger."""

    __slots__ = ("_books", "_judge", "_shipping")

    def __init__(self, books: Books, judge: Judge, shipping: Shipping) -> None:
        self._books = books
        self._judge = judge
        self._shipping = shipping

    def compare(self, worker: Worker, welcome: Welcome, now: float) -> None:
        """A session began: make the ledger and the worker's inventory agree."""
        books = self._books
        books.joined_at = now
        theirs = _newest(welcome.held)
        missing = [
            entry
            for entry in worker.held.values()
            if theirs.get(entry.seq, (-1, 0))[0] != entry.attempt
        ]
        books.give_back(worker, missing, "returned")
        unwanted = []
        adopted = []
        for seq, (attempt, state) in theirs.items():
            entry = books.ledger.get(seq)
            trouble = entry.trouble if entry is not None else None
            if trouble is not None and worker.node_id in trouble.holders:
                trouble.absolve(attempt)
            if entry is not None and seq in worker.held:
                if state == HELD_RUNNING and entry.state == DISPATCHED:
                    books.mark_started(entry, now)
            elif entry is not None and (
                seq in books.withheld
                or (
                    _is_missed(entry, attempt, state)
                    and books.may_come_from(entry, worker.node_id, attempt)
                )
            ):
                adopted.append((entry, state))
            elif state != HELD_DONE and (entry is None or state != HELD_RUNNING):
                unwanted.append(seq)  # (what runs may still win; a result will be offered)
        self._adopt(worker, adopted, now)
        for seq in unwanted:
            del theirs[seq]
        worker.strays = {seq: s for seq, (_, s) in theirs.items() if seq not in worker.held}
        self._shipping.compared(worker)
        if unwanted:
            books.dialer.send(worker.peer, Cancel(unwanted))

    def _adopt(self, worker: Worker, held: list[tuple[Entry, int]], now: float) -> None:
        """Attempts that were taken for lost, or of an earlier process, and are there after all."""
        books = self._books
        by_lane: dict[Lane, list[int]] = {}
        for entry, state in held:
            if entry.state == WAITING:
                by_lane.setdefault(books.lanes.of(entry.spec), []).append(entry.seq)
            elif entry.state == RESTING:
                del books.withheld[entry.seq]
                if entry.trouble is not None and entry.trouble.is_counted:
                    entry.trouble.counted = state == HELD_DONE
            else:
                assert entry.outlet is not None
                entry.outlet.asked.pop(entry.seq, None)
        for lane, seqs in by_lane.items():
            lane.remove(frozenset(seqs))
        for entry, state in held:
            if entry.trouble is not None:
                entry.trouble.lost_attempt = -1
            entry.move("adopted")
            worker.take_on(entry)
            if state == HELD_RUNNING:
                books.mark_started(entry, now)
            else:
                books.may_expire(entry)  # its instant may have found it withheld

    def lose(self, worker: Worker, now: float) -> None:
        """The worker is gone: resubmit what it held, unless it crashed once too often."""
        books = self._books
        books.counters["lost_workers"] += 1
        held = list(worker.held.values())
        begun = _probably_begun(worker, held)
        seqs = [entry.seq for entry in held]
        evidence = {"worker": worker.label, "cause": WORKER_LOST}
        waiting = [
            e for e in held if e.seq not in begun or not self._judge.crashed(worker, e, evidence)
        ]
        for entry in waiting:
            trouble = entry.troubled()
            trouble.losses += 1
            trouble.lost_at = now
            trouble.lost_attempt = entry.attempt
            trouble.lost_by(worker.node_id)
        for entry in waiting:
            worker.drop(entry)
        sent = [entry for entry in waiting if entry.outlet is not None]
        back = [entry for entry in waiting if entry.outlet is None]
        # (What is pinned to this worker is settled before the turn ends: see `broadcasts`.)
        resubmitted_count = sum(not entry.spec.node for entry in back)
        books.counters["resubmitted"] += resubmitted_count
        if books.happenings is not None:
            again = [entry for entry in back if not entry.spec.node]
            books.happenings.tell(RESUBMITTED, again, worker.label)
        books.wait_again(back, "lost")
        self._shipping.inquiry.doubt(sent, now)
        books.out.append(
            Notice(
                "peer_lost",
                f"worker {worker.label} is lost; attempts there: {len(held)}, "
                f"begun: {len(begun)}, resubmitted: {resubmitted_count}"
                + (f", asked for at sinks: {len(sent)}" if sent else ""),
                {
                    "node_id": worker.node_id,
                    "name": worker.name,
                    "held": len(held),
                    "started": len(begun),
                    "resubmitted": resubmitted_count,
                    "asked": len(sent),
                    "seqs": seqs,
                },
            )
        )


def _is_missed(entry: Entry, attempt: int, state: int) -> bool:
    """Whether this is its last attempt, and was taken for lost, or is an earlier process's.

    (Of these, one that has ended is not: perhaps it has failed, and that is counted.)
    """
    if entry.state not in (WAITING, ASKED) or entry.attempt != attempt:
        return False
    lost = entry.trouble is not None and entry.trouble.lost_attempt == attempt
    return lost or (not attempt and state != HELD_DONE)


def _newest(held: list[list[int]]) -> dict[int, tuple[int, int]]:
    """An inventory by seq: (attempt, HELD_*).

    An older attempt may have failed there, and nobody has acked that yet.
    """
    newest: dict[int, tuple[int, int]] = {}
    for seq, attempt, state in held:
        if seq not in newest or attempt > newest[seq][0]:
            newest[seq] = attempt, state
    return newest


def _probably_begun(worker: Worker, held: list[Entry]) -> frozenset[int]:
    """Those known to run, filled up to its slots with the oldest of the others.

    Where one is that runs alone, nothing runs beside it that is not known; and if nothing is known,
    it is the one.
    """
    begun = [entry.seq for entry in held if entry.state == STARTED]
    suspects = [entry.seq for entry in held if entry.spec.alone]
    if suspects:
        return frozenset(begun or suspects[:1])
    spare = worker.slots - len(begun)
    if spare > 0:
        begun += [entry.seq for entry in held if entry.state == DISPATCHED][:spare]
    return frozenset(begun)
