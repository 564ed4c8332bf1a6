"""What a worker answers to those who ask how it is, and what observers order it to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from zmqwork.config import WorkerConfig
from zmqwork.core import portrait
from zmqwork.core.client import Client
from zmqwork.core.clients import Account
from zmqwork.core.deliverer import Deliverer
from zmqwork.core.departure import DRAINING, SERVING, Departure
from zmqwork.core.effects import Answer, Effect, ShowStacks, Withdraw
from zmqwork.core.events import DrainRequested, RosterTaken, StatusRequested
from zmqwork.core.fitness import Fitness
from zmqwork.core.listener import Listener
from zmqwork.core.messages import Info, Message, Status
from zmqwork.core.orders import ROSTER, WORKER, Order, Ordered, refusal
from zmqwork.core.rosters import Rosters
from zmqwork.core.slots import Slot
from zmqwork.core.window import Window
from zmqwork.core.worker_requests import StacksRequested


class WorkerAnswers:
    """Answers from what the worker's parts know.

    Args:
        config: the worker's.
        accounts: its producers, by node id.
        slots, deliverer, departure, fitness, window, listener: its parts.
        counters: what it has counted.
        out: where effects go.
    """

    __slots__ = (
        "_accounts", "_config", "_counters", "_deliverer", "_departure", "_fitness", "_listener",
        "_out", "_rosters", "_slots", "_window",
    )  # fmt: skip

    def __init__(
        self,
        config: WorkerConfig,
        accounts: Mapping[str, Account],
        slots: Collection[Slot],
        deliverer: Deliverer,
        departure: Departure,
        fitness: Fitness,
        window: Window,
        listener: Listener,
        counters: Mapping[str, int],
        out: list[Effect],
    ) -> None:
        self._config = config
        self._accounts = accounts
        self._slots = slots
        self._deliverer = deliverer
        self._departure = departure
        self._fitness = fitness
        self._window = window
        self._listener = listener
        self._counters = counters
        self._out = out
        self._rosters = Rosters(listener, out)

    def observer_message(self, client: Client, message: Message, now: float) -> bool:
        """Answer a question, or obey an order; False if it is neither."""
        if isinstance(message, Info):
            self._listener.send(client, Status(message.request, self.status()))
        elif isinstance(message, Order) and client.role == "observer":
            self._order(client, message, now)
        else:
            return False
        return True

    def _order(self, client: Client, order: Order, now: float) -> None:
        """It can be told to drain, and to take a roster."""
        answer = refusal(WORKER, order)
        if answer is None and order.verb == ROSTER:
            self._rosters.brought(client, order)
            return
        if answer is None:
            answer = Ordered(order.request, value={"state": DRAINING})
            if self._departure.state == SERVING:
                self._out.append(Withdraw())
                self._departure.drain_requested(DrainRequested(), now)
        self._listener.send(client, answer)

    def roster_taken(self, event: RosterTaken, now: float) -> None:
        """The shell has looked at a roster."""
        self._rosters.taken(event, now)

    def status_requested(self, event: StatusRequested, now: float) -> None:
        """The application asks."""
        self._out.append(Answer(event.request, self.status()))
        del now

    def stacks_requested(self, event: StacksRequested, now: float) -> None:
        """Somebody wants to see what the slots do."""
        busy = {slot.index: portrait.of_slot(slot, now) for slot in self._slots if slot.given}
        self._out.append(ShowStacks(busy))
        del event

    def status(self) -> dict[str, Any]:
        """What it says of itself; plain values."""
        return self._listener.trust.status() | portrait.of_worker(
            self._config,
            self._departure.state,
            (self._departure.cause, self._fitness.why),
            self._slots,
            self._accounts.values(),
            self._window.round_trip,
            self._deliverer.outboxes.status(),
            self._counters,
        )
