"""A producer's sinks: who is there, and what is moved when they go.

A plain sink that is lost takes its outlet along: what was to go there goes to another one, from
wherever it is by now; what waits gets another one when it is dispatched. An inbox stays, whoever
serves it.
"""

from __future__ import annotations

from zmqwork.core import explain_outlets
from zmqwork.core.books import Books
from zmqwork.core.closing import Closing
from zmqwork.core.delivery import Ended, Has, Route
from zmqwork.core.effects import Answer
from zmqwork.core.events import OutletsRequested
from zmqwork.core.inquiry import Inquiry
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import LOST, RESTING, WAITING
from zmqwork.core.messages import BATCH_COUNT_MAX, Draining, Message, Welcome
from zmqwork.core.outlet import Outlet
from zmqwork.core.peer import OPEN, Peer
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

    def recovered(self) -> None:
        """Workers may hold tasks of an earlier process, which has told them where sinks were."""
        self._moved = True

    def opened(self, peer: Peer, welcome: Welcome, now: float) -> None:
        """A session with a sink began."""
        outlets = self._books.outlets
        known = outlets.get(welcome.inbox)
        before = known.server if known is not None else None
        outlet = outlets.admit(peer, welcome)
        for entry in list(outlet.open.values()) if outlet.taken else ():
            # From before a restart, or by a worker that was given up on: it need not be begun.
            if entry.state in (WAITING, RESTING) and entry.sink_seq in outlet.taken:
                self.inquiry.arrived(entry, now)
        if self._moved if before is None else before.welcome.node_id != peer.node_id:
            self._tell_workers(outlet, [])
        self._rescue()
        self.inquiry.ask(outlet, now)
        self.closing.met(outlet, now)

    def submitted(self, entries: list[Entry], now: float) -> None:
        """Tasks that are bound to inboxes wait in their lanes: perhaps they are done already."""
        for entry in entries:
            outlet = entry.outlet
            if outlet is not None and outlet.taken and entry.sink_seq in outlet.taken:
                self.inquiry.arrived(entry, now)

    def suspected(self, peer: Peer, now: float) -> None:
        """Give it nothing new."""
        self._books.outlets.changed()
        served = self._books.outlets.of_peer(peer)
        if served is not None and served[0].server is served[1]:
            self._replace(served[0], now)

    def revived(self, peer: Peer, now: float) -> None:
        """It was heard again."""
        self._books.outlets.changed()
        served = self._books.outlets.of_peer(peer)
        if served is not None and (served[0].usable or not self._replace(served[0], now)):
            self._rescue()

    def lost(self, peer: Peer, now: float, how: str = LOST) -> None:
        """It is gone: what was to go there goes elsewhere, or waits for its inbox."""
        served = self._books.outlets.of_peer(peer)
        if served is None:
            return
        outlet, server = served
        self._books.outlets.dismiss(outlet, server, how)
        if outlet.server is server and not self._replace(outlet, now):
            self._move(outlet)
            self.inquiry.ask(outlet, now)
            self.closing.look()

    def _replace(self, outlet: Outlet, now: float) -> bool:
        """Let another node serve an inbox from now on, if there is one."""
        for server in reversed(outlet.servers.values()):
            if server.usable:
                self.opened(server.peer, server.welcome, now)
                return True
        return False

    def message(self, peer: Peer, message: Message, now: float) -> bool:
        """What a sink says; False if it says something that no sink says."""
        served = self._books.outlets.of_peer(peer)
        if served is None:
            return False
        outlet, server = served
        if isinstance(message, Draining):
            server.draining = True
            self._books.outlets.changed()
            if outlet.server is server:
                self._replace(outlet, now)
            return True
        if outlet.server is not server:
            return False  # what it knows of the inbox may be old
        if isinstance(message, Has):
            self.inquiry.answered(outlet, message, now)
        elif isinstance(message, Ended):
            self.closing.ended(outlet, message)
        else:
            return False
        return True

    def outlets_requested(self, event: OutletsRequested, now: float) -> None:
        """The application asks for the sinks that were met."""
        outlets = self._books.outlets
        views = [explain_outlets.view(outlet) | {"taken": outlet.taken} for outlet in outlets]
        self._books.out.append(Answer(event.request, views))
        del now

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

    def _rescue(self) -> None:
        """A sink can be used from now on: perhaps in the place of one that is gone."""
        for outlet in self._books.outlets:
            if outlet.open and outlet.gone:
                self._move(outlet)

    def _move(self, gone: Outlet) -> None:
        """Find other outlets for what is not bound to this one, which is gone."""
        self.inquiry.give_up(gone)
        moved: dict[str, list[Entry]] = {}
        for entry in list(gone.open.values()):
            if entry.worker is not None and self._change(gone, entry):
                assert entry.outlet is not None
                moved.setdefault(entry.outlet.id, []).append(entry)
        for entries in moved.values():
            assert entries[0].outlet is not None
            self._tell_workers(entries[0].outlet, entries)

    def _change(self, gone: Outlet, entry: Entry) -> bool:
        """Give a task another outlet, if it is free to go, and there is one."""
        name = entry.spec.options.sink
        living = self._books.outlets.living(name) if name and not entry.spec.inbox else []
        if living:
            gone.take_back(entry)
            self._books.outlets.choose(entry, living)
            self._moved = True
        return bool(living)

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
        by_outlet: dict[str, list[Entry]] = {}
        for entry in worker.held.values():
            outlet = entry.outlet
            if outlet is not None and outlet.gone:
                self._change(outlet, entry)
                outlet = entry.outlet
            if outlet is not None:
                by_outlet.setdefault(outlet.id, []).append(entry)
        for entries in by_outlet.values() if self._moved else ():
            assert entries[0].outlet is not None
            self._route(worker, entries[0].outlet, entries)
