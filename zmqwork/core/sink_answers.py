"""What a sink answers to those who ask how it is, and what observers order it to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zmqwork.core.client import Client
from zmqwork.core.effects import Answer, Effect
from zmqwork.core.events import RosterTaken, StatusRequested
from zmqwork.core.listener import Listener
from zmqwork.core.messages import Info, Message, Status
from zmqwork.core.orders import SINK, Order, refusal
from zmqwork.core.rosters import Rosters


class SinkAnswers:
    """Answers for a sink.

    Args:
        status: what it says of itself.
        listener: where observers are.
        out: where effects go.
    """

    __slots__ = ("_listener", "_out", "_rosters", "_status")

    def __init__(
        self, status: Callable[[], dict[str, Any]], listener: Listener, out: list[Effect]
    ) -> None:
        self._status = status
        self._listener = listener
        self._out = out
        self._rosters = Rosters(listener, out)

    def observer_message(self, client: Client, message: Message) -> bool:
        """Answer a question, or obey an order; False if it is neither."""
        if isinstance(message, Info):
            self._listener.send(client, Status(message.request, self._portrait()))
        elif isinstance(message, Order) and client.role == "observer":
            self._order(client, message)
        else:
            return False
        return True

    def _order(self, client: Client, order: Order) -> None:
        """There is one thing that it can be told, to take a roster."""
        answer = refusal(SINK, order)
        if answer is None:
            self._rosters.brought(client, order)
        else:
            self._listener.send(client, answer)

    def roster_taken(self, event: RosterTaken, now: float) -> None:
        """The shell has looked at a roster."""
        self._rosters.taken(event, now)

    def status_requested(self, event: StatusRequested, now: float) -> None:
        """The application asks."""
        self._out.append(Answer(event.request, self._portrait()))
        del now

    def _portrait(self) -> dict[str, Any]:
        return self._listener.trust.status() | self._status()
