"""A producer's sinks: who is there, and what is moved when they go.

A plain sink that is lost takes its outlet along: what was to go there goes to another one, wherever
it is by now. An inbox stays, whoever serves it.
"""

from __future__ import annotations

from zmqwork.core.books import Books
from zmqwork.core.closing import Closing
from zmqwork.core.delivery import Ended, Has, Route
from zmqwork.core.inquiry import Inquiry
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import ASKED, RESTING, WAITING
from zmqwork.core.messages import BATCH_COUNT_MAX, Draining, Message, Welcome
from zmqwork.core.outlets import Outlet
from zmqwork.core.peer import OPEN, Peer
from zmqwork.core.ranges import Ranges
from zmqwork.core.workers import Worker


class Shipping:
    """Sessions with sinks, for the dispatcher.

    Attributes:
        inquiry: what sinks are asked.
        closing: what they are told of the end.
    """

    __slots__ = ("_books", "_moved", "closing", "inquiry")

    def __init__(self, books: Books) -> None:
        self._books = books
        self.inquiry = Inquiry(books)
        self.closing = Closing(books)
        # Whether anything was ever moved, of which a worker may not have heard.
        self._moved = False

    # -- sessions -----------------------------------------------------------------------------

    def opened(self, peer: Peer, welcome: Welcome, now: float) -> None:
        """A session with a sink began."""
        outlets = self._books.outlets
        outlet = outlets.admit(peer, welcome.sinks, welcome.inbox)
        outlet.usable = bool(welcome.sinks)
        outlet.draining = False
        outlet.taken = Ranges(welcome.taken)
        for number, entry in list(outlet.open.items()):
            # From before a restart: nobody need begin what is done.
            if entry.state in (WAITING, RESTING) and number in outlet.taken:
                self.inquiry.arrived(entry, now)
        if outlet.inbox:
            self._tell_workers(outlet, [])
        for gone in list(outlets):
            if gone.open and not gone.usable:
                self._move(gone)
        self.inquiry.ask(outlet, now)
        self.closing.met(outlet, now)

    def submitted(self, entry: Entry, now: float) -> None:
        """A task that is bound to an inbox waits in its lane: perhaps it is done already."""
        if entry.outlet is not None and entry.sink_seq in entry.outlet.taken:
            self.inquiry.arrived(entry, now)

    def suspected(self, peer: Peer) -> None:
        """Give it nothing new."""
        outlet = self._books.outlets.of_peer(peer)
        if outlet is not None:
            outlet.usable = False

    def revived(self, peer: Peer) -> None:
        """It was heard again."""
        outlet = self._books.outlets.of_peer(peer)
        if outlet is not None:
            outlet.usable = not outlet.draining

    def lost(self, peer: Peer) -> None:
        """It is gone: what was to go there goes elsewhere, or waits for its inbox."""
        outlet = self._books.outlets.of_peer(peer)
        if outlet is not None:
            outlet.usable = False
            self._move(outlet)

    def message(self, peer: Peer, message: Message, now: float) -> bool:
        """What a sink says; False if it says something that no sink says."""
        outlet = self._books.outlets.of_peer(peer)
        if outlet is None:
            return False
        match message:
            case Has():
                self.inquiry.answered(outlet, message, now)
            case Ended():
                self.closing.ended(outlet, message)
            case Draining():
                outlet.draining = True
                outlet.usable = False
            case _:
                return False
        return True

    def due(self, what: str, key: str, now: float) -> bool:
        """Do what is due, if it is about sinks."""
        if what == "asked":
            self.inquiry.look_again(key, now)
        elif what == "floors":
            self.closing.tell_floors(now)
        elif what == "ended":
            self.closing.report()
        else:
            return False
        return True

    # -- results that go elsewhere ------------------------------------------------------------

    def _move(self, gone: Outlet) -> None:
        """Find other outlets for the plain tasks of one that is gone."""
        moved: dict[str, list[Entry]] = {}
        again = []
        for entry in [entry for entry in gone.open.values() if not entry.spec.inbox]:
            if entry.state == ASKED:
                again.append(entry)
            elif entry.worker is not None:
                name = entry.spec.options.sink
                living = self._books.outlets.living(name) if name is not None else []
                if not living:
                    continue
                gone.take_back(entry)
                self._books.outlets.choose(entry, living)
                assert entry.outlet is not None
                moved.setdefault(entry.outlet.id, []).append(entry)
            else:
                gone.take_back(entry)
        self.inquiry.wait_again(again)
        for entry in again:
            gone.take_back(entry)
        for entries in moved.values():
            assert entries[0].outlet is not None
            self._tell_workers(entries[0].outlet, entries)

    def _tell_workers(self, outlet: Outlet, moved: list[Entry]) -> None:
        """Where the results of these go now; without any: where their inbox is."""
        self._moved = True
        by_worker: dict[str, tuple[Worker, list[Entry]]] = {}
        for entry in moved or outlet.open.values():
            worker = entry.worker
            if worker is not None:
                by_worker.setdefault(worker.node_id, (worker, []))[1].append(entry)
        for worker, entries in by_worker.values():
            self._route(worker, outlet, entries if moved else [])

    def _route(self, worker: Worker, outlet: Outlet, entries: list[Entry]) -> None:
        if worker.peer.stage != OPEN:
            return  # `compared` tells it when its session begins
        for start in range(0, max(1, len(entries)), BATCH_COUNT_MAX):
            some = entries[start : start + BATCH_COUNT_MAX]
            to = outlet.destination(self._books.outlets.producer_id)
            to.sink_seqs = [entry.sink_seq for entry in some]
            self._books.dialer.send(worker.peer, Route([entry.seq for entry in some], to))

    def compared(self, worker: Worker) -> None:
        """A worker's session began: what it holds may have moved meanwhile."""
        if not self._moved:
            return
        by_outlet: dict[str, list[Entry]] = {}
        for entry in worker.held.values():
            if entry.outlet is not None:
                by_outlet.setdefault(entry.outlet.id, []).append(entry)
        for entries in by_outlet.values():
            assert entries[0].outlet is not None
            self._route(worker, entries[0].outlet, entries)
