"""A worker's side of sinks: who serves which inbox, an outbox for each, and what cannot be brought.

Nobody is dialled before the first task that goes to a sink. Then all sinks are that discovery has
found, and those that tasks name. What a worker has for a sink that it does not reach waits; after
`WorkerConfig.undelivered_timeout` the attempts are given back.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import cast

from zmqwork.config import WorkerConfig
from zmqwork.core.bundle import Bundle
from zmqwork.core.clients import Account, Target
from zmqwork.core.delivery import Destination, ResultsAck, Route
from zmqwork.core.dialer import Dialer
from zmqwork.core.effects import Effect, Notice
from zmqwork.core.events import Event
from zmqwork.core.hearsay import HEARSAY
from zmqwork.core.lag import earliest
from zmqwork.core.link_events import PeerForgotten, PeerFound
from zmqwork.core.listener import Listener
from zmqwork.core.messages import Credit, Draining, Message, Neighbour, Return, Welcome
from zmqwork.core.neighbours import KNOWN_MAX, is_usable, unknown
from zmqwork.core.outbox import Outbox
from zmqwork.core.outboxes import Outboxes, key_of
from zmqwork.core.peer import Peer
from zmqwork.core.timers import Timers
from zmqwork.core.trust import Trust

# A peer that is no sink is of no use to a worker; a typed endpoint may have one some day.
_USELESS_DELAY = 60.0


class Station:
    """A sink in session.

    Attributes:
        peer: the sink.
        link: that of the session.
        key: the outbox that it serves, unless a newer session does.
    """

    __slots__ = ("key", "link", "peer")

    def __init__(self, peer: Peer, inbox: str) -> None:
        self.peer = peer
        self.link = peer.link
        self.key = key_of(peer.node_id, inbox)


class Deliverer:
    """Brings results to sinks.

    Args:
        config: the worker's.
        random: for the delays between dials.
        listener: through which producers are told.
        turned: where accounts with news are noted (`Feeder.turned`).
        counters: the worker's.
        out: where effects go.
        trust: whom the worker believes.
    """

    def __init__(
        self,
        config: WorkerConfig,
        random: Random,
        listener: Listener,
        turned: dict[Account, None],
        counters: dict[str, int],
        out: list[Effect],
        trust: Trust,
    ) -> None:
        self._config = config
        self._listener = listener
        self._turned = turned
        self._out = out
        self.counters = counters
        self.dialer = Dialer(config, "worker", self, out, random, wanted=("sink",), trust=trust)
        self._timers = Timers()
        self._awake = False
        # What discovery has found before the first task for a sink. Bound: KNOWN_MAX.
        self._found: dict[str, PeerFound] = {}
        # By node id. Bound: the dialer's peers.
        self._stations: dict[str, Station] = {}
        self.outboxes = Outboxes()

    # -- the machine's verbs ------------------------------------------------------------------

    def handle(self, event: Event, now: float) -> None:
        """Take an event that is about peers or dialled links."""
        if self._awake or not isinstance(event, PeerFound | PeerForgotten):
            self.dialer.handle(event, now)
        elif isinstance(event, PeerForgotten):
            self._found.pop(event.key, None)
        elif event.role in ("sink", ""):
            self._found.pop(event.key, None)
            if len(self._found) >= KNOWN_MAX:
                # (Others than the network's records are few, and no flood may push them out.)
                records = (key for key, it in self._found.items() if it.source in HEARSAY)
                del self._found[next(records, next(iter(self._found)))]
            self._found[event.key] = event

    def tick(self, now: float) -> None:
        """Do what is due."""
        self.dialer.tick(now)
        for node_id, station in list(self._stations.items()):
            if station.peer.link != station.link:
                del self._stations[node_id]
                self._end(station, now)
        for key in self._timers.due(now):
            self._give_up(self.outboxes.of(cast("str", key)))

    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        return earliest(self._timers.next(), self.dialer.deadline())

    def flush(self, now: float) -> bool:
        """Send what may be sent; True if what producers may have here has changed."""
        outboxes = self.outboxes
        touched, outboxes.touched = outboxes.touched, {}
        for outbox in touched:
            outboxes.absorb(outbox)
            peer = outbox.peer
            if peer is None:
                self._wait(outbox, now)
                continue
            while (batch := outbox.next_batch(now)) is not None:
                self.dialer.send(peer, batch)
        changed, outboxes.changed = outboxes.changed, False
        return changed

    # -- what producers say -------------------------------------------------------------------

    def target(self, to: Destination, now: float) -> Target:
        """Where results go that go there; the way is prepared."""
        self._reach(to, now)
        return Target(to.node_id, to.inbox, to.producer_id)

    def route(self, account: Account, route: Route, now: float) -> None:
        """Tasks of this account go elsewhere, or another node serves an inbox."""
        to = route.to
        target = self.target(to, now)
        numbers = dict(zip(route.seqs, to.sink_seqs, strict=False))
        for seq, number in numbers.items():
            held = account.held.get(seq)
            if held is not None and held.to is not None:
                held.to, held.sink_seq = target, number
        outbox = self._outbox(target)
        self.outboxes.absorb(outbox)
        for seq in outbox.addressed(account, target, numbers):
            numbers.pop(seq, None)  # it is there, and perhaps on its way already
        for _, bundle in self.outboxes.take(account, numbers):
            bundle.producer_id = to.producer_id
            bundle.node_id = "" if to.inbox else to.node_id
            bundle.sink_seqs = [numbers[seq] for seq in bundle.seqs]
            outbox.put(bundle)

    def cancelled(self, account: Account, seqs: Iterable[int]) -> None:
        """The producer does not count these any more, finished or not.

        Results that were sent go on: their sink may have them. So what nobody counts is never more
        than sinks have granted.
        """
        wanted = frozenset(seqs)
        for _, bundle in self.outboxes.take(account, wanted, unsent=True):
            account.owe(-len(bundle), -bundle.weight)
        for outbox, bundle in self.outboxes.take(account, wanted):
            account.owe(-len(bundle), -bundle.weight)
            bundle.account = None
            outbox.put(bundle)

    # -- results ------------------------------------------------------------------------------

    def fresh(self, account: Account, to: Target, name: str) -> Bundle:
        """Where this turn puts the results of these tasks."""
        return self._outbox(to).fresh(account, to, name)

    def _outbox(self, to: Target) -> Outbox:
        """The outbox of what goes there: for a node in session, the one that it serves."""
        key = key_of(to.node_id, to.inbox)
        station = self._stations.get(key)
        if station is not None and self._serves(station):
            key = station.key
        return self.outboxes.of(key)

    def give_back_all(self, reason: str) -> None:
        """Give up everything that is not stored, and give the attempts back."""
        for outbox in self.outboxes:
            outbox.absorb()
            self._give_back(outbox.clear(), reason)

    # -- sessions with sinks ------------------------------------------------------------------

    def opened(self, peer: Peer, welcome: Welcome, now: float) -> None:
        """A session began: what waits for this sink, or was not acked, is sent in it."""
        if peer.role != "sink":
            self.dialer.dismiss(peer, now, _USELESS_DELAY)
            return
        before = self._stations.get(peer.node_id)
        if before is not None:
            self._end(before, now)
        station = self._stations[peer.node_id] = Station(peer, welcome.inbox)
        outbox = self.outboxes.of(station.key)
        self._detach(outbox)
        # What is for this node, and came while nobody knew of its inbox.
        older = self.outboxes.get(peer.node_id)
        if older is not None and older is not outbox:
            older.absorb()
            for bundle in older.clear():
                outbox.put(bundle)
            self._forget(older)
        outbox.attach(peer)
        self._timers.cancel(outbox.key)

    def message(self, peer: Peer, message: Message, now: float) -> None:
        """What a sink says."""
        station = self._stations.get(peer.node_id)
        if station is None or not self._serves(station):
            self.dialer.counters.strays += 1
            return
        outbox = self.outboxes.of(station.key)
        match message:
            case ResultsAck():
                self._acked(outbox, message.batch)
            case Credit():
                outbox.grant(message.attempts, message.size_bytes)
            case Draining():
                outbox.grant(0, 0)  # as it will say itself
            case _:
                self.dialer.counters.strays += 1
        del now

    def suspected(self, peer: Peer, now: float) -> None:
        """What is not acked is here; whether the session has ended, `tick` sees."""

    def revived(self, peer: Peer, now: float) -> None:
        """As `suspected`."""

    def lost(self, peer: Peer, now: float) -> None:
        """As `suspected`."""

    def left(self, peer: Peer, now: float) -> None:
        """As `suspected`."""

    def _acked(self, outbox: Outbox, number: int) -> None:
        for batch in outbox.acked(number):
            for bundle in batch.bundles:
                account = bundle.account
                if account is not None:
                    account.owe(-len(bundle), -bundle.weight)
                    account.outcomes.stored(bundle.seqs, bundle.attempts, batch.sent_at)
                    self._turned[account] = None

    def _end(self, station: Station, now: float) -> None:
        if self._serves(station):
            outbox = self.outboxes.of(station.key)
            self._detach(outbox)
            self._wait(outbox, now)

    def _serves(self, station: Station) -> bool:
        """Whether no newer session has taken its inbox over."""
        outbox = self.outboxes.get(station.key)
        return outbox is not None and outbox.peer is station.peer

    def _detach(self, outbox: Outbox) -> None:
        self.outboxes.absorb(outbox)
        outbox.detach()
        for bundle in outbox.evict():
            self.outboxes.of(bundle.node_id).put(bundle)

    # -- sinks that are not reached -----------------------------------------------------------

    def _reach(self, to: Destination, now: float) -> None:
        """Dial this node, unless that was done."""
        if not self._awake:
            self._awake = True
            found, self._found = self._found, {}
            for event in found.values():
                self.dialer.handle(event, now)
        if to.node_id and to.node_id not in self._stations:
            # (Names would have to be looked up.)
            endpoints = [e for e in to.endpoints if is_usable(e) or not e.startswith("tcp:")]
            named = [Neighbour(to.node_id, "sink", endpoints, to.fingerprint)]
            for event in unknown(named, self.dialer.twins, self._config.node_id):
                self.dialer.handle(event, now)

    def _wait(self, outbox: Outbox, now: float) -> None:
        """It has no session: its results wait, for some time."""
        if outbox.count:
            self._timers.set_default(outbox.key, now + self._config.undelivered_timeout)
        else:
            self._forget(outbox)

    def _give_up(self, outbox: Outbox) -> None:
        self.outboxes.absorb(outbox)
        count = outbox.count
        self._give_back(outbox.clear(), "undelivered")
        self._forget(outbox)
        if not count:
            return  # all of it was sent elsewhere in this very turn
        self.outboxes.changed = True
        text = (
            f"{outbox.label} was not reached for {self._config.undelivered_timeout:g} s: "
            f"{count} results for it are dropped, and their attempts given back"
        )
        self._out.append(Notice("undelivered", text, {"sink": outbox.label, "results": count}))

    def _give_back(self, bundles: list[Bundle], reason: str) -> None:
        back: dict[Account, Return] = {}
        for bundle in bundles:
            account = bundle.account
            if account is None:
                continue
            account.owe(-len(bundle), -bundle.weight)
            message = back.setdefault(account, Return(reason, [], []))
            message.seqs += bundle.seqs
            message.attempts += bundle.attempts
            for seq in bundle.seqs:
                account.forget_said(seq)
        for account, message in back.items():
            self.counters["returned"] += len(message.seqs)
            self._listener.send(account.client, message)

    def _forget(self, outbox: Outbox) -> None:
        self._timers.cancel(outbox.key)
        self.outboxes.forget(outbox)
