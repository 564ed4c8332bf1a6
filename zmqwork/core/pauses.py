"""Queues that are paused: nothing of them is dispatched, and what no worker has begun comes back.

Time goes on for tasks that wait: they expire, retries come due, and they may be cancelled. What
runs ends. Anybody may cause the event: nothing here is about who asked.
"""

from __future__ import annotations

from collections import Counter

from zmqwork.core.books import Books
from zmqwork.core.effects import Answer
from zmqwork.core.events import PauseRequested
from zmqwork.core.lifecycle import DISPATCHED
from zmqwork.core.messages import Recall
from zmqwork.core.peer import OPEN
from zmqwork.queues import QUEUES_MAX

# How often what a worker has not begun is asked for: what waits in a slot behind a long attempt is
# taken out of it at the first RECALL, and comes with the next one.
_RECALL_INTERVAL = 0.1


class Pauses:
    """Pauses and resumes queues. Which are paused is in the books. Bound: QUEUES_MAX."""

    __slots__ = ("_books",)

    def __init__(self, books: Books) -> None:
        self._books = books

    def requested(self, event: PauseRequested, now: float) -> None:
        """Pause a queue, or let it go on; the answer lists those that are paused now."""
        self.pause(event.queue, event.paused, now)
        self._books.out.append(Answer(event.request, list(self._books.paused)))

    def pause(self, queue: str, paused: bool, now: float) -> bool:
        """Pause a queue, or let it go on; False: too many are paused."""
        books = self._books
        if not paused:
            books.paused.pop(queue, None)
        elif queue not in books.paused:
            if len(books.paused) >= QUEUES_MAX:
                return False
            books.paused[queue] = None
            self.recall(now)
        return True

    def recall(self, now: float) -> None:
        """Ask workers for what they have of paused queues and have not begun, until it is here.

        O(attempts at workers), while something is paused.
        """
        books = self._books
        found = False
        for worker in books.workforce if books.paused else ():
            counts = Counter(
                queue
                for entry in worker.held.values()
                if entry.state == DISPATCHED and (queue := entry.spec.options.queue) in books.paused
            )
            for queue, count in counts.items():
                found = True
                if worker.peer.stage == OPEN:
                    books.dialer.send(worker.peer, Recall(count, queue))
        if found:
            books.timers.set(("recall", None), now + _RECALL_INTERVAL)
