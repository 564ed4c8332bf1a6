"""The producer's machine: takes tasks, gives them to workers, settles them.

`handle` changes what is known; `tick` draws the consequences, once per turn: it gives waiting
tasks to workers with credit, and emits what the turn settled. What is decided where::

    books      where every task is, and the moves between these places
    submission where a new task goes
    assigner   which worker gets which waiting task      balancer   demand and recall
    judge      what the end of an attempt means          inventory  a session's begin and end
    outlets    which sink takes which result             shipping   what sinks have, and lack
    broadcasts what one worker alone may run             pauses     which queues rest
    progression what running attempts say
    journaling what must be recorded before it is told   recovery   what an earlier process has left
    requests   what the application asks                 remarks    what people are told unasked
    happenings what those are told who listen
    retirement how it leaves                             explain    all of it in words
Here are the events, and the sessions with workers and observers.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from zmqwork.config import ProducerConfig
from zmqwork.core.assigner import Assigner
from zmqwork.core.balancer import Balancer
from zmqwork.core.books import Books
from zmqwork.core.broadcasts import Broadcasts
from zmqwork.core.client import Client
from zmqwork.core.dialer import Dialer
from zmqwork.core.effects import Effect
from zmqwork.core.events import (
    DrainRequested,
    EndRequested,
    Event,
    OutletsRequested,
    PauseRequested,
    StopRequested,
    Submitted,
    WorkersRequested,
)
from zmqwork.core.happenings import SUBMITTED
from zmqwork.core.inventory import Inventory
from zmqwork.core.journaling import Journaling
from zmqwork.core.judge import Judge
from zmqwork.core.lag import Lag, earliest
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import LEFT
from zmqwork.core.listener import Listener
from zmqwork.core.messages import Credit, Done, Draining, Hello, Message, Return, Started, Welcome
from zmqwork.core.pauses import Pauses
from zmqwork.core.peer import Peer
from zmqwork.core.progress import Parts, PartsTaken, Progress
from zmqwork.core.progression import Progression
from zmqwork.core.records import Recovered, WriteFailed, WriteRefused, Written
from zmqwork.core.recovery import Recovery
from zmqwork.core.remarks import Remarks
from zmqwork.core.requests import Requests
from zmqwork.core.retirement import Retirement
from zmqwork.core.shipping import Shipping
from zmqwork.core.submission import Submission
from zmqwork.core.trust import Trust
from zmqwork.core.workers import Worker

# An ack goes with the next tasks for its worker, or after this long: alone it would wake the
# worker for nothing, just when the next task is on its way.
_ACK_DELAY = 0.002

# So many settled tasks do not wait for the end of the turn: by then their memory would have left
# the processor's cache.
_SETTLED_MAX = 1_024


class Dispatcher:
    """A producer, without its sockets, clock and threads.

    Args:
        config: what it must know.
        random: for delays.
        epoch: 0: it has no journal. Else that of this opening of the journal: what happens is
            recorded, and `Recovered` must be the first event but for `ListenRequested`.
        make_owner: makes the owner of a task that an observer lets begin again, of its number.
    """

    def __init__(
        self,
        config: ProducerConfig,
        random: Random,
        epoch: int = 0,
        make_owner: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._config = config
        self._out: list[Effect] = []
        trust = Trust("producer")
        self.dialer = Dialer(
            config,
            "producer",
            self,
            self._out,
            random,
            wanted=("worker", "sink"),
            epoch=epoch,
            trust=trust,
        )
        self.listener = Listener(config, "producer", self, self._out, trust)
        self._books = books = Books(config, random, self.dialer, self._out, epoch)
        self._ledger, self._lanes, self._timers = books.ledger, books.lanes, books.timers
        self._workforce = books.workforce
        self.counters = books.counters
        self._shipping = shipping = Shipping(books)
        self._submission = Submission(books)
        self._judge = Judge(books, shipping.inquiry)
        progression = Progression(books)
        self._recovery = Recovery(books)
        self._journaling: Journaling | None = None
        self._acks = self._judge.acks
        self._report: Callable[[], None] = books.report
        if epoch:
            self._journaling = journaling = Journaling(books, self._recovery, self._acks)
            self._acks, self._report = journaling.acks, journaling.report
        self._assigner = Assigner(books, self._acks)
        self._broadcasts = Broadcasts(books, self._assigner)
        self._balancer = Balancer(books)
        self._inventory = Inventory(books, self._judge, shipping)
        self._remarks = Remarks(books)
        self._pauses = Pauses(books)
        self._requests = requests = Requests(
            config,
            books,
            self.listener,
            self._report,
            self._journaling,
            admit=lambda entries, now: self._admit(entries, now, revived=True),
            pauses=self._pauses,
            make_owner=make_owner,
        )
        self._retirement = retirement = Retirement(books, shipping, self._journaling, self._report)
        self._lag = Lag(config.health.heartbeat_interval / 2)
        self._handlers: dict[type[Event], Callable[[Any, float], None]] = {
            Submitted: self._submitted,
            PartsTaken: progression.taken,
            WorkersRequested: self._broadcasts.workers_requested,
            PauseRequested: self._pauses.requested,
            StopRequested: retirement.stop_requested,
            DrainRequested: lambda *_: None,  # (its node sees when its ledger is empty)
            EndRequested: shipping.closing.end,
            OutletsRequested: shipping.outlets_requested,
            Recovered: self._recovered,
            **requests.handlers(),
            **dict.fromkeys((Written, WriteRefused, WriteFailed), retirement.written),
        }
        self._dues: dict[str, Callable[[Any, float], None]] = {
            "acks": lambda _, now: self._assigner.ack_all(),  # noqa: ARG005
            "review": lambda _, now: self._balancer.review(now),
            "recall": lambda _, now: self._pauses.recall(now),
            "notice": lambda key, now: self._remarks.lane(key),  # noqa: ARG005
            "recover": self._recover,
            "unread": lambda _, now: progression.due(now),
            "kept": lambda seq, now: books.kept.drop(seq),  # noqa: ARG005
        }
        self._messages: dict[type[Message], Callable[[Worker, Any, float], None]] = {
            Done: self._judge.done,
            Started: self._judge.started,
            Progress: progression.progress,
            Parts: progression.parts,
            Credit: lambda worker, credit, now: self._workforce.granted(worker, credit),  # noqa: ARG005
            Return: self._judge.returned,
            Draining: lambda worker, message, now: worker.drain(),  # noqa: ARG005
        }

    # -- the three verbs ----------------------------------------------------------------------

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take an event."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event, now)
        elif not self.dialer.handle(event, now):
            self.listener.handle(event, now)
        if len(self._books.settled) >= _SETTLED_MAX:
            self._report()
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
        self._books.letters.stamp(now)
        # Results before sends: somebody may wait for them.
        self._report()
        if self._journaling is not None:
            self._journaling.record(now)
        journaling = self._journaling
        if not (self._retirement.stopped or (journaling is not None and journaling.is_naming)):
            self._broadcasts.serve(now)
            self._assigner.assign(now)
            self._balancer.watch(now)
        if self._journaling is not None:
            self._journaling.record(now)  # what was settled since
        if self._acks:
            self._timers.set_default(("acks", None), now + _ACK_DELAY)
        self._report()
        self._books.kept.stamp(now)
        return self._emit()

    def deadline(self) -> float | None:
        """The next instant at which `tick` has something to do without an event."""
        return self._lag.promised(
            earliest(self._timers.next(), self.dialer.deadline(), self.listener.deadline())
        )

    def unsettled(self) -> list[Entry]:
        """All tasks that are not settled, for a node whose machine has failed."""
        return list(self._ledger)

    def _emit(self) -> list[Effect]:
        out = self._out[:]
        self._out.clear()
        return out

    # -- the application ----------------------------------------------------------------------

    def _submitted(self, event: Submitted, now: float) -> None:
        self._books.counters["submitted"] += len(event.entries)
        self._admit(event.entries, now)

    def _admit(self, entries: list[Entry], now: float, *, revived: bool = False) -> None:
        if self._journaling is not None:
            bound = self._journaling.submitted(entries, now, revived=revived)
        else:
            bound = self._submission.place(entries, now)
        if self._books.happenings is not None:
            self._books.happenings.tell(SUBMITTED, entries)
        if self._retirement.stopped:
            self._retirement.abandon(entries)
        else:
            self._shipping.submitted(bound, now)

    def _recovered(self, event: Recovered, now: float) -> None:
        assert self._journaling is not None
        self._journaling.recovered(event.legacy.workers)
        self._recovery.recovered(event, now)
        if event.legacy.tasks:
            self._shipping.recovered()

    def _recover(self, key: None, now: float) -> None:
        """The workers of before are not waited for any longer."""
        self._recovery.release()
        self._crew_changed()
        del key, now

    # -- workers ------------------------------------------------------------------------------

    def opened(self, peer: Peer, greeting: Welcome, now: float) -> None:
        """A session began: compare what a worker holds, or a sink has, with the ledger."""
        # A producer names what is proved; a worker, which dials nobody, names what it found.
        self.listener.neighbours.found(
            peer.key, peer.node_id, peer.role, peer.endpoints, peer.fingerprint
        )
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
        self._inventory.compare(worker, greeting, now)
        self._recovery.compared(worker.node_id)
        self._crew_changed()
        self._pauses.recall(now)
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
        self._crew_changed()
        self._inventory.lose(worker, now)

    def left(self, peer: Peer, now: float) -> None:
        """It drained and went; whatever it still held was not begun."""
        self.listener.neighbours.forget(peer.key)
        worker = self._worker(peer)
        if worker is not None:
            held = list(worker.held.values())
            self._workforce.remove(worker)
            self._crew_changed()
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

    def _crew_changed(self) -> None:
        if self._journaling is not None:
            self._journaling.crew_changed = True

    def _worker(self, peer: Peer) -> Worker | None:
        worker = self._workforce.get(peer.node_id)
        return worker if worker is not None and worker.peer is peer else None

    # -- time ---------------------------------------------------------------------------------

    def _due(self, due: Any, now: float) -> None:
        what, key = due
        if what in self._dues:
            self._dues[what](key, now)
            return
        if self._shipping.due(what, key, now):
            return
        if what == "expire":
            self._books.expire(key)
        elif (entry := self._ledger.get(key)) is not None:  # "rest"
            self._books.wait_again([entry], "rested")

    # -- observers ----------------------------------------------------------------------------

    def client_opened(self, client: Client, hello: Hello, now: float) -> None:
        """Somebody wants to know how we are."""
        self._requests.opened(client, hello)
        del now

    def client_message(self, client: Client, message: Message, now: float) -> None:
        """What an observer says."""
        self._requests.message(client, message, now)

    def client_renewed(self, client: Client, now: float) -> None:
        """Observers hold nothing of ours."""

    def client_lost(self, client: Client, now: float) -> None:
        """It waits for nothing any more."""
        self._books.kept.forget(client)
        del now
