"""Random histories of a sink against a model of ten lines, and peers that say whatever they like."""

from __future__ import annotations

from desks import SinkDesk, node_id, parcel, welcome
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from zmqwork.core import messages
from zmqwork.core.delivery import (
    HAS_HOLDING,
    HAS_TAKEN,
    End,
    Ended,
    Floor,
    Has,
    Have,
    Results,
    ResultsAck,
)
from zmqwork.core.effects import Deliver
from zmqwork.core.events import (
    DrainRequested,
    StopRequested,
    Stored,
    StoreFailed,
)
from zmqwork.core.link_events import Garbled, LinkDown, Received
from zmqwork.core.messages import Bye, Hello
from zmqwork.core.ranges import Ranges

LABELS = ("a", "b", "c")
STEPS = settings(
    max_examples=100, stateful_step_count=40, deadline=None, derandomize=True, database=None
)
EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True, database=None)

numbers = st.lists(st.integers(1, 30), min_size=1, max_size=6)
labels = st.sampled_from(LABELS)


class SinkMachine(RuleBasedStateMachine):
    """Workers that keep each batch until it is acked, and send it again in each session.

    The model is what the store has seen, in order, and what each worker still keeps. Two workers
    may have the same numbers: an attempt that was given up on, and the next one.
    """

    def __init__(self):
        super().__init__()
        self.desk = SinkDesk(batch=4, linger=0.5, credit_count=40, inbox="box")
        self.desk.watch = self.after
        self.outboxes = {label: {} for label in LABELS}
        self.batches = dict.fromkeys(LABELS, 0)
        self.links = {}
        self.sessions = 0
        self.handed = None
        self.stored = []
        self.sent = set()
        self.failed = set()

    def after(self):
        for effect in self.desk.effects:
            if isinstance(effect, Deliver):
                assert self.handed is None, "one at a time"
                self.handed = effect
                found = [n for p in effect.parcels for n in p.sink_seqs]
                assert 0 < len(found) <= 4
                assert not set(found) & set(self.stored)
                assert len(set(found)) == len(found)
                marked = {
                    n for _, first, last in effect.marks.taken for n in range(first, last + 1)
                }
                assert marked == set(found)
        for label, link in self.links.items():
            for ack in self.desk.sent(ResultsAck, link):
                for batch in [b for b in self.outboxes[label] if b <= ack.batch]:
                    acked = self.outboxes[label].pop(batch)
                    assert set(acked) <= set(self.stored) | self.failed

    @rule(label=labels)
    def connect(self, label):
        self.sessions += 1
        self.links[label] = self.desk.hello(label, self.sessions)
        again = [Results(b, [parcel(*n)]) for b, n in sorted(self.outboxes[label].items())]
        if again:
            self.desk.say(self.links[label], *again)

    @rule(label=labels, found=numbers)
    def bring(self, label, found):
        if label not in self.links or sum(map(len, self.outboxes[label].values())) > 30:
            return
        self.batches[label] += 1
        self.outboxes[label][self.batches[label]] = found
        self.sent |= set(found)
        self.desk.bring(self.links[label], self.batches[label], *found)

    @rule(label=labels, how=st.sampled_from(["down", "bye"]))
    def lose(self, label, how):
        link = self.links.pop(label, None)
        if link is not None:
            self.desk.turn(LinkDown(link) if how == "down" else self.desk.heard(link, Bye()))

    @rule()
    def store(self):
        if self.handed is not None:
            handed, self.handed = self.handed, None
            self.stored += [n for p in handed.parcels for n in p.sink_seqs]
            self.desk.turn(Stored(handed.number))

    @rule()
    def fail(self):
        if self.handed is not None:
            self.desk.turn(StoreFailed(self.handed.number, "it is tried again"))

    @rule(floor=st.integers(1, 6))
    def settle(self, floor):
        """The producer gives up what is lacking below: it failed, or was cancelled."""
        self.sessions += 1
        link = self.desk.producer("p", self.sessions)
        self.desk.say(link, Floor(floor))
        self.failed |= set(range(1, floor))

    @rule(seconds=st.floats(0.1, 6.0))
    def pass_time(self, seconds):
        self.desk.until(self.desk.now + seconds)
        known = self.desk.machine.listener.clients
        self.links = {k: v for k, v in self.links.items() if node_id(k) in known}

    @invariant()
    def what_it_says_is_so(self):
        self.sessions += 1
        link = self.desk.producer("p", self.sessions)
        self.desk.say(link, Have(1, list(range(1, 31))))
        (has,) = self.desk.sent(Has, link)
        for number, state in enumerate(has.states, 1):
            if number in self.failed or number in self.stored:
                assert state == HAS_TAKEN
            elif state == HAS_HOLDING:
                assert number in self.sent
            else:
                assert state != HAS_TAKEN

    def teardown(self):
        """In the end all come back, and the store is quick: all is stored, and acked."""
        for label in LABELS:
            self.connect(label)
        for _ in range(40):
            self.store()
            self.desk.until(self.desk.now + 0.5)
        assert not any(self.outboxes.values())
        assert self.sent <= set(self.stored) | self.failed
        self.sessions += 1
        link = self.desk.producer("p", self.sessions)
        self.desk.say(link, End(30, 30))
        (ended,) = self.desk.sent(Ended, link)
        there = Ranges()
        there.add_all(sorted(set(self.stored) | self.failed))
        assert ended.missing == there.gaps(1, 30, 30)


TestSink = SinkMachine.TestCase
TestSink.settings = STEPS

small = st.integers(0, 6)
few = st.lists(small, max_size=4)
said = st.one_of(
    st.builds(
        Hello,
        small,
        st.sampled_from([node_id("p"), node_id("q"), node_id("w")]),
        st.sampled_from(["producer", "observer", "worker", "sink"]),
        st.just("x"),
        st.sampled_from(["realm", "other"]),
        st.sampled_from([(1, 1), (2, 3)]),
        producer_id=st.sampled_from(["", "run"]),
    ),
    st.builds(
        lambda batch, found, who: Results(batch, [parcel(*n, producer=who) for n in found]),
        small,
        st.lists(few, max_size=3),
        st.sampled_from(["p", "q"]),
    ),
    st.builds(Have, small, few),
    st.builds(Floor, st.one_of(small, st.just(2**64 - 1))),
    st.builds(End, st.one_of(small, st.just(2**64 - 1)), small),
    st.builds(Has, small, few),
    st.builds(Ended, small, st.just([])),
    st.builds(ResultsAck, small),
    st.builds(messages.Ping, small),
    st.builds(messages.Pong, small),
    st.just(messages.Draining()),
    st.just(messages.Bye()),
    st.builds(messages.Credit, small, small),
    st.builds(messages.Info, small),
    st.builds(welcome),
)
history = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.lists(said, max_size=4)),
        st.tuples(st.just("skip"), st.lists(said, max_size=3)),
        st.tuples(st.just("wait"), st.floats(0.0, 6.0)),
        st.tuples(st.sampled_from(["down", "garbled", "stored", "failed", "worker"]), st.none()),
        st.tuples(st.sampled_from(["drain", "stop"]), st.none()),
    ),
    max_size=25,
)


@EXAMPLES
@given(history, st.booleans(), st.sampled_from(["", "box"]), st.booleans())
def test_nothing_that_anybody_says_to_a_sink_can_raise(steps, once, inbox, producing):
    desk = SinkDesk(once=once, inbox=inbox, batch=3, credit_count=8)
    link = desk.producer() if producing else desk.hello()
    for count, (verb, what) in enumerate(steps):
        if verb == "wait":
            desk.until(desk.now + what)
        elif verb == "down":
            desk.turn(LinkDown(link))
        elif verb == "worker":
            link = desk.hello(session=10 + count)
        elif verb == "garbled":
            desk.turn(Garbled(link, "why"))
        elif verb == "skip":
            desk.turn(Received(b"new %d" % count, list(enumerate(what, 1))))
        elif verb == "say":
            desk.say(link, *what)
        elif verb == "failed":
            desk.turn(StoreFailed(desk.machine._number, "why", fatal=count % 2 == 0))
        elif verb == "stored":
            desk.store()
        else:
            desk.turn(DrainRequested() if verb == "drain" else StopRequested())
        queued, size_bytes = desk.machine._shelf.held
        assert queued >= 0
        assert size_bytes == queued, "each has one byte"
