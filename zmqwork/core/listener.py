"""Sessions on the bound side: who opened a link to us, said HELLO, and is still there.

A **client** is a node that dialled us. It may dial again at any time: HELLOs carry a session
number, the newest wins, and what still comes over an older link is dropped and counted. (Messages
of a peer that vanished do survive on the bound side, and are read after its next HELLO: measured.)
Heartbeats go out on every link; the echo of one renews the lease of what the client gave us. A
HELLO renews nothing, because it may have waited here for long while we slept: what comes after
it shows that the client had our WELCOME, so that is the first heartbeat of a session.

Whatever link spoke and has no session, or loses it, is forgotten by an effect: nothing that it
began to send is kept.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol, cast

from zmqwork.config import PROTOCOL_MAX, PROTOCOL_MIN, NodeConfig
from zmqwork.core import numbering
from zmqwork.core.effects import Effect, Forget, Notice, Send
from zmqwork.core.events import Event
from zmqwork.core.link_events import (
    Garbled,
    LinkDown,
    PeerForgotten,
    PeerFound,
    Received,
)
from zmqwork.core.links import LinkCounters
from zmqwork.core.messages import (
    TAKE_PROGRESS,
    Bye,
    Hello,
    Message,
    Neighbour,
    Ping,
    Pong,
    Refused,
)
from zmqwork.core.neighbours import Neighbours
from zmqwork.core.numbering import Numbering
from zmqwork.core.timers import Timers

CLIENTS_MAX = 4096
_PINGS_REMEMBERED = 64


class Client:
    """A node that dialled us.

    Attributes:
        lease_from: our send time of the newest PING that it echoed, or of a WELCOME that it had.
        welcomed_at: our send time of the WELCOME of this session.
        hears_progress: whether it is a producer that takes PROGRESS.
    """

    __slots__ = (
        "epoch",
        "heard_at",
        "hears_progress",
        "lease_from",
        "link",
        "name",
        "node_id",
        "numbers",
        "ping_sequence",
        "pings",
        "role",
        "session",
        "told",
        "welcomed_at",
    )

    def __init__(self, hello: Hello) -> None:
        self.node_id = hello.node_id
        self.role = hello.role
        self.name = hello.name
        self.epoch = hello.epoch
        self.hears_progress = TAKE_PROGRESS in hello.can
        self.session = 0
        self.told = 0  # of our neighbours, in this session
        self.link: bytes | None = None
        self.numbers = Numbering()
        self.heard_at = 0.0
        self.lease_from = float("-inf")
        self.welcomed_at = 0.0
        self.ping_sequence = 0
        self.pings: deque[tuple[int, float]] = deque(maxlen=_PINGS_REMEMBERED)

    @property
    def label(self) -> str:
        """How people tell it apart."""
        return f"{self.name}#{self.node_id[:4]}"


class Clients(Protocol):
    """What a listener tells its machine."""

    def client_opened(self, client: Client, hello: Hello, now: float) -> None:
        """A session began: answer with a WELCOME."""

    def client_message(self, client: Client, message: Message, now: float) -> None:
        """Something that it said."""

    def client_renewed(self, client: Client, now: float) -> None:
        """Its lease was renewed."""

    def client_lost(self, client: Client, now: float) -> None:
        """It left, or is given up."""


class Listener:
    """All nodes that dialled us. Bound: CLIENTS_MAX; further ones are refused."""

    def __init__(self, config: NodeConfig, clients: Clients, out: list[Effect]) -> None:
        self._config = config
        self._health = config.health
        self._machine = clients
        self._out = out
        self._timers = Timers()
        self.clients: dict[str, Client] = {}
        self._by_link: dict[bytes, Client] = {}
        self.neighbours = Neighbours()
        self.counters = LinkCounters()

    def send(self, client: Client, message: Message) -> None:
        """Send to a client that has a link; without one the message is not needed any more."""
        if client.link is not None:
            self._out.append(Send(client.link, client.numbers.next(), message))

    def refuse(self, client: Client, code: str, text: str, now: float) -> None:
        """End the session of a client, which then may begin another one."""
        if client.link is not None:
            self._reset(client.link, code, text, now)

    def handle(self, event: Event, now: float) -> bool:
        """Take an event that is about a link opened to us; False if it is not."""
        match event:
            case Received(link=bytes() as link, messages=messages):
                self._received(link, messages, now)
            case LinkDown(link=bytes() as link):
                self._link_down(link, now)
            case Garbled(link=bytes() as link):
                self.counters.garbled += 1
                self._reset(link, "order", event.why, now)
            case PeerFound():
                self.neighbours.found(
                    event.key, event.node_id, event.role, event.endpoints, event.fingerprint
                )
            case PeerForgotten():
                self.neighbours.forget(event.key)
            case _:
                return False
        return True

    def news_for(self, client: Client) -> list[Neighbour]:
        """The neighbours that this client was not told of yet; some of them, if they are many."""
        news, client.told = self.neighbours.news(client.told, client.node_id, client.role)
        return news

    def forgive(self, lag: float, now: float) -> None:
        """We did not listen for `lag` seconds: nobody is to blame for that silence."""
        for client in self.clients.values():
            client.heard_at = min(now, client.heard_at + lag)

    def tick(self, now: float) -> None:
        """Do what is due."""
        for due in self._timers.due(now):
            what, node_id = cast("tuple[str, str]", due)
            client = self.clients.get(node_id)
            if client is None:
                continue
            if what == "ping":
                self._ping(client, now)
            elif what == "judge":
                self._judge(client, now)
            else:  # "gone"
                self._lose(client, "did not come back", now)

    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        return self._timers.next()

    # -- links --------------------------------------------------------------------------------

    def _received(self, link: bytes, messages: list[tuple[int, Message]], now: float) -> None:
        known = self._by_link.get(link)
        if known is not None:
            known.heard_at = now  # even if all that came is a part of a message
        for number, message in messages:
            client = self._by_link.get(link)
            if client is None:
                if number == 1 and isinstance(message, Hello):
                    self._hello(link, message, now)
                else:
                    # Left over from an older link (then nobody reads the answer), or from a
                    # client that we gave up on: it must greet again.
                    self.counters.strays += 1
                    self._refuse(link, "order", "there is no session here: say HELLO first")
                continue
            verdict = client.numbers.judge(number)
            if verdict == numbering.FRESH:
                self._message(client, message, now)
            elif verdict == numbering.OLD:
                self.counters.repeats += 1
            else:
                self.counters.gaps += 1
                self._reset(link, "gap", "a message is missing", now)

    def _hello(self, link: bytes, hello: Hello, now: float) -> None:
        realm = self._config.realm
        low, high = hello.protocol
        if high < PROTOCOL_MIN or low > PROTOCOL_MAX:
            ours = f"{PROTOCOL_MIN} to {PROTOCOL_MAX}"
            self._refuse(
                link, "protocol", f"this node speaks protocol {ours}, you speak {low} to {high}"
            )
            return
        if hello.realm != realm:
            self._refuse(link, "realm", f"this node belongs to {realm!r}, not to {hello.realm!r}")
            return
        client = self.clients.get(hello.node_id)
        if client is None:
            if len(self.clients) >= CLIENTS_MAX:
                self._refuse(link, "full", f"this node has {CLIENTS_MAX} clients already")
                return
            client = self.clients[hello.node_id] = Client(hello)
        elif (hello.epoch, hello.session) <= (client.epoch, client.session):
            self.counters.strays += 1  # an older link, read late
            self._out.append(Forget(link))
            return
        if client.link is not None:
            # (Nobody reads this there, most likely.)
            self._refuse(client.link, "order", "a newer session took the place of this one")
            del self._by_link[client.link]
        client.link = link
        client.session = hello.session
        client.epoch = hello.epoch
        client.hears_progress = TAKE_PROGRESS in hello.can
        client.name = hello.name  # another process of a producer may have another one
        client.numbers = Numbering()
        client.numbers.received = 1
        client.heard_at = client.welcomed_at = now
        client.pings.clear()
        client.told = 0
        self._by_link[link] = client
        self.counters.sessions += 1
        health = self._health
        self._timers.cancel(("gone", client.node_id))
        self._timers.set(("judge", client.node_id), now + health.runtime_timeout)
        self._machine.client_opened(client, hello, now)
        self._ping(client, now)  # whose echo lets begin at once what is held from before

    def _message(self, client: Client, message: Message, now: float) -> None:
        if client.lease_from < client.welcomed_at:
            client.lease_from = client.welcomed_at
            self._machine.client_renewed(client, now)
        match message:
            case Ping():
                self.send(client, Pong(message.sequence))
            case Pong():
                self._echoed(client, message.sequence, now)
            case Bye():
                self._forget(client, now)
            case Hello():
                self.counters.strays += 1
            case _:
                self._machine.client_message(client, message, now)

    def _echoed(self, client: Client, sequence: int, now: float) -> None:
        pings = client.pings
        while pings and pings[0][0] <= sequence:
            number, sent_at = pings.popleft()
            if number == sequence:
                client.lease_from = sent_at
                self._machine.client_renewed(client, now)

    def _link_down(self, link: bytes, now: float) -> None:
        self._out.append(Forget(link))
        client = self._by_link.pop(link, None)
        if client is None:
            return
        client.link = None
        for what in ("ping", "judge"):
            self._timers.cancel((what, client.node_id))
        self._timers.set(("gone", client.node_id), now + self._health.lost_timeout)

    def _reset(self, link: bytes, code: str, text: str, now: float) -> None:
        """Ask for a fresh session; until then the link is mute."""
        self._send_refusal(link, code, text)
        self._link_down(link, now)

    def _refuse(self, link: bytes, code: str, text: str) -> None:
        self._send_refusal(link, code, text)
        self._out.append(Forget(link))

    def _send_refusal(self, link: bytes, code: str, text: str) -> None:
        """Say no. It ends the link's session, so its number is of no account."""
        self.counters.refused += 1
        self._out.append(Send(link, 1, Refused(code, text)))

    # -- time ---------------------------------------------------------------------------------

    def _ping(self, client: Client, now: float) -> None:
        client.ping_sequence += 1
        client.pings.append((client.ping_sequence, now))
        self.send(client, Ping(client.ping_sequence, neighbours=self.news_for(client)))
        self._timers.set(("ping", client.node_id), now + self._health.heartbeat_interval)

    def _judge(self, client: Client, now: float) -> None:
        # Producers share their process with user code, so a silent one gets the longer bound.
        lost_at = client.heard_at + self._health.runtime_timeout
        if now >= lost_at:
            self._lose(client, f"silent for {now - client.heard_at:.1f} s", now)
        else:
            self._timers.set(("judge", client.node_id), lost_at)

    def _lose(self, client: Client, why: str, now: float) -> None:
        data = {"node_id": client.node_id, "name": client.name, "role": client.role}
        self._out.append(
            Notice("client_lost", f"{client.role} {client.label} is lost: {why}", data)
        )
        self._forget(client, now)

    def _forget(self, client: Client, now: float) -> None:
        del self.clients[client.node_id]
        if client.link is not None:
            del self._by_link[client.link]
            self._out.append(Forget(client.link))
            client.link = None
        for what in ("ping", "judge", "gone"):
            self._timers.cancel((what, client.node_id))
        self._machine.client_lost(client, now)
