"""The orders that an observer has given, and that are not answered yet."""

from __future__ import annotations

from dataclasses import replace

from zmqwork.core.dialer import Dialer
from zmqwork.core.effects import Answer, Effect
from zmqwork.core.events import OrderRequested
from zmqwork.core.messages import OBEY, Welcome
from zmqwork.core.orders import REFUSED, SILENT, VERBS, Order, Ordered
from zmqwork.core.peer import OPEN, Peer

# Orders that are open at the same time; the application waits for most of them one by one.
ORDERS_MAX = 1024


class _Open:
    """One of them: who is to obey, until when, and over which link it was said (0: none yet)."""

    __slots__ = ("give_up_at", "link", "node_id", "order", "request")

    def __init__(self, asked: OrderRequested, order: Order, now: float) -> None:
        self.request = asked.request
        self.node_id = asked.node_id
        self.order = order
        self.give_up_at = now + asked.patience
        self.link = 0


class Commissions:
    """Says orders to those who are to obey, and hears what came of them. Bound: ORDERS_MAX.

    An order that was said in a session that has ended is said again if it only asks: of another
    one nobody knows whether it was obeyed.
    """

    __slots__ = ("_able", "_dialer", "_number", "_open", "_out")

    def __init__(self, dialer: Dialer, out: list[Effect]) -> None:
        self._dialer = dialer
        self._out = out
        self._open: dict[int, _Open] = {}
        self._number = 0
        # The links over which orders are answered. Bound: the dialer's peers, one each.
        self._able: dict[str, int] = {}

    def requested(self, event: OrderRequested, now: float) -> None:
        """Say an order as soon as its node is there."""
        if len(self._open) >= ORDERS_MAX:
            text = f"{ORDERS_MAX} orders are open: wait for some"
            self._out.append(Answer(event.request, Ordered(0, REFUSED, text)))
            return
        self._number += 1
        self._open[self._number] = given = _Open(
            event, replace(event.order, request=self._number), now
        )
        for peer in self._dialer.peers.values():
            if peer.stage == OPEN and peer.node_id.startswith(given.node_id):
                self._say(given, peer)
                return

    def opened(self, peer: Peer, welcome: Welcome) -> None:
        """A session began."""
        if OBEY in welcome.can:
            self._able[peer.key] = peer.link
        for given in self._of(peer):
            self._say(given, peer)

    def gone(self, peer: Peer, why: str) -> None:
        """This node will not answer any more."""
        self._able.pop(peer.key, None)
        for given in self._of(peer):
            self._answer(given, SILENT, f"{peer.label} {why} before it has answered")

    def ordered(self, peer: Peer, message: Ordered) -> None:
        """A node tells what came of an order."""
        given = self._open.get(message.request)
        if given is not None and peer.node_id.startswith(given.node_id):
            del self._open[message.request]
            self._out.append(Answer(given.request, message))

    def tick(self, now: float) -> None:
        """Give up on those whose time is over."""
        for given in [given for given in self._open.values() if given.give_up_at <= now]:
            said = "did not answer" if given.link else "could not be reached"
            self._answer(given, SILENT, f"node {given.node_id[:8]} {said} in time")

    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        return min((given.give_up_at for given in self._open.values()), default=None)

    def _of(self, peer: Peer) -> list[_Open]:
        return [given for given in self._open.values() if peer.node_id.startswith(given.node_id)]

    def _say(self, given: _Open, peer: Peer) -> None:
        if self._able.get(peer.key) != peer.link:
            text = f"{peer.label} takes no orders: it has an older version of zmqwork"
            self._answer(given, REFUSED, text)
            return
        verb = VERBS.get((peer.role, given.order.verb))
        if given.link and (verb is None or verb.writes):
            text = f"the session with {peer.label} ended: it may have been done, or not; look"
            self._answer(given, SILENT, text)
            return
        given.link = peer.link
        self._dialer.send(peer, given.order)

    def _answer(self, given: _Open, code: str, text: str) -> None:
        del self._open[given.order.request]
        self._out.append(Answer(given.request, Ordered(given.order.request, code, text)))
