"""Rosters that observers bring to a node, which its shell looks at: who is told what came of it."""

from __future__ import annotations

from zmqwork.core.client import Client
from zmqwork.core.effects import Effect, TakeRoster
from zmqwork.core.events import RosterTaken
from zmqwork.core.listener import Listener
from zmqwork.core.orders import REFUSED, Order, Ordered


class Rosters:
    """Hands them on, and answers. Holds nothing: whom to answer travels with each.

    Args:
        listener: where observers are.
        out: where effects go.
    """

    __slots__ = ("_listener", "_out")

    def __init__(self, listener: Listener, out: list[Effect]) -> None:
        self._listener = listener
        self._out = out

    def brought(self, client: Client, order: Order) -> None:
        """An observer brings one."""
        self._out.append(TakeRoster(order.data[0], (client, order.request)))

    def taken(self, event: RosterTaken, now: float) -> None:
        """It was kept, or was not."""
        client, request = event.request
        if event.refusal:
            answer = Ordered(request, REFUSED, event.refusal)
        else:
            value = {"before": event.before, "serial": event.serial, "written": event.written}
            answer = Ordered(request, value=value)
        self._listener.send(client, answer)
        del now
