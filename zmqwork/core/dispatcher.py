"""The producer's machine: takes tasks, gives them to workers, settles them.

`handle` changes what is known; `tick` draws the consequences, once per turn: it gives waiting
tasks to workers with credit, and emits what the turn settled. What is decided where::

    books      where every task is, and the moves between these places
    submission where a new task goes
    assigner   which worker gets which waiting task      balancer   demand and recall
    judge      what the end of an attempt means          inventory  a session's begin and end
    outlets    which sink takes which result             shipping   what sinks have, and lack
    broadcasts what one worker alone may run             remarks    what people are told unasked
    explain    all of this in words, for people

Here are the events, and the sessions with workers and observers.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from zmqwork.config import ProducerConfig
from zmqwork.core import explain, welcome
from zmqwork.core.assigner import Assigner
from zmqwork.core.balancer import Balancer
from zmqwork.core.books import Books
from zmqwork.core.broadcasts import Broadcasts
from zmqwork.core.dialer import Dialer
from zmqwork.core.effects import Answer, Effect, Left
from zmqwork.core.events import (
    CancelRequested,
    Claimed,
    ClaimRequested,
    DrainRequested,
    EndRequested,
    Event,
    OutletsRequested,
    StatusRequested,
    StopRequested,
    Submitted,
    WorkersRequested,
)
from zmqwork.core.inventory import Inventory
from zmqwork.core.judge import Judge
from zmqwork.core.lag import Lag, earliest
from zmqwork.core.lifecycle import DISPATCHED, LEFT, STARTED, WAITING
from zmqwork.core.listener import Client, Listener
from zmqwork.core.messages import (
    Cancel,
    Credit,
    Done,
    Draining,
    Hello,
    Info,
    Message,
    Return,
    Started,
    Status,
    Welcome,
)
from zmqwork.core.peer import OPEN, Peer
from zmqwork.core.remarks import Remarks
from zmqwork.core.shipping import Shipping
from zmqwork.core.submission import Submission
from zmqwork.core.workers import Worker

# An ack goes with the next tasks for its worker, or after this long: alone it would wake the
# worker for nothing, just when the next task is on its way.
_ACK_DELAY = 0.002


class Dispatcher:
    """A producer, without its sockets, clock and threads."""

    def __init__(self, config: ProducerConfig, random: Random, epoch: int = 0) -> None:
        self._config = config
        self._out: list[Effect] = []
        self.dialer = Dialer(
            config, "producer", self, self._out, random, wanted=("worker", "sink"), epoch=epoch
        )
        self.listener = Listener(config, self, self._out)
        self._books = books = Books(config, random, self.dialer, self._out)
        self._ledger, self._lanes, self._timers = books.ledger, books.lanes, books.timers
        self._workforce = books.workforce
        self.counters = books.counters
        self._shipping = shipping = Shipping(books)
        self._submission = Submission(books)
        self._judge = Judge(books, shipping.inquiry)
        self._assigner = Assigner(books, self._judge.acks)
        self._broadcasts = Broadcasts(books, self._assigner)
        self._balancer = Balancer(books)
        self._inventory = Inventory(books, self._judge, shipping)
        self._remarks = Remarks(books)
        self._stopped = False
        self._lag = Lag(config.health.heartbeat_interval / 2)
        self._handlers: dict[type[Event], Callable[[Any, float], None]] = {
            Submitted: self._submitted,
            CancelRequested: self._cancel_requested,
            ClaimRequested: self._claim_requested,
            WorkersRequested: self._broadcasts.workers_requested,
            StatusRequested: self._status_requested,
            StopRequested: self._stop_requested,
            DrainRequested: self._drain_requested,
            EndRequested: shipping.closing.end,
            OutletsRequested: shipping.outlets_requested,
        }
        self._messages: dict[type[Message], Callable[[Worker, Any, float], None]] = {
            Done: self._judge.done,
            Started: self._judge.started,
            Credit: self._credit,
            Return: self._judge.returned,
            Draining: self._draining,
        }

    # -- the three verbs ----------------------------------------------------------------------

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take an event."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event, now)
        elif not self.dialer.handle(event, now):
            self.listener.handle(event, now)
        return self._emit()

    def tick(self, now: float) -> list[Effect]:
        """Draw the consequences of this turn, and do what is due."""
        if lag := self._lag.of_turn(now):
            self.dialer.forgive(lag, now)
            self.listener.forgive(lag, now)
        self.dialer.tick(now)
        self.listener.tick(now)
        while due := self._timers.due(now):  # again, because what is due may set what is due
            for key in due:
                self._due(key, now)
        # Results before sends: somebody may wait for them.
        self._books.report()
        if not self._stopped:
            self._broadcasts.serve(now)
            self._assigner.assign(now)
            self._balancer.watch(now)
        if self._judge.acks:
            self._timers.set_default(("acks", None), now + _ACK_DELAY)
        self._books.report()
        return self._emit()

    def deadline(self) -> float | None:
        """The next instant at which `tick` has something to do without an event."""
        return self._lag.promised(
            earliest(self._timers.next(), self.dialer.deadline(), self.listener.deadline())
        )

    def _emit(self) -> list[Effect]:
        out = self._out[:]
        self._out.clear()
        return out

    # -- the application ----------------------------------------------------------------------

    def _submitted(self, event: Submitted, now: float) -> None:
        bound = self._submission.place(event.entries, now)
        if self._stopped:
            self._books.abandon(event.entries)
        else:
            self._shipping.submitted(bound, now)

    def _cancel_requested(self, event: CancelRequested, now: float) -> None:
        cancelled = []
        for seq in list(self._ledger.entries) if event.seqs is None else event.seqs:
            entry = self._ledger.get(seq)
            # As with concurrent.futures, what has begun is not cancelled unless that is asked for.
            if entry is not None and (event.running or entry.state != STARTED):
                self._books.withdraw(
                    entry, "cancelled", "CancelledError", "it was cancelled", hard=event.hard
                )
                cancelled.append(seq)
        self._books.report()  # whoever asked finds the futures cancelled
        self._out.append(Answer(event.request, cancelled))
        del now

    def _claim_requested(self, event: ClaimRequested, now: float) -> None:
        entry = self._ledger.get(event.seq)
        states = (WAITING, DISPATCHED) if event.from_worker else (WAITING,)
        claimed = None
        if entry is not None and entry.state in states and entry.spec.name in event.names:
            options = entry.spec.options
            ours = not event.queues or options.queue in event.queues
            if ours and not options.goes_to_sink and not entry.spec.node:
                claimed = Claimed(entry.spec, entry.args, entry.attempt + 1)
                entry.owner = event.heir
                self._books.withdraw(
                    entry, "cancelled", "CancelledError", "the task that waits for it runs it"
                )
        self._out.append(Answer(event.request, claimed))
        del now

    def _status_requested(self, event: StatusRequested, now: float) -> None:
        if event.seq is None:
            status = explain.status(self._config, self._books)
            self._out.append(Answer(event.request, status))
        else:
            self._out.append(Answer(event.request, explain.task(event.seq, self._books, now)))

    def _drain_requested(self, event: DrainRequested, now: float) -> None:
        """Nothing to do: a producer is drained when its ledger is empty, which its node sees."""

    def _stop_requested(self, event: StopRequested, now: float) -> None:
        if self._stopped:
            return
        self._stopped = True
        self._shipping.closing.farewell()
        for worker in self._workforce:
            if worker.held and worker.peer.stage == OPEN:
                self.dialer.send(worker.peer, Cancel(list(worker.held)))
        self._books.abandon(list(self._ledger))
        self.dialer.farewell()
        self._out.append(Left())
        del event, now

    # -- workers ------------------------------------------------------------------------------

    def opened(self, peer: Peer, greeting: Welcome, now: float) -> None:
        """A session began: compare what a worker holds, or a sink has, with the ledger."""
        # A producer names what is proved; a worker, which dials nobody, names what it found.
        self.listener.neighbours.found(peer.key, peer.node_id, peer.role, peer.endpoints)
        # (A node is one or the other; one that says now this, now that, harms nobody else.)
        if greeting.role == "sink":
            if self._worker(peer) is not None:
                self.lost(peer, now)
            self._shipping.opened(peer, greeting, now)
            return
        self._shipping.lost(peer, now)
        worker = self._workforce.admit(peer, greeting)
        worker.usable = True
        worker.draining = False
        worker.label = peer.label
        worker.limit = 0  # a CREDIT follows the WELCOME
        worker.told_backlog = 0
        self._inventory.compare(worker, greeting, now)
        self._remarks.signatures(worker)

    def suspected(self, peer: Peer, now: float) -> None:
        """Give it nothing new."""
        worker = self._worker(peer)
        if worker is not None:
            worker.usable = False
        else:
            self._shipping.suspected(peer, now)

    def revived(self, peer: Peer, now: float) -> None:
        """It was heard again, in the same session."""
        worker = self._worker(peer)
        if worker is not None and not worker.draining:
            worker.usable = True
            worker.group.list(worker)
            # Its demand may have ended while nothing was said.
            self._timers.set_default(("review", None), now)
        elif worker is None:
            self._shipping.revived(peer, now)

    def lost(self, peer: Peer, now: float) -> None:
        """Resubmit what it held. What ran there, or may have run, counts as a crash."""
        self.listener.neighbours.forget(peer.key)
        worker = self._worker(peer)
        if worker is None:
            self._shipping.lost(peer, now)
            return
        self._workforce.remove(worker)
        self._inventory.lose(worker, now)

    def left(self, peer: Peer, now: float) -> None:
        """It drained and went; whatever it still held was not begun."""
        self.listener.neighbours.forget(peer.key)
        worker = self._worker(peer)
        if worker is not None:
            held = list(worker.held.values())
            self._workforce.remove(worker)
            self._books.give_back(worker, held, "returned")
        else:
            self._shipping.lost(peer, now, LEFT)

    def message(self, peer: Peer, message: Message, now: float) -> None:
        """What a worker says."""
        worker = self._worker(peer)
        handler = self._messages.get(type(message))
        if worker is not None and handler is not None:
            handler(worker, message, now)
        elif not self._shipping.message(peer, message, now):
            self.dialer.counters.strays += 1

    def _worker(self, peer: Peer) -> Worker | None:
        worker = self._workforce.get(peer.node_id)
        return worker if worker is not None and worker.peer is peer else None

    def _credit(self, worker: Worker, credit: Credit, now: float) -> None:
        worker.limit = credit.attempts
        worker.limit_bytes = credit.size_bytes
        worker.extra = credit.extra
        worker.group.list(worker)
        del now

    def _draining(self, worker: Worker, message: Draining, now: float) -> None:
        worker.draining = True
        worker.usable = False
        del message, now

    # -- time ---------------------------------------------------------------------------------

    def _due(self, due: Any, now: float) -> None:
        what, key = due
        if what == "acks":
            self._assigner.ack_all()
            return
        if what == "review":
            self._balancer.review(now)
            return
        if what == "notice":
            self._remarks.lane(key)
            return
        if self._shipping.due(what, key, now):
            return
        entry = self._ledger.get(key)
        if entry is None:
            return
        if what == "rest":
            self._books.wait_again([entry], "rested")
        elif entry.state != STARTED:  # "expire"
            text = f"it expired {entry.spec.options.expires:g} s after submit, not begun in time"
            self._books.withdraw(entry, "expired", "TaskExpired", text)

    # -- observers ----------------------------------------------------------------------------

    def client_opened(self, client: Client, hello: Hello, now: float) -> None:
        """Somebody wants to know how we are."""
        introduction = welcome.of_node(self._config, "producer", hello)
        introduction.neighbours = self.listener.news_for(client)
        self.listener.send(client, introduction)
        del now

    def client_message(self, client: Client, message: Message, now: float) -> None:
        """Only questions are expected here."""
        if isinstance(message, Info):
            status = explain.status(self._config, self._books)
            if message.seq:
                status["task"] = explain.task(message.seq, self._books, now)
            self.listener.send(client, Status(message.request, status))
        else:
            self.listener.counters.strays += 1

    def client_renewed(self, client: Client, now: float) -> None:
        """Observers hold nothing of ours."""

    def client_lost(self, client: Client, now: float) -> None:
        """Observers hold nothing of ours."""
