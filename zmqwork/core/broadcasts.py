"""Tasks for each worker: who there is to get one, and those that wait for one worker alone.

A broadcast is a task per worker, each pinned to its own (`TaskSpec.node`). Whoever makes one asks
here first which workers there are. When the program has just begun, they are found one after the
other; so the answer waits for the first, and then until none has come for a moment.

A pinned task goes before those that any worker may run: it can go nowhere else. When its worker
is lost, leaves, drains or does not run such tasks any more, it is settled in the same turn.
"""

from __future__ import annotations

from dataclasses import dataclass

from zmqwork.core.assigner import Assigner
from zmqwork.core.books import Books
from zmqwork.core.effects import Answer
from zmqwork.core.events import WorkersRequested
from zmqwork.core.lanes import Lane, key_of
from zmqwork.core.ledger import Entry
from zmqwork.core.workers import Worker

# Nobody else is expected once no worker has come for so long: whoever is there already is found in
# the local directory, which is read every quarter of a second.
_QUIET_DELAY = 0.3
# Where workers come and go all the time, it is not waited for longer than this.
_QUIET_DELAY_MAX = 1.0


@dataclass(slots=True)
class _Asked:
    """A question that is not answered yet."""

    event: WorkersRequested
    lane: Lane  # never filled: groups of workers are asked whether they serve such a one
    give_up_at: float
    seen_at: float | None = None

    def due_at(self, joined_at: float) -> float:
        """When to answer with those who are there."""
        if self.seen_at is None:
            return self.give_up_at
        most = min(self.give_up_at, self.seen_at + _QUIET_DELAY_MAX)
        return min(most, joined_at + _QUIET_DELAY)


class Broadcasts:
    """Answers who the workers are, and serves the lanes of each of them alone."""

    __slots__ = ("_asked", "_assigner", "_books")

    def __init__(self, books: Books, assigner: Assigner) -> None:
        self._books = books
        self._assigner = assigner
        self._asked: list[_Asked] = []  # bound: the threads that wait for the answers

    def workers_requested(self, event: WorkersRequested, now: float) -> None:
        """Somebody is about to broadcast."""
        self._asked.append(_Asked(event, Lane(key_of(event.spec)), now + event.patience))

    def serve(self, now: float) -> None:
        """Answer what can be answered, and give pinned tasks to their workers."""
        books = self._books
        if self._asked:
            self._answer(now)
        if books.resting:
            for node_id, resting in list(books.resting.items()):
                if why := _why_stranded(books.workforce.get(node_id)):
                    self._strand(list(resting.values()), why)
        if books.lanes.pinned:
            for node_id, lanes in books.lanes.pinned.items():
                worker = books.workforce.get(node_id)
                for lane in sorted((w for w in lanes.values() if w.size), key=Lane.rank):
                    why = _why_stranded(worker, lane)
                    if why or worker is None:
                        self._strand(lane.entries(), why)
                    elif lane.queue not in books.paused:
                        self._give(worker, lane, now)
            books.lanes.drop_empty()

    # -- who is there -------------------------------------------------------------------------

    def _answer(self, now: float) -> None:
        books = self._books
        still_asked = []
        for asked in self._asked:
            workers = [
                (worker.node_id, worker.name)
                for worker in books.workforce
                if worker.group.serves(asked.lane) and not worker.draining
            ]
            if not workers:
                asked.seen_at = None
            elif asked.seen_at is None:
                asked.seen_at = now
            if now >= asked.due_at(books.joined_at):
                books.out.append(Answer(asked.event.request, workers))
            else:
                still_asked.append(asked)
        self._asked = still_asked
        if still_asked:
            # Nothing is done when it is due: it lets the next turn come, which ends up here.
            next_at = min(asked.due_at(books.joined_at) for asked in still_asked)
            books.timers.set(("workers", None), next_at)

    # -- what waits for one worker ------------------------------------------------------------

    def _give(self, worker: Worker, lane: Lane, now: float) -> None:
        while self._assigner.give(worker, lane, lane.grain, now):
            pass

    def _strand(self, entries: list[Entry], why: str) -> None:
        for entry in entries:
            tried = entry.crashes or entry.failures
            begun = "it may have run there" if tried else "it had not begun"
            text = f"{why}, and no other may run it; {begun}"
            self._books.withdraw(entry, "stranded", "TaskLost", text)


def _why_stranded(worker: Worker | None, lane: Lane | None = None) -> str:
    """Why a worker will not run what is pinned to it any more; empty: it will."""
    if worker is None:
        return "its worker was lost, or left"
    if worker.draining:
        return "its worker drains"
    if lane is not None and not worker.group.serves(lane):
        return "its worker does not run this task any more"
    return ""
