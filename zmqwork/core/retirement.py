"""How a producer leaves: asked to, or because its journal is broken.

One with a journal leaves when all that was decided is recorded. What it has not settled then is
cancelled for the application, and stays in the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from zmqwork.core.books import Books
from zmqwork.core.effects import Left, Notice
from zmqwork.core.events import StopRequested
from zmqwork.core.journaling import Journaling
from zmqwork.core.ledger import Entry
from zmqwork.core.messages import Cancel
from zmqwork.core.peer import OPEN
from zmqwork.core.records import WriteFailed, WriteRefused, Written
from zmqwork.core.shipping import Shipping

_STOPPED = "its producer stopped"


class Retirement:
    """The end of a producer's life.

    Args:
        books: its books.
        shipping: what its sinks are told.
        journaling: what waits to be recorded; None: it has no journal.
        report: tells whom it concerns what is settled.

    Attributes:
        stopped: whether it leaves.
    """

    __slots__ = ("_books", "_journaling", "_report", "_shipping", "stopped")

    def __init__(
        self,
        books: Books,
        shipping: Shipping,
        journaling: Journaling | None,
        report: Callable[[], None],
    ) -> None:
        self._books = books
        self._shipping = shipping
        self._journaling = journaling
        self._report = report
        self.stopped = False

    def stop_requested(self, event: StopRequested, now: float) -> None:
        """Leave; what is unsettled is cancelled."""
        if self.stopped:
            return
        self.stopped = True
        self._shipping.closing.farewell()
        books = self._books
        if self._journaling is not None:
            self._journaling.close(now)
        else:
            for worker in books.workforce:
                if worker.held and worker.peer.stage == OPEN:
                    books.dialer.send(worker.peer, Cancel(list(worker.held)))
        kept = self._journaling is not None
        text = "its producer stopped; it stays in the journal" if kept else _STOPPED
        books.abandon(list(books.ledger), text, kept=kept)
        books.dialer.farewell()
        self._leave()
        del event

    def abandon(self, entries: Iterable[Entry]) -> None:
        """Cancel these, which were handed over in the last moment: no journal has them."""
        self._books.abandon(entries, _STOPPED)

    def written(self, event: Written | WriteRefused | WriteFailed, now: float) -> None:
        """The journal has something, or has no room for it, or is broken."""
        assert self._journaling is not None
        if isinstance(event, Written):
            self._journaling.written(event.number)
        elif isinstance(event, WriteRefused):
            self._journaling.refused(event.number, event.text)
        else:
            self._fail(self._journaling, event.text)
        if self.stopped:
            self._leave()
        del now

    def _fail(self, journaling: Journaling, text: str) -> None:
        """Nothing may be decided any more: whoever waits is told so."""
        journaling.failed(text)
        self._books.out.append(Notice("journal_failed", text))
        if not self.stopped:
            self.stopped = True
            self._books.abandon(list(self._books.ledger), f"its producer's journal failed: {text}")
            self._books.dialer.farewell()

    def _leave(self) -> None:
        """Go, when nothing waits to be recorded any more."""
        if self._journaling is None or self._journaling.is_idle:
            self._report()
            self._books.out.append(Left())
