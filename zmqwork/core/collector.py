"""The sink's machine: takes results once each, has them stored, and acks them then.

What it guarantees: a batch is acked when each of its results is stored, by it or by an earlier
one; of all results with one number of one producer, as long as it remembers the producer, one is
handed over; and results are handed over in the order in which they came. It leaves only when what
is here is stored, or left to the workers, which have it still.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from zmqwork.config import SinkConfig
from zmqwork.core import portrait, reports, welcome
from zmqwork.core.carriers import Carrier, Carriers
from zmqwork.core.client import Client
from zmqwork.core.collected import Collected
from zmqwork.core.delivery import End, Floor, Has, Have, Results, ResultsAck
from zmqwork.core.effects import Deliver, Effect, Left, MarkComplete, Marks, Notice
from zmqwork.core.events import (
    DrainRequested,
    Event,
    RosterTaken,
    StatusRequested,
    StopRequested,
    Stored,
    StoreFailed,
)
from zmqwork.core.lag import Lag, earliest
from zmqwork.core.listener import Listener
from zmqwork.core.messages import Bye, Credit, Draining, Hello, Message
from zmqwork.core.ranges import Ranges
from zmqwork.core.roll import INBOX_PRODUCERS_MAX, PRODUCERS_MAX, Roll
from zmqwork.core.shelf import Shelf, size_of
from zmqwork.core.sink_answers import SinkAnswers
from zmqwork.core.timers import Timers

SERVING, DRAINING, LEAVING, GONE = "serving", "draining", "leaving", "gone"

# Floors that wait for results to be stored with. One that is left out costs a few ranges there.
_FLOORS_MAX = 4096

# Whoever does not answer BYE within this is not waited for: its results are acked.
_BYE_TIMEOUT = 0.5


class Collector:
    """A sink, without its sockets, clock, threads and store.

    Args:
        config: what it is.
        taken: what its inbox has taken already, by producer id, the latest last.
        counts: how many results its inbox has of each of them.
    """

    def __init__(
        self,
        config: SinkConfig,
        taken: Mapping[str, Ranges] | None = None,
        counts: Mapping[str, int] | None = None,
    ) -> None:
        self._config = config
        self._out: list[Effect] = []
        self.listener = Listener(config, "sink", self, self._out)
        self._answers = answers = SinkAnswers(self.status, self.listener, self._out)
        producers_max = INBOX_PRODUCERS_MAX if config.inbox else PRODUCERS_MAX
        self._roll = Roll(taken or {}, counts or {}, producers_max)
        # What an inbox has counts: whoever starts the sink again expects the same as before.
        before = sum((counts or {}).values())
        self._expected = config.expect - before if config.expect else None
        self._carriers = Carriers(config)
        self._shelf = Shelf()
        self._number = 0  # of deliveries
        self._floors: dict[str, int] = {}  # to be stored with the next results
        self._ending: dict[str, Collected] = {}  # whose ENDED is owed; bound: the roll
        self._pressed = False  # what is on the shelf must not linger
        self._complete = False
        self._told_forgotten = False
        self._timers = Timers()
        self._lag = Lag(config.health.heartbeat_interval / 2)
        self.state = SERVING
        self.counters = dict.fromkeys(
            ("received", "duplicates", "stored", "batches", "failures", "refused"), 0
        )
        self._handlers: dict[type[Event], Callable[[Any, float], None]] = {
            Stored: self._stored,
            StoreFailed: self._store_failed,
            DrainRequested: self._drain_requested,
            StopRequested: self._stop_requested,
            StatusRequested: answers.status_requested,
            RosterTaken: answers.roster_taken,
        }
        self._messages: dict[type[Message], Callable[[Client, Collected, Any], None]] = {
            Have: self._have,
            Floor: self._floor,
            End: self._end,
        }

    # -- the three verbs ----------------------------------------------------------------------

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take an event."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event, now)
        else:
            self.listener.handle(event, now)
        return self._emit()

    def tick(self, now: float) -> list[Effect]:
        """Hand over, ack, and say what this turn has brought."""
        if lag := self._lag.of_turn(now):
            self.listener.forgive(lag, now)
        self.listener.tick(now)
        for due in self._timers.due(now):
            self._due(due, now)
        if self.state in (SERVING, DRAINING):
            self._deliver(now)
        self._send_acks()
        self._send_ends()
        if self.state == SERVING:
            self._grant()
            self._look_whether_complete(now)
        if self.state == DRAINING and not self._shelf.held[0]:
            self._say_bye(now)
        if self.state == LEAVING and not self._is_awaited():
            self._leave()
        return self._emit()

    def deadline(self) -> float | None:
        """The next instant at which `tick` has something to do without an event."""
        return self._lag.promised(earliest(self._timers.next(), self.listener.deadline()))

    def _emit(self) -> list[Effect]:
        out = self._out[:]
        self._out.clear()
        return out

    def _due(self, due: Any, now: float) -> None:
        if due == "drain":
            text = f"the drain took too long: {self._left_over()}"
            self._out.append(Notice("drain_cut", text))
            self._say_bye(now)
        elif due == "bye":
            self._leave()
        # For "linger", this turn was what it wanted.

    # -- who dials us -------------------------------------------------------------------------

    def client_opened(self, client: Client, hello: Hello, now: float) -> None:
        """A session began: say what we are, and what of it we have."""
        taken = None
        if self.state in (SERVING, DRAINING):
            if client.role == "producer":
                producer_id = hello.producer_id or client.node_id
                taken = self._roll.connect(client.node_id, producer_id, client.label).taken()
            elif client.role == "worker":
                self._carriers.opened(client)
        introduction = welcome.of_sink(self._config, hello, taken)
        introduction.neighbours = self.listener.news_for(client)
        self.listener.send(client, introduction)
        if self.state == DRAINING:
            self._send_off(client)
        elif self.state == LEAVING:
            self.listener.send(client, Bye())
        del now

    def client_message(self, client: Client, message: Message, now: float) -> None:
        """What a node says that dialled us."""
        if isinstance(message, Results):
            carrier = self._carriers.get(client.node_id)
            if carrier is not None and self.state in (SERVING, DRAINING):
                self._results(carrier, message, now)
                return
        elif self._answers.observer_message(client, message):
            return
        collected = self._roll.of_node(client.node_id)
        handler = self._messages.get(type(message))
        if collected is not None and handler is not None:
            handler(client, collected, message)
            return
        self.listener.counters.strays += 1

    def client_renewed(self, client: Client, now: float) -> None:
        """It lives; nothing here depends on it."""

    def client_lost(self, client: Client, now: float) -> None:
        """What it sent is stored all the same."""
        self._carriers.lost(client.node_id)
        self._roll.disconnect(client.node_id)
        del now

    # -- what workers say ---------------------------------------------------------------------

    def _results(self, carrier: Carrier, results: Results, now: float) -> None:
        sizes = [size_of(parcel) for parcel in results.parcels]
        count = sum(len(parcel.sink_seqs) for parcel in results.parcels)
        why = self._carriers.objection(carrier, results.batch, count, sum(sizes))
        if why:
            self.counters["refused"] += 1
            self.listener.refuse(carrier.client, "order", why, now)
            return
        shelf = self._shelf
        before = shelf.put_count
        for parcel, size_bytes in zip(results.parcels, sizes, strict=True):
            collected = self._roll.of(parcel.producer_id)
            end = collected.end
            kept = collected.receive(parcel)
            if kept is None:
                continue
            if collected.end is not end:
                self._roll.changed()
            shelf.put(collected, kept, size_bytes if kept is parcel else size_of(kept), now)
        self._carriers.took(carrier, results.batch, count, sum(sizes), shelf.put_count)
        self.counters["received"] += count
        self.counters["duplicates"] += count - (shelf.put_count - before)
        self._pressed = self._pressed or carrier.is_pressed

    # -- what producers say -------------------------------------------------------------------

    def _have(self, client: Client, collected: Collected, have: Have) -> None:
        self.listener.send(client, Has(have.request, collected.states(have.sink_seqs)))

    def _floor(self, client: Client, collected: Collected, floor: Floor) -> None:
        if collected.raise_floor(floor.sink_seq) and self._config.inbox:
            self._floors[collected.producer_id] = collected.floor
            if len(self._floors) > _FLOORS_MAX:
                del self._floors[next(iter(self._floors))]
        del client

    def _end(self, client: Client, collected: Collected, end: End) -> None:
        collected.finish(end, client.node_id)
        self._roll.changed()
        self._ending[collected.producer_id] = collected

    def _send_ends(self) -> None:
        for collected in [c for c in self._ending.values() if not c.held]:
            del self._ending[collected.producer_id]
            for node_id, end in collected.ending.items():
                self.listener.send(self.listener.clients[node_id], collected.ended(end))
            collected.ending.clear()
            # (If it went on meanwhile, there will be another end.)
            if collected.end is not None and (notice := reports.of_end(collected, collected.end)):
                self._out.append(notice)

    # -- storing ------------------------------------------------------------------------------

    def _deliver(self, now: float) -> None:
        """Hand over what is due, one batch at a time."""
        shelf = self._shelf
        if shelf.load is not None or not shelf:
            return
        due_at = shelf.oldest_at + self._config.linger
        if now < due_at and len(shelf) < self._config.batch and not self._is_pressed():
            self._timers.set("linger", due_at)
            return
        self._timers.cancel("linger")
        load = shelf.take(self._config.batch)
        if not shelf:
            self._pressed = False
        self._number += 1
        self.counters["batches"] += 1
        marks = Marks(load.taken(), self._floors)
        self._floors = {}
        self._out.append(Deliver(self._number, load.parcels, marks))

    def _is_pressed(self) -> bool:
        """Whether somebody waits for what is on the shelf."""
        if self._pressed or self._ending or self.state == DRAINING:
            return True
        return self._is_enough(len(self._shelf))

    def _is_enough(self, more: int = 0) -> bool:
        """Whether as many results are stored as were expected, with so many more."""
        expected = self._expected
        return expected is not None and expected <= self.counters["stored"] + more

    def _stored(self, event: Stored, now: float) -> None:
        load = self._shelf.load
        if load is None or event.number != self._number:
            return
        self._shelf.stored(load)
        self.counters["stored"] += load.count
        del now

    def _store_failed(self, event: StoreFailed, now: float) -> None:
        if self._shelf.load is None or event.number != self._number:
            return
        self.counters["failures"] += 1
        if not event.fatal:
            return
        text = f"the sink gives up ({self._left_over()}): {event.text}"
        self._out.append(Notice("store_failed", text))
        if self.state in (SERVING, DRAINING):
            self._say_bye(now)

    def _left_over(self) -> str:
        """What becomes of results when the sink leaves before they are stored."""
        count, stored = self._shelf.held[0], self.counters["stored"]
        return f"{stored} results are stored, {count} stay with their workers"

    # -- what leaves --------------------------------------------------------------------------

    def _send_acks(self) -> None:
        for carrier, batch in self._carriers.stored(self._shelf.stored_count).items():
            self.listener.send(carrier.client, ResultsAck(batch))

    def _grant(self) -> None:
        for carrier, count, size_bytes in self._carriers.grants():
            self.listener.send(carrier.client, Credit(count, size_bytes))

    def _look_whether_complete(self, now: float) -> None:
        if self._roll.forgotten and self._config.inbox and not self._told_forgotten:
            self._told_forgotten = True
            self._out.append(reports.of_forgotten(INBOX_PRODUCERS_MAX))
        enough = self._is_enough()
        complete = enough or (self._roll.is_complete and not self._shelf.held[0])
        if complete != self._complete:
            self._complete = complete
            self._out.append(MarkComplete(complete))
        if enough or (complete and self._config.once):
            self._drain(now)

    # -- leaving ------------------------------------------------------------------------------

    def _drain_requested(self, event: DrainRequested, now: float) -> None:
        if self.state == SERVING:
            self._drain(now)
        del event

    def _drain(self, now: float) -> None:
        self.state = DRAINING
        self._timers.set("drain", now + max(0.001, self._config.drain_timeout))
        for client in self.listener.clients.values():
            self._send_off(client)

    def _send_off(self, client: Client) -> None:
        self.listener.send(client, Draining())
        if client.role == "worker":
            self.listener.send(client, Credit(0, 0))

    def _stop_requested(self, event: StopRequested, now: float) -> None:
        if self.state in (SERVING, DRAINING):
            self._say_bye(now)
        elif self.state == LEAVING:
            self._leave()
        del event

    def _say_bye(self, now: float) -> None:
        self.state = LEAVING
        for due in ("linger", "drain"):
            self._timers.cancel(due)
        self._timers.set("bye", now + _BYE_TIMEOUT)
        for client in self.listener.clients.values():
            self.listener.send(client, Bye())

    def _is_awaited(self) -> bool:
        """Whether somebody can still answer our BYE."""
        clients = self.listener.clients.values()
        return any(client.link is not None and client.role != "observer" for client in clients)

    def _leave(self) -> None:
        self.state = GONE
        self._timers.cancel("bye")
        self._out.append(Left())

    # -- what people are told -----------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Plain values, as `portrait.of_sink` has them."""
        return portrait.of_sink(
            self._config,
            self.state,
            self._shelf.held,
            self._roll.met.values(),
            self._carriers,
            self.counters,
        )
