"""Sessions on the connecting side: dial, greet, beat, suspect, give up, dial again.

A peer has two things that change. Its **link** is at rest, dialling, greeting or open. Its
**state** (`lifecycle.PEER`) is what we believe of the process behind it. A session is one open
link; whatever ends it (the link vanished, a message is missing, silence) makes the peer suspect,
closes the link for good and dials a new one, whose WELCOME tells what survived. Without one
within `gone_timeout`, or with proof that the process is gone, the peer is lost.
"""

from __future__ import annotations

from random import Random
from typing import cast

from zmqwork.config import PROTOCOL_MAX, PROTOCOL_MIN, NodeConfig
from zmqwork.core import numbering
from zmqwork.core.contacts import Contacts
from zmqwork.core.doubts import Doubts
from zmqwork.core.effects import Effect, HangUp, Probe, Send
from zmqwork.core.events import Event
from zmqwork.core.lifecycle import ALIVE, LOST, PEER, SUSPECT
from zmqwork.core.link_events import (
    Garbled,
    LinkDenied,
    LinkDown,
    LinkUp,
    PeerForgotten,
    PeerFound,
    Probed,
    Received,
    Rostered,
)
from zmqwork.core.links import REFUSED_DELAY, LinkCounters, Links
from zmqwork.core.liveness import Liveness
from zmqwork.core.messages import Bye, Hello, Message, Ping, Pong, Refused, Welcome
from zmqwork.core.peer import DIALING, GREETING, OPEN, Peer, Sessions
from zmqwork.core.timers import Timers
from zmqwork.core.trust import Trust
from zmqwork.core.welcome import hello


class Dialer:
    """The sessions with `peers`; `trust` is its machine's, and the listener's, too."""

    def __init__(
        self,
        config: NodeConfig,
        role: str,
        sessions: Sessions,
        out: list[Effect],
        random: Random,
        *,
        wanted: tuple[str, ...] = (),
        epoch: int = 0,
        trust: Trust | None = None,
    ) -> None:
        self._config = config
        self._health = config.health
        self._sessions = sessions
        self._out = out
        self._epoch = epoch
        self._timers = Timers()
        self._trust = trust or Trust(role)
        self._heeded = 0  # its generation
        self._links = Links(self._timers, out, random, config.health, self._trust, wanted)
        self._doubts = Doubts(sessions, self._timers, out)
        self._contacts = Contacts(config, wanted, self._links, self._timers, out)
        self.peers, self.twins = self._contacts.peers, self._links.twins
        self.counters = LinkCounters()

    # -- what the machine calls ---------------------------------------------------------------

    def send(self, peer: Peer, message: Message) -> None:
        """Send over the peer's open session."""
        self._out.append(Send(peer.link, peer.numbers.next(), message))

    def handle(self, event: Event, now: float) -> bool:
        """Take an event that is about peers or dialled links; False if it is not."""
        match event:
            case Received(link=int() as link, messages=messages):
                self._received(link, messages, now)
            case LinkUp():
                self._link_up(event.link, now)
            case LinkDown(link=int() as link):
                self._link_down(link, now)
            case LinkDenied():
                self._denied(event, now)
            case Rostered():
                self._trust.learn(event)
            case Garbled(link=int() as link):
                self.counters.garbled += 1
                self._break(link, f"sent bytes that are no message: {event.why}", now)
            case PeerFound():
                self._contacts.found(event, now)
            case PeerForgotten():
                self._contacts.forgotten(event.key)
            case Probed():
                self._probed(event, now)
            case _:
                return False
        return True

    def _heed(self, now: float) -> None:
        """Another roster holds: whoever may not be what it is any more is not heard."""
        self._heeded = self._trust.generation
        for peer in list(self.peers.values()):
            if peer.stage == OPEN:
                peer.says = self._trust.heeds(peer.fingerprint, peer.role)
            known = peer.stage != OPEN or Welcome in peer.says
            if peer.link and not (known and self._trust.knows(peer.fingerprint, now)):
                self._refused(peer, "role", f"the roster does not admit {peer.label} any more", now)

    def forgive(self, lag: float, now: float) -> None:
        """We did not listen for `lag` seconds: nobody is to blame for that silence."""
        for peer in self.peers.values():
            peer.liveness.forgive(lag, now)

    def tick(self, now: float) -> None:
        """Do what is due."""
        if self._heeded != self._trust.generation:
            self._heed(now)
        for due in self._links.due(now):
            what, key = cast("tuple[str, str]", due)
            peer = self.peers.get(key)
            if peer is None:
                continue
            if what == "dial":
                self._contacts.dial(peer, now)
            elif what == "greet":
                peer.turn += 1
                self._contacts.rest(peer, now, self._links.backoff(peer))
            elif what == "ping":
                self._ping(peer, now)
            elif what == "judge":
                self._judge(peer, now)
            elif what == "probe":
                self._out.append(Probe(peer.key, peer.reached))
            else:  # "gone"
                self._lose(peer, "did not come back", now)

    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        return self._timers.next()

    def dismiss(self, peer: Peer, now: float, delay: float) -> None:
        """End a session in good order, and ask again after `delay`."""
        peer.state = PEER["said_bye"][peer.state]
        peer.reached = ""
        self.send(peer, Bye())
        self._links.hang_up(peer, farewell=True)
        self._contacts.rest(peer, now, delay)

    def farewell(self) -> None:
        """Say BYE to everybody who was greeted and close every link; no other is opened."""
        self._contacts.closed = True
        for peer in self.peers.values():
            # (Who was greeted knows us already, whether its WELCOME has come or not.)
            if peer.stage in (GREETING, OPEN):
                self.send(peer, Bye())
            if peer.link:
                self._out.append(HangUp(peer.link, farewell=True))
        self.peers.clear()
        self._links.close()
        self._timers = Timers()

    # -- links --------------------------------------------------------------------------------

    def _link_up(self, link: int, now: float) -> None:
        peer = self._links.by_link.get(link)
        if peer is None or peer.stage != DIALING:
            return
        peer.stage = GREETING
        self.send(peer, hello(self._config, self._trust.role, peer.session, self._epoch))
        self._timers.set(("greet", peer.key), now + self._health.greeting_timeout)

    def _link_down(self, link: int, now: float) -> None:
        peer = self._links.by_link.get(link)
        if peer is not None:
            self._renew(peer, "its link vanished", now)

    def _denied(self, denied: LinkDenied, now: float) -> None:
        """Another key may be the one. Who answers that it does not admit us has that key."""
        peer = self._links.by_link.get(denied.link)
        if peer is None or peer.stage != DIALING:
            return
        if denied.by_peer:
            self._refused(peer, "role", "it does not admit our key", now)
        elif self._links.has_another_key(peer, now):
            self._links.hang_up(peer)
            self._links.dial(peer, now)
        else:
            self._renew(peer, "it has another key", now)

    def _renew(self, peer: Peer, why: str, now: float) -> None:
        """This link is of no use any more, another one may be."""
        if peer.stage == OPEN:
            self._end_session(peer, why, now)
        else:
            self._contacts.rest(peer, now, self._links.backoff(peer))

    def _break(self, link: int, why: str, now: float) -> None:
        """A link that cannot be trusted any more."""
        peer = self._links.by_link.get(link)
        if peer is not None and peer.stage == OPEN:
            self._end_session(peer, why, now)
        elif peer is not None:
            self._refused(peer, "protocol", why, now)

    def _end_session(self, peer: Peer, why: str, now: float) -> None:
        """Suspect the peer, dial anew at once, and look whether its process still exists."""
        self._doubts.suspect(peer, why, "unlinked", now)
        self._links.hang_up(peer)
        put_off = self._links.dial_again(peer, now)
        self._timers.set(("gone", peer.key), now + put_off + self._health.gone_timeout)
        self._doubts.look(peer)

    def _probed(self, probed: Probed, now: float) -> None:
        peer = self.peers.get(probed.key)
        if peer is None or peer.state != SUSPECT or peer.stage == OPEN:
            return
        if probed.gone:
            peer.reached = ""
            self._lose(peer, "its process is gone", now)
        else:
            self._doubts.seen(peer, now)

    # -- what peers say -----------------------------------------------------------------------

    def _received(self, link: int, messages: list[tuple[int, Message]], now: float) -> None:
        peer = self._links.by_link.get(link)
        if peer is None:
            self.counters.strays += len(messages)
            return
        peer.liveness.heard_at = now
        if peer.state == SUSPECT and peer.stage == OPEN:
            self._doubts.heard(peer, now)
        for number, message in messages:
            if isinstance(message, Refused):  # said without a session, hence without a number
                self._refused(peer, message.code, message.text, now)
                return
            verdict = peer.numbers.judge(number)
            if verdict == numbering.OLD:
                self.counters.repeats += 1
                continue
            if verdict == numbering.GAP:
                self.counters.gaps += 1
                self._renew(peer, "a message is missing", now)
                return
            self._message(peer, message, now)
            if peer.link != link:  # the message ended the session
                return

    def _message(self, peer: Peer, message: Message, now: float) -> None:
        match message:
            case Welcome() if peer.stage == GREETING and message.session == peer.session:
                self._welcomed(peer, message, now)
            case _ if peer.stage != OPEN or isinstance(message, Hello | Welcome):
                self.counters.strays += 1
            case Ping() if peer.request_rate.admits(now):
                self.send(peer, Pong(message.sequence))
                self._contacts.named(peer, message.neighbours, now)
            case Ping():
                pass  # it was heard, which is all that a producer wants to know
            case Pong():
                peer.answered(message, now)
            case Bye():
                self._said_bye(peer, now)
            case _ if type(message) not in peer.says:
                self._offended(peer, message, now)
            case _:
                self._sessions.message(peer, message, now)

    def _offended(self, peer: Peer, message: Message, now: float) -> None:
        """It said what nobody of its role may say; with a key, that costs it the session."""
        self.counters.strays += 1
        if peer.fingerprint:
            self.counters.offences += 1
            text = f"{peer.label} said {type(message).__name__.upper()}, as no {peer.role} may"
            self._doubts.notice("offence", text, peer)
            self._refused(peer, "role", text, now)

    def _welcomed(self, peer: Peer, welcome: Welcome, now: float) -> None:
        if why := self._objection(peer, welcome):
            self._refused(peer, "protocol", why, now)
            return
        if welcome.node_id == self._config.node_id:
            self.send(peer, Bye())  # this node need not look out for itself
            self._links.hang_up(peer, farewell=True)
            self._contacts.rest(peer, now, REFUSED_DELAY)
            return
        if peer.node_id and peer.node_id != welcome.node_id and peer.state == SUSPECT:
            # Another process answers at this endpoint, so the old one is gone.
            self._doubts.give_up(peer, "another process took its place", now)
        self._links.twins.rename(peer, welcome.node_id)
        twin = self._links.open_twin(peer, peer.node_id)
        if twin is not None:
            # Two sources found one node. The session by the one that came first is kept; this
            # HELLO has ended it over there, but it is the last one from here.
            self._contacts.rest(peer, now, REFUSED_DELAY)
            self._end_session(twin, "it has another address as well", now)
            # It has just answered, so it may take as long as one that is merely silent.
            self._timers.set(("gone", twin.key), now + self._health.lost_timeout)
            return
        peer.stage = OPEN
        peer.name = welcome.name
        peer.role = welcome.role
        peer.says = self._trust.heeds(peer.fingerprint, peer.role)
        peer.dials = peer.keys_tried = 0
        peer.reached = peer.endpoint
        peer.refusal = ""
        peer.round_trip = None  # it was that of another session, perhaps on another way
        health = self._health
        peer.liveness = Liveness(
            health.suspect_timeout, max(health.lost_timeout, welcome.silence_timeout), now
        )
        peer.state = PEER["welcomed"][peer.state]
        self.counters.sessions += 1
        for what in ("greet", "gone", "probe"):
            self._timers.cancel((what, peer.key))
        self._timers.set(("ping", peer.key), now + health.heartbeat_interval)
        self._timers.set(("judge", peer.key), peer.liveness.next_at(now))
        self._doubts.notice("peer_alive", f"{peer.role} {peer.label} is alive", peer)
        self._sessions.opened(peer, welcome, now)
        self._contacts.named(peer, welcome.neighbours, now)

    def _objection(self, peer: Peer, welcome: Welcome) -> str:
        """Why a session with this peer cannot be; empty: it can."""
        if welcome.realm != self._config.realm:
            return f"realm {welcome.realm!r}"
        if not PROTOCOL_MIN <= welcome.protocol <= PROTOCOL_MAX:
            return f"protocol {welcome.protocol}"
        return self._trust.objection(peer.fingerprint, welcome.role, welcome.node_id, Welcome)

    def _refused(self, peer: Peer, code: str, text: str, now: float) -> None:
        if code in ("gap", "order"):
            self._renew(peer, "it asked for a new session", now)
            return
        if peer.state == SUSPECT:
            self._doubts.give_up(peer, f"it refused: {text}", now)
        elif peer.state == ALIVE:
            self._doubts.suspect(peer, f"it refused: {text}", "unlinked", now)
            self._doubts.give_up(peer, f"it refused: {text}", now)
        peer.state = PEER["refused"][peer.state]
        peer.turn += 1
        if peer.refusal != text:
            peer.refusal = text
            self._doubts.notice("peer_refused", f"{peer.whereabouts} refused us: {text}", peer)
        self._contacts.rest(peer, now, self._links.refused_backoff(peer))

    def _said_bye(self, peer: Peer, now: float) -> None:
        self._sessions.left(peer, now)
        self._doubts.notice("peer_left", f"{peer.role} {peer.label} left", peer)
        self.dismiss(peer, now, REFUSED_DELAY)

    # -- time ---------------------------------------------------------------------------------

    def _ping(self, peer: Peer, now: float) -> None:
        if peer.stage != OPEN:
            return
        peer.broken = 0
        self.send(peer, peer.ping(now))
        self._timers.set(("ping", peer.key), now + self._health.heartbeat_interval)

    def _judge(self, peer: Peer, now: float) -> None:
        if peer.stage != OPEN:
            return  # the link is gone, and the "gone" timer decides
        verdict = peer.liveness.verdict(now)
        if verdict == LOST:
            self._doubts.suspect(peer, "silent", "silent", now)
            self._lose(peer, f"silent for {now - peer.liveness.heard_at:.1f} s", now)
            return
        if verdict == SUSPECT:
            self._doubts.suspect(peer, "silent", "silent", now)
        self._timers.set(("judge", peer.key), peer.liveness.next_at(now))

    def _lose(self, peer: Peer, why: str, now: float) -> None:
        """Give a suspect up, and dial on: it may come back."""
        self._doubts.give_up(peer, why, now)
        if peer.forgotten or peer.stage not in (DIALING, GREETING):  # else it may still succeed
            self._contacts.rest(peer, now, self._links.backoff(peer))
