"""Random histories against models of ten lines, and peers that say whatever they like."""

from __future__ import annotations

import dataclasses

from desks import ProducerDesk, WorkerDesk, done, entries, node_id, spec, welcome
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from zmqwork.core import messages
from zmqwork.core.events import (
    CancelRequested,
    Finished,
    SlotDied,
    SlotReady,
    Submitted,
)
from zmqwork.core.link_events import (
    Garbled,
    LinkDown,
    LinkUp,
    Probed,
    Received,
)
from zmqwork.core.liveness import ALIVE, LOST, SUSPECT, Liveness
from zmqwork.core.messages import (
    FAILED,
    Bye,
    Cancel,
    Credit,
    Demand,
    DoneAck,
    Failure,
    Hello,
    Pong,
    Recall,
    Return,
    Started,
    Tasks,
)
from zmqwork.core.timers import Timers
from zmqwork.core.window import share

STEPS = settings(
    max_examples=100, stateful_step_count=40, deadline=None, derandomize=True, database=None
)
EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True, database=None)

keys = st.integers(0, 5)
moments = st.floats(0.0, 10.0)
seqs = st.integers(1, 12)


class TimersMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.timers = Timers()
        self.model = {}
        self.now = 0.0

    @rule(key=keys, after=moments)
    def set(self, key, after):
        self.timers.set(key, self.now + after)
        self.model[key] = self.now + after

    @rule(key=keys, after=moments)
    def set_default(self, key, after):
        self.timers.set_default(key, self.now + after)
        self.model.setdefault(key, self.now + after)

    @rule(key=keys)
    def cancel(self, key):
        self.timers.cancel(key)
        self.model.pop(key, None)

    @rule(seconds=moments)
    def pass_time(self, seconds):
        self.now += seconds
        due = self.timers.due(self.now)
        assert sorted(due) == sorted(k for k, at in self.model.items() if at <= self.now)
        instants = [self.model.pop(key) for key in due]
        assert instants == sorted(instants)

    @invariant()
    def agrees(self):
        assert self.timers.next() == min(self.model.values(), default=None)
        assert len(self.timers) == len(self.model)
        assert all((key in self.timers) == (key in self.model) for key in range(6))


class LivenessMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.now = 100.0
        self.liveness = Liveness(2.0, 4.0, self.now)
        self.heard_at = self.now

    @rule()
    def hear(self):
        self.liveness.heard_at = self.heard_at = self.now

    @rule(seconds=st.floats(0.0, 5.0))
    def pass_time(self, seconds):
        self.now += seconds

    @rule(lag=st.floats(0.0, 50.0))
    def wake_late(self, lag):
        self.now += lag
        self.liveness.forgive(lag, self.now)
        self.heard_at = min(self.now, self.heard_at + lag)

    @invariant()
    def agrees(self):
        silent = self.now >= self.heard_at + 2.0
        gone = self.now >= self.heard_at + 4.0
        assert self.liveness.verdict(self.now) == (LOST if gone else SUSPECT if silent else ALIVE)
        assert self.liveness.next_at(self.now) > self.now


class LedgerMachine(RuleBasedStateMachine):
    """A producer with one worker, which does whatever workers do.

    The model is what is known outside: which tasks were accepted, which were settled and how, and
    what the worker was given and has not ended.
    """

    def __init__(self):
        super().__init__()
        self.desk = ProducerDesk(crash_limit=2)
        self.accepted = []
        self.settled = {}
        self.over_there = {}
        self.batch = 0
        self.desk.watch = self.after
        self.link = self.desk.open(credit=3, slots=2)

    def after(self):
        for seq, attempt in self.desk.given():
            self.over_there[seq] = attempt
        for seq, state in self.desk.settled():
            assert seq not in self.settled
            self.settled[seq] = state
        for cancel in self.desk.sent(Cancel):
            for seq in cancel.seqs:
                self.over_there.pop(seq, None)

    def say(self, *said):
        self.desk.say(self.link, *said)

    @rule(count=st.integers(1, 4), expires=st.sampled_from([None, None, 0.5]), pinned=st.booleans())
    def submit(self, count, expires, pinned):
        first = len(self.accepted) + 1
        fresh = list(range(first, first + count))
        self.accepted += fresh
        kind = spec(max_retries=1, retry_backoff=0.2, expires=expires)
        if pinned:
            kind = dataclasses.replace(kind, node=node_id("w"))
        self.desk.turn(Submitted(entries(*fresh, of=kind)))

    @precondition(lambda self: self.link is None)
    @rule(keep=st.booleans(), running=st.booleans())
    def welcome(self, keep, running):
        link = self.desk.link_of("w")
        if not link:
            return
        self.desk.turn(LinkUp(link))
        hellos = self.desk.sent(Hello, link)
        if not hellos:
            return
        if not keep:
            self.over_there.clear()
        held = [[seq, attempt, int(running)] for seq, attempt in self.over_there.items()]
        self.link = link
        self.say(welcome("w", hellos[0].session, held=held, slots=2), Credit(3, 1 << 20))

    @precondition(lambda self: self.link is not None)
    @rule(gone=st.booleans())
    def lose(self, gone):
        self.desk.turn(LinkDown(self.link), *([Probed("local:w", gone=True)] if gone else []))
        self.link = None

    @precondition(lambda self: self.link is not None and self.over_there)
    @rule(pick=seqs, outcome=st.sampled_from(["done", FAILED, messages.LOST, "return", "started"]))
    def end(self, pick, outcome):
        seq, attempt = sorted(self.over_there.items())[pick % len(self.over_there)]
        self.batch += 1
        if outcome == "started":
            self.say(Started([seq], [attempt]))
            return
        del self.over_there[seq]
        if outcome == "done":
            self.say(done(self.batch, (seq, attempt)))
        elif outcome == "return":
            self.say(Return("recalled", [seq], [attempt]))
        else:
            failure = Failure(seq, attempt, outcome, {"type": "E", "text": ""})
            self.say(done(self.batch, failures=[failure]))

    @precondition(lambda self: self.accepted)
    @rule(pick=seqs)
    def cancel(self, pick):
        self.desk.turn(CancelRequested([self.accepted[-1 - pick % len(self.accepted)]], "request"))

    @rule(seconds=st.floats(0.01, 1.5))
    def pass_time(self, seconds):
        until = self.desk.now + seconds
        while (deadline := self.desk.machine.deadline()) is not None and deadline <= until:
            self.desk.turn(at=deadline)
        self.desk.now = until
        if self.link is not None and self.desk.link_of("w") != self.link:
            self.link = None

    @invariant()
    def nothing_vanishes(self):
        known = [entry.seq for entry in self.desk.machine._ledger]
        assert sorted([*known, *self.settled]) == self.accepted

    @invariant()
    def both_sides_agree(self):
        worker = self.desk.machine._workforce.get(node_id("w"))
        if self.link is not None and worker is not None:
            held = {seq: entry.attempt for seq, entry in worker.held.items()}
            assert held == self.over_there

    @invariant()
    def credit_is_kept(self):
        for worker in self.desk.machine._workforce:
            assert len(worker.held) <= 3

    @invariant()
    def what_is_pinned_is_in_one_place_and_leaves_nothing(self):
        books = self.desk.machine._books
        pinned = [entry for entry in books.ledger if entry.spec.node]
        assert not pinned or books.workforce.get(node_id("w")) is not None
        resting = [seq for own in books.resting.values() for seq in own]
        assert sorted(resting) == [entry.seq for entry in pinned if entry.state == "resting"]
        lanes = [lane for own in books.lanes.pinned.values() for lane in own.values()]
        assert all(lane.size for lane in lanes)
        waiting = [entry.seq for lane in lanes for entry in lane.entries()]
        assert sorted(waiting) == [entry.seq for entry in pinned if entry.state == "waiting"]

    def teardown(self):
        """In the end a worker comes that does everything."""
        self.desk.open("diligent", credit=9, slots=9)
        for _ in range(40):
            link = self.desk.link_of("diligent")
            worker = self.desk.machine._workforce.get(node_id("diligent"))
            pairs = [(entry.seq, entry.attempt) for entry in worker.held.values()]
            self.batch += 1
            self.desk.say(link, Pong(0), done(self.batch, *pairs))
            self.pass_time(0.5)
        assert sorted(self.settled) == self.accepted


class CreditMachine(RuleBasedStateMachine):
    """A worker with producers that keep to their credit, and some that do not.

    The model is what each producer was told last.
    """

    LABELS = ("a", "b", "c")

    def __init__(self):
        super().__init__()
        self.desk = WorkerDesk(slots=3, prefetch_max=20)
        self.desk.watch = self.after
        self.links = {}
        self.told = {}
        self.sessions = 0
        self.seq = 0

    def after(self):
        names = {link: label for label, link in self.links.items()}
        for label in self.LABELS:
            if label not in self.links:
                self.told.pop(label, None)
        for send in self.desk.effects:
            message = getattr(send, "message", None)
            if isinstance(message, Credit):
                assert message.attempts >= 0
                self.told[names[send.link]] = message.attempts
        if any(isinstance(getattr(e, "message", None), Credit) for e in self.desk.effects):
            assert sum(self.told.values()) <= self.desk.machine._window.total()

    @rule(label=st.sampled_from(LABELS))
    def hello(self, label):
        self.sessions += 1
        self.links[label] = f"{label}/{self.sessions}".encode()
        self.told.pop(label, None)
        self.desk.hello(label, self.sessions, link=self.links[label])

    @rule(label=st.sampled_from(LABELS), count=st.integers(1, 5), greedy=st.booleans())
    def tasks(self, label, count, greedy):
        if label not in self.links:
            return
        room = max(0, self.told.get(label, 0) - len(self.desk.account(label).held))
        fresh = list(range(self.seq + 1, self.seq + 1 + count))
        self.seq += count
        self.desk.say(self.links[label], self.desk.tasks(*fresh))
        returned = [seq for back in self.desk.sent(Return) for seq in back.seqs]
        assert len(returned) == max(0, count - room)
        del greedy

    @rule(label=st.sampled_from(LABELS), backlog=st.integers(0, 3))
    def demand(self, label, backlog):
        if label in self.links:
            self.desk.say(self.links[label], Demand(backlog))

    @rule(slot=st.integers(0, 2), seconds=st.sampled_from([0.0001, 1.0]), good=st.booleans())
    def finish(self, slot, seconds, good):
        if self.desk.machine._feeder.slots[slot].given:
            result = (good, b"" if good else {"type": "E"})
            self.desk.turn(Finished(slot, [result], seconds))

    @rule(slot=st.integers(0, 2), begun=st.integers(0, 1))
    def child_dies(self, slot, begun):
        self.desk.turn(SlotDied(slot, begun))
        self.desk.turn(SlotReady(slot))

    @rule(label=st.sampled_from(LABELS), say=st.sampled_from(["ack", "recall", "cancel", "pong"]))
    def other(self, label, say):
        if label not in self.links:
            return
        account = self.desk.account(label)
        message = {
            "ack": DoneAck(account.batch),
            "recall": Recall(2),
            "cancel": Cancel(list(account.held)[:2]),
            "pong": Pong(account.client.ping_sequence),
        }[say]
        self.desk.say(self.links[label], message)

    @rule(label=st.sampled_from(LABELS))
    def leave(self, label):
        if label in self.links:
            link = self.links.pop(label)
            self.desk.say(link, Bye())

    @rule(seconds=st.floats(0.01, 1.0))
    def pass_time(self, seconds):
        until = self.desk.now + seconds
        while (deadline := self.desk.machine.deadline()) is not None and deadline <= until:
            self.desk.turn(at=deadline)
            for label in [*self.links]:
                if node_id(label) not in self.desk.machine._accounts:
                    del self.links[label]
        self.desk.now = until

    @invariant()
    def open_credit_is_bounded(self):
        """How many more attempts it would take, over all producers."""
        open_ = 0
        for label, limit in self.told.items():
            open_ += max(0, limit - len(self.desk.account(label).held))
        assert open_ <= 3 + 20


TestTimers = TimersMachine.TestCase
TestTimers.settings = STEPS
TestLiveness = LivenessMachine.TestCase
TestLiveness.settings = STEPS
TestLedger = LedgerMachine.TestCase
TestLedger.settings = STEPS
TestCredit = CreditMachine.TestCase
TestCredit.settings = STEPS


@EXAMPLES
@given(st.integers(0, 50), st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=6))
def test_shares_use_all_there_is_and_no_more(total, claims):
    shares = share(total, claims)
    assert sum(shares) <= total
    assert all(one >= 0 for one in shares)
    if claims:
        waiting = [one for one, (waits, _) in zip(shares, claims, strict=True) if waits]
        unused = sum(count for waits, count in claims if not waits)
        if waiting:
            assert max(waiting) - min(waiting) <= 1
            assert sum(waiting) == max(0, total - unused)
        else:
            assert sum(shares) == total


# -- peers that say whatever they like ------------------------------------------------------------

small = st.integers(0, 6)
few = st.lists(small, max_size=3)
text = st.sampled_from(["f", "g", "what", "draining", ""])
pairs = st.lists(st.tuples(small, small), max_size=3)
failures = st.lists(
    st.builds(
        Failure,
        small,
        small,
        st.sampled_from(["failed", "rejected", "lost", "odd"]),
        st.just({"type": "E", "text": ""}),
    ),
    max_size=3,
)
said = st.one_of(
    st.builds(
        Hello,
        small,
        st.sampled_from([node_id("p"), node_id("q"), node_id("w")]),
        st.sampled_from(["producer", "observer", "worker"]),
        text,
        st.sampled_from(["realm", "other"]),
        st.sampled_from([(1, 1), (2, 3)]),
    ),
    st.builds(
        lambda session, held: welcome("w", session, held=held),
        small,
        st.lists(st.tuples(small, small, st.integers(0, 2)), max_size=4),
    ),
    st.builds(
        messages.Refused, st.sampled_from(["order", "gap", "realm", "protocol", "full"]), text
    ),
    st.builds(messages.Ping, small),
    st.builds(messages.Pong, small),
    st.just(messages.Draining()),
    st.just(messages.Bye()),
    st.builds(Demand, small),
    st.builds(Credit, small, st.integers(0, 1000)),
    st.builds(
        lambda name, attempt, numbers: Tasks(
            [messages.Run(name, {"queue": "q"}, attempt, numbers, [b""] * len(numbers))]
        ),
        text,
        small,
        few,
    ),
    st.builds(lambda p: Started([a for a, _ in p], [b for _, b in p]), pairs),
    st.builds(lambda batch, p, bad: done(batch, *p, failures=bad), small, pairs, failures),
    st.builds(DoneAck, small),
    st.builds(lambda why, p: Return(why, [a for a, _ in p], [b for _, b in p]), text, pairs),
    st.builds(Recall, small),
    st.builds(Cancel, few),
    st.builds(messages.Info, small),
    st.builds(messages.Status, small, st.just({"name": "x"})),
)
history = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.lists(said, max_size=3)),
        st.tuples(st.just("skip"), st.lists(said, max_size=2)),
        st.tuples(st.just("wait"), st.floats(0.0, 6.0)),
        st.tuples(st.just("down"), st.none()),
        st.tuples(st.just("garbled"), st.none()),
        st.tuples(st.just("finish"), st.none()),
    ),
    max_size=25,
)


@EXAMPLES
@given(history)
def test_nothing_that_a_worker_says_can_raise(steps):
    desk = ProducerDesk()
    desk.open(credit=3, slots=2)
    desk.submit(1, 2, 3, 4, of=spec(max_retries=1, retry_backoff=0.1))
    for verb, what in steps:
        link = desk.link_of("w")
        if verb == "wait":
            desk.until(desk.now + what)
        elif verb == "down":
            desk.turn(LinkDown(link), LinkUp(desk.link_of("w")))
        elif verb == "garbled":
            desk.turn(Garbled(link, "why"))
        elif verb == "skip":
            desk.turn(
                Received(link, [(desk.numbers.get(link, 0) + 2, message) for message in what])
            )
        elif verb == "say":
            desk.turn(LinkUp(link))
            desk.say(link, *what)
        known = sorted(entry.seq for entry in desk.machine._ledger)
        settled = sum(desk.machine._ledger.settled_counts.values())
        assert len(known) + settled == 4


@EXAMPLES
@given(history)
def test_nothing_that_a_producer_says_can_raise(steps):
    desk = WorkerDesk(slots=2)
    link = desk.hello()
    desk.say(link, desk.tasks(1, 2))
    for count, (verb, what) in enumerate(steps):
        if verb == "wait":
            desk.until(desk.now + what)
        elif verb == "down":
            desk.turn(LinkDown(link))
            link = desk.hello(session=10 + count)
        elif verb == "garbled":
            desk.turn(Garbled(link, "why"))
        elif verb == "skip":
            desk.turn(Received(b"new %d" % count, list(enumerate(what, 1))))
        elif verb == "say":
            desk.say(link, *what)
        else:
            for slot in desk.machine._feeder.slots:
                if slot.given and slot.ready:
                    desk.turn(Finished(slot.index, [(True, b"")], 0.01))
        assert all(len(slot.given) <= 512 for slot in desk.machine._feeder.slots)
