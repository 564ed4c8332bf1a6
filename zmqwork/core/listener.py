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

from collections.abc import Callable
from typing import cast

from zmqwork.config import PROTOCOL_MAX, PROTOCOL_MIN, NodeConfig
from zmqwork.core import numbering
from zmqwork.core.client import Client, Clients
from zmqwork.core.effects import Effect, Forget, Notice, Send, Suspend
from zmqwork.core.events import Event
from zmqwork.core.link_events import (
    Garbled,
    LinkDown,
    PeerForgotten,
    PeerFound,
    Received,
    Rostered,
)
from zmqwork.core.links import LinkCounters
from zmqwork.core.messages import (
    TAKE_PROGRESS,
    Bye,
    Hello,
    Info,
    Message,
    Neighbour,
    Ping,
    Pong,
    Refused,
)
from zmqwork.core.neighbours import Neighbours
from zmqwork.core.numbering import Numbering
from zmqwork.core.overruns import Overruns
from zmqwork.core.rebinding import DUE, Rebinding
from zmqwork.core.timers import Timers
from zmqwork.core.trust import SUSPENSION, Trust

CLIENTS_MAX = 4096


class Listener:
    """All nodes that dialled us. Bound: CLIENTS_MAX; further ones are refused.

    What a node says counts if the key that said it may say it: `trust` knows. A key that offends
    again and again is suspended; if it does not stop, every connection is ended.
    """

    def __init__(
        self,
        config: NodeConfig,
        role: str,
        clients: Clients,
        out: list[Effect],
        trust: Trust | None = None,
    ) -> None:
        self._config = config
        self._health = config.health
        self._machine = clients
        self._out = out
        self.trust = trust or Trust(role)
        self._heeded = 0  # the trust's generation
        self._timers = Timers()
        self._rebinding = Rebinding(self._timers, out)
        self._overruns = Overruns(out, self.trust)
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
            case Received(link=bytes() as link):
                if self._is_heard(link, event.fingerprint, len(event.messages), now):
                    self._received(link, event, now)
            case LinkDown(link=bytes() as link):
                self._link_down(link, now)
            case Garbled(link=bytes() as link):
                self.counters.garbled += 1
                if self._is_heard(link, event.fingerprint, 1, now):
                    self._reset(link, "order", event.why, now)
                    why = f"sent bytes that are no message: {event.why}"
                    self._blame(event.fingerprint, why, now)
            case Rostered():
                self.trust.learn(event)
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
        if self._heeded != self.trust.generation:
            self._heed(now)
        for due in self._timers.due(now):
            if due == DUE:
                self._rebinding.want(now)
                continue
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

    def _is_heard(self, link: bytes, fingerprint: str, count: int, now: float) -> bool:
        """Whether whoever speaks on a link may speak there."""
        client = self._by_link.get(link)
        if self.trust.knows(fingerprint, now) and (
            # A routing id is no proof: its next owner may have chosen it.
            client is None or client.fingerprint == fingerprint
        ):
            return True
        self.counters.strays += count
        if client is None:
            self._out.append(Forget(link))
        elif self.trust.knows(fingerprint, now):
            self._blame(fingerprint, f"spoke on the link of {client.label}", now)
            return False
        self._rebinding.muted(count, now)
        return False

    def _received(self, link: bytes, received: Received, now: float) -> None:
        known = self._by_link.get(link)
        if known is not None:
            known.heard_at = now  # even if all that came is a part of a message
        for number, message in received.messages:
            client = self._by_link.get(link)
            if client is None:
                if not self.trust.knows(received.fingerprint, now):
                    return  # since one of these messages
                if number == 1 and isinstance(message, Hello):
                    self._hello(link, message, received.fingerprint, now)
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

    def _objection(self, hello: Hello, fingerprint: str) -> tuple[str, str]:
        """Why there can be no session: a code of REFUSED, and a text; empty: there can."""
        realm = self._config.realm
        low, high = hello.protocol
        if high < PROTOCOL_MIN or low > PROTOCOL_MAX:
            ours = f"{PROTOCOL_MIN} to {PROTOCOL_MAX}"
            return "protocol", f"this node speaks protocol {ours}, you speak {low} to {high}"
        if hello.realm != realm:
            return "realm", f"this node belongs to {realm!r}, not to {hello.realm!r}"
        if len(self.clients) >= CLIENTS_MAX and hello.node_id not in self.clients:
            return "full", f"this node has {CLIENTS_MAX} clients already"
        known = self.clients.get(hello.node_id)
        if known is not None and known.role != hello.role:
            return "role", f"this node is a {known.role}"
        why = self.trust.objection(fingerprint, hello.role, hello.node_id, Hello)
        # Under the producer id its tasks are numbered at sinks: it is a member's as well.
        if not why and hello.producer_id:
            owner = self.trust.claim(hello.producer_id, fingerprint)
            why = f"this producer id is that of {owner}" if owner else ""
        return ("role", why) if why else ("", "")

    def _hello(self, link: bytes, hello: Hello, fingerprint: str, now: float) -> None:
        code, why = self._objection(hello, fingerprint)
        if code:
            self._refuse(link, code, why)
            if code == "full":
                self._overruns.tell("clients", fingerprint, why, now)
            if code == "role" and (name := self.trust.name(fingerprint)):
                # No more than a refusal: a node that looks for others greets whoever was named.
                self._notice("offence", fingerprint, f"{name}: {why}")
            return
        client = self.clients.get(hello.node_id)
        if client is None:
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
        client.fingerprint = fingerprint
        client.says = self.trust.heeds(fingerprint, hello.role)
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
            case Ping() | Info() if not client.request_rate.admits(now):
                self.counters.strays += 1
                text = f"{client.role} {client.label} asks for more than is answered"
                self._overruns.tell("requests", client.fingerprint, text, now)
            case Ping():
                self.send(client, Pong(message.sequence))
            case Pong():
                self._echoed(client, message.sequence, now)
            case Bye():
                self._forget(client, now)
            case Hello():
                self.counters.strays += 1
            case _ if type(message) not in client.says:
                verb = type(message).__name__.upper()
                why = f"{client.role} {client.label} said {verb}, which is not for it to say"
                self.counters.strays += 1
                self._blame(client.fingerprint, why, now)
            case _:
                self._machine.client_message(client, message, now)

    def _blame(self, fingerprint: str, why: str, now: float) -> None:
        """An offence: it is told, and after some of them the key is suspended."""
        name = self.trust.name(fingerprint)
        if not name:  # there are no keys: nobody can be held to it
            return
        self.counters.offences += 1
        self._notice("offence", fingerprint, f"{name}: {why}")
        if not self.trust.blame(fingerprint, now):
            return
        self._out.append(Suspend(fingerprint, SUSPENSION, why))
        text = f"{name} is suspended for {SUSPENSION:g} s: {why}"
        self._notice("suspended", fingerprint, text)
        self._end(lambda client: client.fingerprint == fingerprint, now)

    def _notice(self, kind: str, fingerprint: str, text: str) -> None:
        data = {"fingerprint": fingerprint, "member": self.trust.name(fingerprint)}
        self._out.append(Notice(kind, text, data))

    def _heed(self, now: float) -> None:
        """Another roster holds: whoever may not be what it is any more is not heard."""
        self._heeded = self.trust.generation
        for client in self.clients.values():
            client.says = self.trust.heeds(client.fingerprint, client.role)
        self._end(lambda client: Hello not in client.says, now)
        self._rebinding.want(now)

    def _end(self, is_meant: Callable[[Client], bool], now: float) -> None:
        """Give these clients up at once, with what they hold."""
        for client in [client for client in self.clients.values() if is_meant(client)]:
            if client.link is not None:
                self._send_refusal(client.link, "role", "this key is not admitted here any more")
            self._lose(client, "its key is not admitted any more", now)

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
