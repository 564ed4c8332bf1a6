"""Random histories of results on their way, against a model; and sinks that say whatever they like."""

from __future__ import annotations

from delivery_desk import DeliveryDesk, destination
from desks import node_id
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from zmqwork.core import delivery, messages
from zmqwork.core.delivery import Results, ResultsAck, Route
from zmqwork.core.effects import Send
from zmqwork.core.events import Finished, SlotReady, StopRequested
from zmqwork.core.lender import EXTRA_MAX
from zmqwork.core.link_events import (
    Garbled,
    LinkDown,
    LinkUp,
    PeerForgotten,
    PeerFound,
    Probed,
    Received,
)
from zmqwork.core.messages import (
    Bye,
    Cancel,
    Credit,
    Done,
    DoneAck,
    Draining,
    Hello,
    Pong,
    Return,
    Welcome,
)
from zmqwork.core.peer import DIALING, OPEN

STEPS = settings(
    max_examples=60, stateful_step_count=50, deadline=None, derandomize=True, database=None
)
EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True, database=None)

LABELS = ("s", "t", "u")
INBOXES = ("", "", "one", "two")
labels = st.sampled_from(LABELS)
inboxes = st.sampled_from(INBOXES)
picks = st.lists(st.integers(0, 30), min_size=1, max_size=4)


def check_books(desk):
    """What is counted is what is there."""
    machine = desk.machine
    outboxes = list(machine._deliverer.outboxes)
    for box in outboxes:
        bundles = list(box)
        assert not box._fresh
        assert box.count == sum(map(len, bundles))
        assert box.size_bytes == sum(bundle.size_bytes for bundle in bundles)
        for bundle in bundles:
            assert bundle.size_bytes == sum(map(len, bundle.values))
            assert len(bundle.sink_seqs) == len(bundle.attempts) == len(bundle) > 0
        assert box.peer is not None or box.count
        waits = box.key in machine._deliverer._timers
        assert waits == (box.peer is None)
        assert box.peer is None or (box.peer.stage == OPEN)
    for account in machine._accounts.values():
        bundles = [b for box in outboxes for b in box if b.account is account]
        assert account.finished == sum(map(len, bundles))
        weight = sum(bundle.weight for bundle in bundles)
        assert account.unacked_bytes == account.outbox_bytes + weight
        assert 0 <= account.extra <= max(account.limit, 0)
    accounts = machine._accounts.values()
    assert sum(max(0, a.limit - a.extra) for a in accounts) <= machine._window.total()
    assert sum(a.extra for a in accounts) <= EXTRA_MAX
    accounted = {None, *accounts}
    assert all(bundle.account in accounted for box in outboxes for bundle in box)


class DeliveryMachine(RuleBasedStateMachine):
    """A worker, a producer that keeps to its credit, and sinks that come, store and go.

    The model is what each of them said and heard.
    """

    def __init__(self):
        super().__init__()
        self.desk = DeliveryDesk(slots=3, prefetch_max=20)
        self.limit = 3
        self.where = {}  # seq -> (node, inbox), of what the producer waits for
        self.seq = 0
        self.session = 1
        self.claims = {}  # link -> (node, inbox)
        self.sent = {}  # link -> {batch: seqs}
        self.stored = set()
        self.returned = 0
        self.desk.watch = self.after

    def after(self):
        """Look at what a turn has brought."""
        for effect in self.desk.effects:
            if not isinstance(effect, Send):
                continue
            message = effect.message
            if isinstance(message, Results):
                self.results(effect.link, message)
            elif effect.link != self.desk.link:
                continue
            elif isinstance(message, Credit):
                self.limit = message.attempts
            elif isinstance(message, Done):
                for seq in message.seqs:
                    assert seq in self.stored
                for seq in [*message.seqs, *(f.seq for f in message.failures)]:
                    self.where.pop(seq, None)
            elif isinstance(message, Return):
                self.returned += len(message.seqs)
                for seq in message.seqs:
                    self.where.pop(seq, None)
        check_books(self.desk)

    def results(self, link, message):
        batches = self.sent.setdefault(link, {})
        assert message.batch > max(batches, default=0)
        seqs = [seq for parcel in message.parcels for seq in parcel.seqs]
        batches[message.batch] = seqs
        node, inbox = self.claims[link]
        for seq in seqs:
            to = self.where.get(seq)  # (None: it was cancelled, or its producer is gone)
            if to is not None:
                assert to[1] == inbox if to[1] else to[0] == node

    def peer(self, label):
        for peer in self.desk.machine._deliverer.dialer.peers.values():
            if peer.node_id == node_id(label):
                return peer
        return None

    @rule(count=st.integers(1, 4), label=labels, inbox=inboxes, served=st.booleans())
    def give(self, count, label, inbox, served):
        count = min(count, self.limit - len(self.where))
        if count <= 0:
            return
        at = label if served or not inbox else ""
        seqs = list(range(self.seq + 1, self.seq + 1 + count))
        self.seq += count
        self.where.update(dict.fromkeys(seqs, (node_id(label), inbox)))
        back = self.returned
        self.desk.give(*seqs, at=at, inbox=inbox)
        assert self.returned == back, "it had credit for them"

    @rule(slot=st.integers(0, 2), good=st.booleans(), seconds=st.sampled_from([0.001, 0.5]))
    def finish(self, slot, good, seconds):
        if not self.desk.machine._feeder.slots[slot].ready:  # what nobody wants was killed
            self.desk.turn(SlotReady(slot))
        given_ = self.desk.machine._feeder.slots[slot].given
        if given_:
            payload = b"%d" % given_[0].seq if good else {"type": "E", "text": ""}
            self.desk.turn(Finished(slot, [(good, payload)], seconds))

    @rule(label=labels)
    def find(self, label):
        endpoint = f"tcp://10.0.0.{LABELS.index(label) + 1}:7000"
        found = PeerFound(f"local:{label}", (endpoint,), "sink", "local", node_id(label))
        self.desk.turn(found)

    @rule(label=labels, inbox=inboxes, credit=st.sampled_from([None, (0, 0), (2, 9), (99, 999)]))
    def welcome(self, label, inbox, credit):
        peer = self.peer(label)
        if peer is None or peer.stage != DIALING:
            return
        link = peer.link
        self.desk.turn(LinkUp(link))
        (hello,) = self.desk.sent(Hello, link)
        greeting = Welcome(hello.session, node_id(label), "sink", label, "realm", 1)
        greeting.sinks, greeting.inbox = ["default"], inbox
        self.claims[link] = (node_id(label), inbox)
        self.desk.say(link, greeting, *([Credit(*credit)] if credit else []))

    @rule(label=labels)
    def unlink(self, label):
        peer = self.peer(label)
        if peer is not None and peer.stage == OPEN:
            self.desk.turn(LinkDown(peer.link))

    @rule(label=labels, back=st.integers(-1, 2))
    def ack(self, label, back):
        peer = self.peer(label)
        if peer is None or peer.stage != OPEN or peer.link not in self.claims:
            return
        batches = self.sent.get(peer.link, {})
        batch = max(0, max(batches, default=0) - back)
        for number, seqs in batches.items():
            if number <= batch:
                self.stored.update(seqs)
        self.desk.ack(peer.link, batch)

    @rule(label=labels, count=st.integers(0, 9), size=st.sampled_from([0, 5, 999]))
    def credit(self, label, count, size):
        peer = self.peer(label)
        if peer is not None and peer.stage == OPEN:
            self.desk.say(peer.link, Credit(count, size))

    @rule(label=labels, said=st.sampled_from([Draining(), Bye()]))
    def sink_leaves(self, label, said):
        peer = self.peer(label)
        if peer is not None and peer.stage == OPEN:
            self.desk.say(peer.link, said)

    @rule(pick=picks, label=labels)
    def route(self, pick, label):
        known = [seq for seq, (_, inbox) in self.where.items() if not inbox]
        seqs = list(dict.fromkeys(known[at % len(known)] for at in pick)) if known else []
        for seq in seqs:
            self.where[seq] = (node_id(label), "")
        self.desk.route(*seqs, at=label)

    @rule(pick=picks)
    def cancel(self, pick):
        known = list(self.where)
        seqs = list(dict.fromkeys(known[at % len(known)] for at in pick)) if known else [1]
        for seq in seqs:
            self.where.pop(seq, None)
        self.desk.say(self.desk.link, Cancel(seqs))

    @rule(gone=st.booleans())
    def producer_returns(self, gone):
        if gone:
            self.where.clear()
            self.desk.say(self.desk.link, Bye())
        self.session += 1
        self.desk.link = f"p/{self.session}".encode()
        self.desk.hello("p", self.session, link=self.desk.link)
        (welcome,) = self.desk.sent(Welcome, self.desk.link)
        held = {seq for seq, _, _ in welcome.held}
        outbox = self.desk.account().outbox
        assert held >= set(self.where)
        assert held <= {*self.where, *(s for done, _, _ in outbox for s in done.seqs)} | {
            failure.seq for done, _, _ in outbox for failure in done.failures
        }

    @rule()
    def ack_done(self):
        self.desk.say(self.desk.link, DoneAck(self.desk.account().batch))

    @rule(seconds=st.sampled_from([0.3, 2.0, 29.0]))
    def pass_time(self, seconds):
        until = self.desk.now + seconds
        while self.desk.now < until:
            step = min(until, self.desk.now + 0.5)
            while (deadline := self.desk.machine.deadline()) is not None and deadline <= step:
                self.desk.turn(at=deadline)
            self.desk.now = step
            sequence = self.desk.account().client.ping_sequence
            self.desk.say(self.desk.link, Pong(sequence))
            for label in LABELS:
                peer = self.peer(label)
                if peer is not None and peer.stage == OPEN:
                    self.desk.say(peer.link, Pong(0))

    @invariant()
    def nothing_vanishes(self):
        """What the producer waits for is held, or on its way."""
        account = self.desk.account()
        here = set(account.held)
        for box in self.desk.machine._deliverer.outboxes:
            for bundle in box:
                if bundle.account is account:
                    here.update(bundle.seqs)
        assert here == set(self.where)

    def teardown(self):
        """In the end there is a sink for everything, which stores it at once."""
        self.where = dict.fromkeys(self.where, (node_id("u"), ""))
        self.desk.route(*self.where, at="u")
        self.unlink("u")  # it may have said that it drains
        for _ in range(40):
            self.unlink("s")
            self.unlink("t")
            self.welcome("u", "", (99, 999))
            for slot in range(3):
                self.finish(slot, good=True, seconds=0.001)
            self.ack("u", 0)
            self.ack_done()
            self.pass_time(2.0)
        assert self.where == {}
        account = self.desk.account()
        assert (account.finished, account.unacked_bytes) == (0, 0)


TestDelivery = DeliveryMachine.TestCase
TestDelivery.settings = STEPS


# -- sinks and producers that say whatever they like ----------------------------------------------

small = st.integers(0, 6)
few = st.lists(small, max_size=3)
nodes = st.sampled_from([node_id("s"), node_id("t"), node_id("w"), ""])
destinations = st.builds(
    delivery.Destination,
    nodes,
    st.sampled_from(["", "one", node_id("s")]),
    st.lists(st.sampled_from(["tcp://10.0.0.1:7000", "tcp://name:1", "ipc:///s", ""]), max_size=2),
    st.sampled_from(["p", "q"]),
    few,
)
runs = st.builds(
    lambda name, attempt, seqs, to: messages.Run(name, {}, attempt, seqs, [b""] * len(seqs), to),
    st.sampled_from(["f", "what"]),
    small,
    few,
    destinations,
)
parcels = st.builds(
    lambda seqs: delivery.Parcel("p", "f", seqs, seqs, [b""] * len(seqs)),
    few,
)
said = st.one_of(
    st.builds(messages.Tasks, st.lists(runs, max_size=2), small),
    st.builds(Route, few, destinations),
    st.builds(Results, small, st.lists(parcels, max_size=2)),
    st.builds(ResultsAck, st.sampled_from([0, 1, 2, 3, 2**63])),
    st.builds(Credit, small, st.integers(0, 99)),
    st.builds(Cancel, few),
    st.builds(delivery.Have, small, few),
    st.builds(delivery.Has, small, few),
    st.builds(delivery.Floor, small),
    st.builds(delivery.End, small, small),
    st.builds(delivery.Ended, small, st.just([[1, 2]])),
    st.builds(messages.Ping, small, st.just(0.0)),
    st.builds(Pong, small),
    st.builds(Return, st.just("draining"), few, few),
    st.builds(DoneAck, small),
    st.just(Draining()),
    st.just(Bye()),
    st.builds(messages.Refused, st.sampled_from(["order", "gap", "realm", "full"]), st.just("")),
    st.builds(
        lambda node, role, inbox, session: Welcome(
            session, node, role, "x", "realm", 1, sinks=["default"], inbox=inbox
        ),
        st.sampled_from([node_id("s"), node_id("t"), node_id("w")]),
        st.sampled_from(["sink", "sink", "worker"]),
        st.sampled_from(["", "one", "two"]),
        st.integers(1, 6),
    ),
)
history = st.lists(
    st.one_of(
        st.tuples(st.just("sink"), st.lists(said, max_size=3)),
        st.tuples(st.just("producer"), st.lists(said, max_size=3)),
        st.tuples(st.just("skip"), st.lists(said, max_size=2)),
        st.tuples(st.just("wait"), st.floats(0.0, 20.0)),
        st.tuples(st.just("up"), st.none()),
        st.tuples(st.just("down"), st.none()),
        st.tuples(st.just("garbled"), st.none()),
        st.tuples(st.just("finish"), st.none()),
        st.tuples(st.just("forget"), st.none()),
        st.tuples(st.just("probed"), st.booleans()),
        st.tuples(st.just("again"), st.none()),
        st.tuples(st.just("stop"), st.none()),
    ),
    max_size=30,
)


@EXAMPLES
@given(history)
def test_nothing_that_sinks_or_producers_say_can_raise(steps):
    desk = DeliveryDesk(slots=2)
    link = desk.link
    desk.give(1, 2)
    for count, (verb, what) in enumerate(steps):
        peers = list(desk.machine._deliverer.dialer.peers.values())
        links = [peer.link for peer in peers if peer.link] or [1]
        dialled = links[count % len(links)]
        if verb == "wait":
            desk.until(desk.now + what)
        elif verb == "up":
            desk.turn(LinkUp(dialled))
        elif verb == "down":
            desk.turn(LinkDown(dialled))
        elif verb == "garbled":
            desk.turn(Garbled(dialled, "why"))
        elif verb == "skip":
            desk.turn(Received(dialled, list(enumerate(what, desk.numbers.get(dialled, 0) + 2))))
        elif verb == "sink":
            desk.turn(LinkUp(dialled), desk.heard(dialled, *what))
        elif verb == "producer":
            desk.say(link, *what)
        elif verb == "finish":
            for slot in desk.machine._feeder.slots:
                if slot.given and slot.ready:
                    desk.turn(Finished(slot.index, [(True, b"")], 0.01))
        elif verb == "forget":
            desk.turn(*[PeerForgotten(peer.key) for peer in peers[:1]])
        elif verb == "probed":
            desk.turn(*[Probed(peer.key, gone=what) for peer in peers])
        elif verb == "again":
            link = desk.hello(session=10 + count)
        elif count > 20:
            desk.turn(StopRequested())
        if desk.machine.state == "serving":
            check_books(desk)
    assert destination(at="").endpoints == []
