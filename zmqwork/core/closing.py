"""How far a producer is, as its sinks are told: floors on the way, and the end."""

from __future__ import annotations

from typing import Any

from zmqwork.core.books import Books
from zmqwork.core.delivery import End, Ended, Floor
from zmqwork.core.effects import Answer
from zmqwork.core.events import EndRequested
from zmqwork.core.lifecycle import LOST
from zmqwork.core.outlet import Outlet

# How often the floors are told.
_FLOOR_INTERVAL = 1.0


class Closing:
    """Tells sinks what does not come any more."""

    __slots__ = ("_books", "_closed", "_report", "_waiters")

    def __init__(self, books: Books) -> None:
        self._books = books
        self._closed = False
        # What each sink that was told the end has said. Bound: the outlets.
        self._report: dict[str, Ended | None] = {}
        self._waiters: list[object] = []

    def met(self, outlet: Outlet, now: float) -> None:
        """A session with a sink began."""
        if outlet.id in self._report:
            self._tell(outlet)
        # The numbers of a run stay open for its next start, which does what has failed; those of a
        # journal for dead letters that are revived.
        if not (self._books.config.producer_id or self._books.journaled):
            self._books.timers.set_default(("floors", None), now + _FLOOR_INTERVAL)

    def tell_floors(self, now: float) -> None:
        """Let the sinks close the holes that settled tasks have left."""
        books = self._books
        oldest = books.ledger.oldest()
        for outlet in books.outlets:
            peer = outlet.session
            if peer is None:
                continue
            books.timers.set(("floors", None), now + _FLOOR_INTERVAL)
            floor = outlet.lowest(oldest)
            if not outlet.sparse and floor > max(1, outlet.floor):
                outlet.floor = floor
                books.dialer.send(peer, Floor(floor))

    def end(self, event: EndRequested, now: float) -> None:
        """Tell every sink that no more comes; the request is answered with what they have."""
        self._waiters.append(event.request)
        for outlet in self._books.outlets:
            if outlet.is_used or outlet.id in event.also:
                self._report[outlet.id] = None
                self._tell(outlet)
        self._books.timers.set(("ended", None), now + event.patience)
        self.look()

    def farewell(self) -> None:
        """The producer leaves: all sinks are told that no more comes, and nobody waits longer."""
        for outlet in self._books.outlets:
            if outlet.is_used:
                self._tell(outlet)
        self._closed = True
        self._books.timers.cancel(("floors", None))
        self.report()

    def _tell(self, outlet: Outlet) -> None:
        peer = outlet.session
        if peer is not None and not self._closed:
            self._books.dialer.send(peer, _end(outlet))

    def ended(self, outlet: Outlet, ended: Ended) -> None:
        """A sink has answered."""
        if outlet.id in self._report:
            self._report[outlet.id] = ended
            self.look()

    def look(self) -> None:
        """Answer, if nobody is waited for any more."""
        if self._closed or not any(map(self._awaits, self._books.outlets)):
            self.report()

    def _awaits(self, outlet: Outlet) -> bool:
        """Whether a sink owes its answer. One that is gone for good does not give it.

        An inbox whose sink was lost may be served again soon; one whose sink left was told to.
        """
        owes = outlet.id in self._report and self._report[outlet.id] is None
        server = outlet.server
        if not owes or server is None:
            return False
        return not server.gone or (server.gone == LOST and bool(outlet.inbox))

    def report(self) -> None:
        """Answer with what the sinks have said so far."""
        books = self._books
        report = [
            _view(outlet, self._report[outlet.id])
            for outlet in books.outlets
            if outlet.id in self._report
        ]
        books.out.extend(Answer(request, report) for request in self._waiters)
        self._waiters.clear()
        self._report.clear()
        books.timers.cancel(("ended", None))


def _end(outlet: Outlet) -> End:
    spans = outlet.spans
    count = spans[-1][1] if spans else 0
    return End(count, outlet.succeeded, [] if spans == [[1, count]] else spans)


def _view(outlet: Outlet, ended: Ended | None) -> dict[str, Any]:
    return {
        "sink": outlet.label,
        "inbox": outlet.inbox,
        "count": _end(outlet).given,
        "succeeded": outlet.succeeded,
        "taken": None if ended is None else ended.taken,
        "missing": [] if ended is None else ended.missing,
    }
