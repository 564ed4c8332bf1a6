"""The observer's machine: dials everybody, asks each for its status, answers when all are in.

What it lets somebody do is in `commissions`.
"""

from __future__ import annotations

from random import Random
from typing import Any

from zmqwork.config import NodeConfig
from zmqwork.core.commissions import Commissions
from zmqwork.core.dialer import Dialer
from zmqwork.core.effects import Answer, Effect, Left
from zmqwork.core.events import (
    DrainRequested,
    Event,
    OrderRequested,
    StatusRequested,
    StopRequested,
)
from zmqwork.core.lifecycle import LEFT, LOST, NEW, REFUSED
from zmqwork.core.messages import Info, Message, Status, Welcome
from zmqwork.core.orders import Ordered
from zmqwork.core.peer import DIALING, GREETING, OPEN, Peer


class Watcher:
    """An observer. Bound: one status per peer of its dialer; requests are the application's.

    Requests that come while one is open are answered together with it; one with another question
    lets those before it be answered at once, with what was heard so far.

    Attributes:
        patience: seconds to wait for those that do not answer.
        settle_delay: seconds to wait for further peers to be found.
    """

    def __init__(
        self,
        config: NodeConfig,
        random: Random,
        *,
        patience: float = 2.0,
        settle_delay: float = 0.3,
    ) -> None:
        self._out: list[Effect] = []
        self.dialer = Dialer(config, "observer", self, self._out, random)
        self._commissions = Commissions(self.dialer, self._out)
        self._patience = patience
        self._settle_delay = settle_delay
        self._statuses: dict[str, dict[str, Any]] = {}
        self._requests: list[object] = []
        self._asked_at = 0.0
        # The question: its number on the wire, and whose task it is about.
        self._number = 1
        self._seq = 0
        self._producer = ""

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take an event."""
        if isinstance(event, StatusRequested):
            self._requested(event, now)
        elif isinstance(event, OrderRequested):
            self._commissions.requested(event, now)
        elif isinstance(event, StopRequested | DrainRequested):
            self.dialer.farewell()
            self._out.append(Left())
        else:
            self.dialer.handle(event, now)
        return self._emit()

    def _requested(self, event: StatusRequested, now: float) -> None:
        if (event.producer, event.seq or 0) != (self._producer, self._seq):
            self._answer()
            self._number += 1
            self._producer, self._seq = event.producer, event.seq or 0
        self._requests.append(event.request)
        self._asked_at = now
        self._statuses.clear()
        for peer in self.dialer.peers.values():
            if peer.stage == OPEN:
                self._ask(peer)

    def _ask(self, peer: Peer) -> None:
        seq = self._seq if self._is_meant(peer.node_id) else 0
        self.dialer.send(peer, Info(self._number, seq))

    def _is_meant(self, node_id: str) -> bool:
        """Whether this is the one producer that is asked about a task of its own."""
        return bool(self._producer) and node_id.startswith(self._producer)

    def tick(self, now: float) -> list[Effect]:
        """Answer when everybody was heard, or the time is over."""
        self.dialer.tick(now)
        self._commissions.tick(now)
        if self._requests and self._is_complete(now):
            self._answer()
        return self._emit()

    def _answer(self) -> None:
        unheard = [_silent(p) for p in self.dialer.peers.values() if not self._is_heard(p)]
        found_by: dict[str, list[dict[str, str]]] = {}
        for peer in self.dialer.peers.values():
            found = {"source": peer.source, "endpoint": peer.endpoint}
            found_by.setdefault(peer.node_id, []).append(found)
        nodes = [
            {**status, "found_by": found_by.get(node_id, [])}
            for node_id, status in self._statuses.items()
        ]
        answer = {"nodes": nodes, "unheard": unheard}
        self._out.extend(Answer(request, answer) for request in self._requests)
        self._requests.clear()

    def _is_heard(self, peer: Peer) -> bool:
        return peer.node_id in self._statuses

    def deadline(self) -> float | None:
        """The next instant at which `tick` has something to do without an event."""
        instants = [self.dialer.deadline(), self._commissions.deadline()]
        if self._requests:
            settled_at = self._asked_at + self._settle_delay
            instants.append(
                settled_at if self._ticks_before(settled_at) else self._asked_at + self._patience
            )
        return min((at for at in instants if at is not None), default=None)

    def _ticks_before(self, settled_at: float) -> bool:
        return self._ticked_at < settled_at

    _ticked_at = 0.0

    def _is_complete(self, now: float) -> bool:
        self._ticked_at = now
        if now >= self._asked_at + self._patience or any(map(self._is_meant, self._statuses)):
            return True
        if now < self._asked_at + self._settle_delay:
            return False
        return all(
            self._is_heard(peer) or peer.refusal or peer.state in (REFUSED, LOST, LEFT)
            for peer in self.dialer.peers.values()
        )

    def _emit(self) -> list[Effect]:
        out = self._out[:]
        self._out.clear()
        return out

    def opened(self, peer: Peer, welcome: Welcome, now: float) -> None:
        """Ask at once."""
        if self._requests:
            self._ask(peer)
        self._commissions.opened(peer, welcome)
        del now

    def message(self, peer: Peer, message: Message, now: float) -> None:
        """Keep what a node says of itself."""
        if isinstance(message, Status) and message.request == self._number:
            self._statuses[peer.node_id] = message.status
        elif isinstance(message, Ordered):
            self._commissions.ordered(peer, message)
        del now

    def suspected(self, peer: Peer, now: float) -> None:
        """The survey goes on without it."""

    def revived(self, peer: Peer, now: float) -> None:
        """The survey goes on with it."""

    def lost(self, peer: Peer, now: float) -> None:
        """The survey goes on without it."""
        self._commissions.gone(peer, "was lost")
        del now

    def left(self, peer: Peer, now: float) -> None:
        """The survey goes on without it."""
        self._commissions.gone(peer, "left")
        del now


def _silent(peer: Peer) -> dict[str, Any]:
    """A peer that did not answer, and what is known of the reason."""
    return {
        "key": peer.key,
        "source": peer.source,
        "endpoint": peer.endpoint,
        "node_id": peer.node_id,
        "name": peer.name,
        "role": peer.role,
        "fingerprint": peer.told_fingerprint,
        "state": peer.state,
        "stage": peer.stage,
        "why": _why_silent(peer),
    }


def _why_silent(peer: Peer) -> str:
    if peer.refusal:
        return f"it refused: {peer.refusal}" if peer.state == REFUSED else peer.refusal
    if peer.state in (LOST, LEFT):
        return "its process is gone" if peer.state == LOST else "it has left"
    if peer.stage == OPEN:
        return f"connected, and {peer.state}, but it did not answer in time"
    if peer.stage == GREETING:
        return "connected, but nobody greets: it hangs, or it is no node"
    if peer.state == NEW and not peer.dials:
        return "not dialled yet: many were found at once, and each waits for its turn"
    return "no connection" if peer.stage == DIALING else "no connection; it is dialled again later"
