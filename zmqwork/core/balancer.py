"""Demand and recall: what keeps credit where the work is, and work where the slots are."""

from __future__ import annotations

from zmqwork.core.books import Books
from zmqwork.core.lanes import Lane
from zmqwork.core.messages import Demand, Recall
from zmqwork.core.workers import Group, Worker

# How often demand is told anew while tasks wait for credit.
_REVIEW_INTERVAL = 0.05


class Balancer:
    """Looks at the whole picture now and then, not at every turn.

    That is at all lanes, and of the workers at those that have too much, or were not told.
    """

    __slots__ = ("_books",)

    def __init__(self, books: Books) -> None:
        self._books = books

    def watch(self, now: float) -> None:
        """Look again soon while tasks wait for credit, or hang at one worker and another idles."""
        books = self._books
        if ("review", None) in books.timers:
            return
        ready = any(map(books.is_ready, books.lanes))
        if (ready or books.lanes.pinned) and books.workforce.short:
            self.review(now)
        elif not ready and len(books.ledger) and len(books.workforce) > 1:
            books.timers.set(("review", None), now + books.config.recall_delay)

    def review(self, now: float) -> None:
        """Tell demand where credit is short; recall what hangs at a busy worker."""
        books = self._books
        ready = [lane for lane in books.lanes if books.is_ready(lane)]
        for group in books.workforce.groups.values():
            served = [lane for lane in ready if group.serves(lane)]
            waiting = sum(lane.size for lane in served if not lane.unfit)
            rejected = [lane for lane in served if lane.unfit]
            if rejected or books.lanes.pinned:
                self._tell_each(group, waiting, rejected)
            else:
                self._tell_all(group, _bucket(waiting))
            if not waiting:
                self._recall(group)
        if ready or books.lanes.pinned:
            books.timers.set(("review", None), now + _REVIEW_INTERVAL)

    def _tell_each(self, group: Group, waiting: int, rejected: list[Lane]) -> None:
        """Not the same waits for all of them."""
        group.told = -1
        for worker in group.workers.values():
            own = waiting + self._books.lanes.waiting_for(worker.node_id)
            own += sum(lane.size for lane in rejected if worker.node_id not in lane.unfit)
            self._tell(worker, _bucket(own))

    def _tell_all(self, group: Group, bucket: int) -> None:
        """The same waits for all of them, so most have been told already."""
        if group.told != bucket:
            group.told = bucket
            group.untold = dict.fromkeys(group.workers.values())
        for worker in list(group.untold):
            self._tell(worker, bucket)
            if worker.told_backlog >= bucket and (bucket or not worker.told_backlog):
                del group.untold[worker]

    def _tell(self, worker: Worker, bucket: int) -> None:
        """Tell a worker that waits for more, or for nothing any more."""
        short = bucket > worker.told_backlog and worker.load >= worker.limit
        if worker.usable and (short or (not bucket and worker.told_backlog)):
            worker.told_backlog = bucket
            self._books.dialer.send(worker.peer, Demand(bucket))

    def _recall(self, group: Group) -> None:
        idle = group.idle_worker()
        if idle is None:
            return
        busiest: Worker | None = None
        for worker in list(group.crowded):
            done, worker.done_at_review = worker.done - worker.done_at_review, worker.done
            excess = worker.load - worker.capacity
            if excess <= 0:
                del group.crowded[worker]
            # One that gets through its excess within a review needs no help.
            if (
                worker.usable
                and excess > done
                and (busiest is None or excess > busiest.load - busiest.capacity)
            ):
                busiest = worker
        if busiest is not None:
            excess = busiest.load - busiest.capacity
            share = -(-excess * idle.slots // (busiest.slots + idle.slots))
            self._books.dialer.send(busiest.peer, Recall(share))


def _bucket(waiting: int) -> int:
    """A backlog, to the grain that DEMAND tells it."""
    return 0 if not waiting else 1 if waiting < 10 else 2 if waiting < 100 else 3
