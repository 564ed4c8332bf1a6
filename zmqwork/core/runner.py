"""The worker's machine: takes attempts, feeds slots, keeps outcomes until they are acked.

What it guarantees to a producer: an attempt that it took is in its inventory until the outcome is
acked or the attempt is returned; an outcome is offered again in every session until it is acked;
nothing is begun on a lease that the producer may have given up on. What is decided where::

    intake     which attempts are taken        feeder     which of them begins next, and where
    lender     how many a producer may have    deliverer  what goes to sinks
    departure  how it drains, stops and leaves orphans    what is kept for a producer that is gone
    leisure    when it has nothing to do       fitness    whether it can do its work
    advances   what handlers say while they run
    news       what producers are told when a turn ends    worker_answers what others are told

Here are the events, and the sessions with producers.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from zmqwork.config import WorkerConfig
from zmqwork.core import welcome
from zmqwork.core.advances import Advances
from zmqwork.core.client import Client
from zmqwork.core.clients import Account
from zmqwork.core.deliverer import Deliverer
from zmqwork.core.delivery import Route
from zmqwork.core.departure import DRAINING, GONE, LEAVING, PAUSED, SERVING, Departure
from zmqwork.core.effects import Effect
from zmqwork.core.events import (
    DrainRequested,
    Event,
    Finished,
    RosterTaken,
    SlotDied,
    SlotFailed,
    SlotReady,
    StatusRequested,
    StopRequested,
    TakenBack,
)
from zmqwork.core.feeder import Feeder
from zmqwork.core.fitness import Fitness
from zmqwork.core.functions import Repertoire
from zmqwork.core.intake import Intake
from zmqwork.core.lag import Lag, earliest
from zmqwork.core.leisure import Leisure
from zmqwork.core.lender import Lender
from zmqwork.core.link_events import PeerForgotten, PeerFound
from zmqwork.core.listener import Listener
from zmqwork.core.messages import (
    Bye,
    Cancel,
    Demand,
    Done,
    DoneAck,
    Draining,
    Hello,
    Message,
    Recall,
    Tasks,
)
from zmqwork.core.news import News
from zmqwork.core.orphans import Orphans
from zmqwork.core.progress import Advanced, PartsAck, Yielded
from zmqwork.core.timers import Timers
from zmqwork.core.trust import Trust
from zmqwork.core.window import Window
from zmqwork.core.worker_answers import WorkerAnswers
from zmqwork.core.worker_requests import (
    StacksRequested,
    UnfitDeclared,
    WorkerPauseRequested,
    WorkerResumeRequested,
)

_COUNTERS = (
    "received", "executed", "failed", "timeouts", "crashes", "returned", "dropped", "duplicates",
    "rejected",
)  # fmt: skip


class Runner:
    """A worker, without its sockets, clock, threads and children."""

    def __init__(self, config: WorkerConfig, random: Random) -> None:
        self._config = config
        self._out: list[Effect] = []
        trust = Trust("worker")
        self.listener = Listener(config, "worker", self, self._out, trust)
        self._accounts: dict[str, Account] = {}
        self._window = Window(config.slots, config.prefetch_max)
        self._timers = Timers()
        self._lender = Lender(config, self._window, self.listener)
        self._lag = Lag(config.health.heartbeat_interval / 2)
        self.counters = dict.fromkeys(_COUNTERS, 0)
        turned: dict[Account, None] = {}
        self._deliverer = deliverer = Deliverer(
            config, random, self.listener, turned, self.counters, self._out, trust
        )
        self._fitness = Fitness(config.unfit_after)
        self._feeder = Feeder(
            config,
            self._timers,
            self._window,
            turned,
            deliverer.fresh,
            self._fitness,
            self.counters,
            self._out,
        )
        self._news = News(
            self._accounts, self._feeder, deliverer, self._lender, self.listener, self._out
        )
        self._advances = advances = Advances(
            self._feeder.slots, self._timers, self.listener, self._out
        )
        known = Repertoire(config.tasks, config.allow)
        self._intake = Intake(known, self._feeder, deliverer, self.listener, self.counters)
        self._orphans = Orphans(self._timers, self._drop)
        self._departure = departure = Departure(
            config,
            self._accounts,
            self._feeder,
            self._intake,
            deliverer,
            self._lender,
            self._orphans,
            self.listener,
            self._timers,
            advances,
            self._news.send,
            self._out,
        )
        self._leisure = Leisure(config, self._accounts, self._timers, departure.is_done)
        self._answers = answers = WorkerAnswers(
            config,
            self._accounts,
            self._feeder.slots,
            deliverer,
            departure,
            self._fitness,
            self._window,
            self.listener,
            self.counters,
            self._out,
        )
        self._slot_handlers: dict[type[Event], Callable[[Any], None]] = {
            Finished: self._feeder.finished,
            Advanced: advances.advanced,
            Yielded: advances.yielded,
            TakenBack: self._feeder.taken_back,
            SlotReady: self._feeder.opened,
            SlotDied: self._feeder.died,
            SlotFailed: lambda event: self._fitness.stillborn(event.text),
            UnfitDeclared: lambda event: self._fitness.declare(event.why),
        }
        self._handlers: dict[type[Event], Callable[[Any, float], None]] = {
            DrainRequested: departure.drain_requested,
            StopRequested: departure.stop_requested,
            WorkerPauseRequested: departure.pause_requested,
            WorkerResumeRequested: departure.resume_requested,
            StatusRequested: answers.status_requested,
            StacksRequested: answers.stacks_requested,
            RosterTaken: answers.roster_taken,
        }
        self._messages: dict[type[Message], Callable[[Account, Any, float], None]] = {
            Tasks: self._tasks,
            DoneAck: lambda account, message, now: self._acked(account, message.batch, now),
            PartsAck: lambda account, message, now: advances.acked(account, message),  # noqa: ARG005
            Cancel: self._cancel,
            Recall: self._intake.recall,
            Demand: self._demand,
            Route: deliverer.route,
        }

    # -- the three verbs ----------------------------------------------------------------------

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take an event."""
        of_slot = self._slot_handlers.get(type(event))
        if of_slot is not None:
            of_slot(event)
        elif (handler := self._handlers.get(type(event))) is not None:
            handler(event, now)
        elif not self.listener.handle(event, now) or isinstance(event, PeerFound | PeerForgotten):
            self._deliverer.handle(event, now)
        return self._emit()

    def tick(self, now: float) -> list[Effect]:
        """Feed the slots and send what this turn piled up."""
        if lag := self._lag.of_turn(now):
            self.listener.forgive(lag, now)
            self._deliverer.dialer.forgive(lag, now)
        self.listener.tick(now)
        self._deliverer.tick(now)
        for due in self._timers.due(now):
            self._due(due, now)
        self._departure.give_back_unbegun()
        if self.state in (SERVING, PAUSED, DRAINING):
            self._feed(now)
        self._advances.send(now)  # ahead of outcomes
        self._news.send(now)
        if self._lender.is_stale and self.state == SERVING:
            there = [a for a in self._accounts.values() if a not in self._orphans]
            self._lender.grant(there, self._feeder.full)
        self._leisure.tick(now, serving=self.state == SERVING)
        if self._fitness.why:
            self._departure.leave("unfit", self._fitness.why, now)
        self._departure.tick(now)
        return self._emit()

    def deadline(self) -> float | None:
        """The next instant at which `tick` has something to do without an event."""
        return self._lag.promised(
            earliest(self._timers.next(), self.listener.deadline(), self._deliverer.deadline())
        )

    @property
    def state(self) -> str:
        """Serving, paused, draining, leaving or gone: see `departure`."""
        return self._departure.state

    def _emit(self) -> list[Effect]:
        out = self._out[:]
        self._out.clear()
        return out

    def _due(self, due: Any, now: float) -> None:
        what, key = due
        if what == "started":
            self._feeder.announce(self._feeder.slots[key], now)
        elif what == "interrupt":
            self._feeder.end_unwanted(self._feeder.slots[key])
        elif what == "alarm":
            self._feeder.overtime.alarm(self._feeder.slots[key], now)
        elif what == "overtime":
            self._feeder.overtime.end(self._feeder.slots[key], now)
        elif what == "orphan":
            self._orphans.due(key, now)
        elif what == "idle" and self._departure.is_done():  # (and nothing came in this turn)
            self._departure.leave(self._leisure.cause, "there is nothing to do", now)
        else:
            self._departure.due(what, now)

    # -- producers ----------------------------------------------------------------------------

    def client_opened(self, client: Client, hello: Hello, now: float) -> None:
        """A session began: say what we are and what we hold."""
        producing = client.role == "producer" and self.state not in (LEAVING, GONE)
        account = self._accounts.get(client.node_id)
        if account is not None and client.epoch < account.epoch:
            # Its HELLO is read late: what is kept here is for the process that came after it.
            self.listener.refuse(client, "order", "a newer process of this node was here", now)
            return
        if producing and account is None:
            account = self._accounts[client.node_id] = Account(client)
        if account is not None:
            self._reclaim(account, client)
        resent = account.resend(now) if account is not None else []
        held: list[list[int]] = []
        if account is not None:
            held = account.inventory() + self._deliverer.outboxes.inventory(account)
        introduction = welcome.of_worker(self._config, hello, held)
        introduction.neighbours = self.listener.news_for(client)
        self.listener.send(client, introduction)
        if account is not None:
            self._resume(account, resent, now)
        if self.state == LEAVING:
            self.listener.send(client, Bye())

    def _reclaim(self, account: Account, client: Client) -> None:
        """The session is another one; perhaps so is the producer's process."""
        self._orphans.reclaim(client.node_id)
        if client.epoch != account.epoch:
            account.begin_epoch(client.epoch)
            self._deliverer.outboxes.begin_epoch(account)
        account.client = client

    def _resume(self, account: Account, resent: list[Done], now: float) -> None:
        client = account.client
        account.backlog = 0
        account.started.clear()  # the inventory said it
        self._lender.forget(account)
        self._advances.resumed(account)
        self._advances.send(now)
        for done in resent:
            self.listener.send(client, done)
        if self.state == DRAINING:
            self.listener.send(client, Draining())

    def client_message(self, client: Client, message: Message, now: float) -> None:
        """What a node says that dialled us."""
        account = self._accounts.get(client.node_id)
        handler = self._messages.get(type(message))
        if account is not None and handler is not None:
            handler(account, message, now)
        elif not self._answers.observer_message(client, message, now):
            self.listener.counters.strays += 1

    def client_renewed(self, client: Client, now: float) -> None:
        """The producer lives: what was parked may begin."""
        account = self._accounts.get(client.node_id)
        if account is not None:
            self._feeder.unpark(account)
        del now

    def client_lost(self, client: Client, now: float) -> None:
        """Drop what is queued; cancel what runs, unless the producer may come back for it."""
        account = self._accounts.get(client.node_id)
        if account is None:
            return
        for held in list(account.held.values()):
            if not (held.begun and account.epoch):
                self._intake.drop(held, now)
        account.parked.clear()
        self._feeder.full.pop(account, None)
        if account.epoch and account.is_owed and self.state in (SERVING, PAUSED):
            self._orphans.keep(account, now)
        else:
            self._drop(account, now)
        self._lender.is_stale = True

    def _drop(self, account: Account, now: float) -> None:
        """Nobody wants the outcomes of this account any more."""
        for held in list(account.held.values()):
            self._intake.drop(held, now)
        del self._accounts[account.client.node_id]
        self._deliverer.outboxes.disown(account)

    # -- what producers say -------------------------------------------------------------------

    def _cancel(self, account: Account, cancel: Cancel, now: float) -> None:
        self._intake.cancel(account, cancel, now)
        self._lender.is_stale = True

    def _tasks(self, account: Account, tasks: Tasks, now: float) -> None:
        self._intake.tasks(account, tasks, now)
        if tasks.ack:
            self._acked(account, tasks.ack, now)

    def _acked(self, account: Account, batch: int, now: float) -> None:
        sent_at = account.acked(batch)
        if sent_at is not None:
            self._window.acked(now - sent_at, now)
            self._lender.is_stale = True

    def _demand(self, account: Account, demand: Demand, now: float) -> None:
        account.backlog = demand.backlog
        self._lender.is_stale = True
        del now

    # -- slots --------------------------------------------------------------------------------

    def _feed(self, now: float) -> None:
        feeder = self._feeder
        if feeder.ready or feeder.full:  # (most turns are heartbeats, and this is O(producers))
            unacked_bytes = sum(account.outbox_bytes for account in self._accounts.values())
            feeder.fill(now, unacked_bytes + self._deliverer.outboxes.weight)
        for held in feeder.expired:
            self._intake.give_back(held.account, [held], "expired")
        feeder.expired.clear()
        feeder.share_out()
        feeder.look(now)
