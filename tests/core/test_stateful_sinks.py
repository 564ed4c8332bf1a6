"""A producer among workers and sinks that come, go, and are cut off, against what sinks stored."""

from __future__ import annotations

from random import Random

import pytest
from desks import ProducerDesk, done, entries, node_id, sink_welcome, spec, welcome
from hypothesis import given, settings
from hypothesis import strategies as st

from zmqwork.core.delivery import (
    HAS_HOLDING,
    HAS_NOT,
    HAS_TAKEN,
    Destination,
    End,
    Ended,
    Floor,
    Has,
    Have,
    Results,
    ResultsAck,
    Route,
)
from zmqwork.core.effects import Send
from zmqwork.core.events import CancelRequested, EndRequested, Submitted
from zmqwork.core.lifecycle import ASKED, RESTING, WAITING
from zmqwork.core.link_events import (
    LinkDown,
    LinkUp,
    PeerFound,
    Probed,
)
from zmqwork.core.messages import (
    FAILED,
    Bye,
    Cancel,
    Credit,
    Draining,
    Failure,
    Hello,
    Pong,
    Refused,
    Return,
    Started,
    Tasks,
    Welcome,
)
from zmqwork.core.ranges import Ranges

STEPS = 150


def in_one_place(machine):
    """Each unsettled task is in one place, and at its outlet, if it has one."""
    books = machine._books
    held = {id(e): w for w in machine._workforce for e in w.held.values()}
    waiting = [e.seq for lane in machine._lanes for e in lane._entries if e.state == WAITING]
    assert len(frozenset(waiting)) == len(waiting)
    assert machine._lanes.waiting() == len(waiting)
    at_outlets = {}
    for outlet in books.outlets:
        for seq, entry in outlet.open.items():
            assert (entry.seq, entry.outlet) == (seq, outlet)
            assert machine._ledger.get(seq) is entry
            at_outlets[seq] = outlet
        for seq, entry in outlet.asked.items():
            assert entry.state == ASKED
            assert outlet.open[seq] is entry
    for entry in machine._ledger:
        assert held.pop(id(entry), None) is entry.worker
        assert (entry.worker is None) == (entry.state in (WAITING, RESTING, ASKED)), entry
        assert (entry.state == WAITING) == (entry.seq in waiting)
        assert entry.state != RESTING or ("rest", entry.seq) in machine._timers
        assert at_outlets.get(entry.seq) is entry.outlet
        assert (entry.sink_seq > 0) == (entry.outlet is not None)
        if entry.state == ASKED:
            outlet = entry.outlet
            assert outlet.asked[entry.seq] is entry
            waits = bool(entry.spec.inbox) and outlet.session is None
            assert waits or ("asked", outlet.id) in machine._timers
    assert not held


class Sink:
    """A process of a sink, at the place of earlier ones."""

    def __init__(self, place, count, inbox):
        self.node = f"{place}{count}"
        self.inbox = inbox
        self.store = inbox if inbox is not None else Store()
        self.holding = {}  # number -> seq
        self.link = None  # of its session with the producer
        self.drains = False


class Store:
    """What is remembered: the numbers, and whose results they were."""

    def __init__(self):
        self.taken = {}
        self.floor = 0

    def has(self, number):
        return number < self.floor or number in self.taken


class Worker:
    """A process of a worker."""

    def __init__(self, place, count):
        self.node = f"{place}{count}"
        self.link = None
        self.held = {}  # seq -> [attempt, running, destination, number]
        self.stored = {}  # seq -> attempt: whose DONE the producer has not heard


class World:
    """All nodes around a producer, and what is known outside of it."""

    SINKS = ("p", "q", "i", "j")  # two plain ones, two places of one inbox
    WORKERS = ("a", "b")

    def __init__(self, seed):
        self.random = Random(seed)
        self.desk = ProducerDesk(crash_limit=4)
        self.desk.watch = self.after
        self.count = 0
        self.batch = 0
        self.box = Store()
        self.processes = {}
        self.links = {}
        self.accepted = []
        self.settled = {}
        self.results = {}  # seq -> stores that have it
        self.numbers = {}  # (outlet, number) -> seq
        self.questions = []
        for place in (*self.SINKS, *self.WORKERS):
            role = "worker" if place in self.WORKERS else "sink"
            self.desk.turn(PeerFound(f"local:{place}", (f"ipc://{place}",), role))

    # -- what the producer does ---------------------------------------------------------------

    def after(self):
        for effect in self.desk.effects:
            if isinstance(effect, Send) and effect.link in self.links:
                self.told(self.links[effect.link], effect.link, effect.message)
        for seq, state in self.desk.settled():
            assert seq not in self.settled
            self.settled[seq] = state
            assert state != "succeeded" or self.results.get(seq), f"{seq} is nowhere"

    def told(self, process, link, message):
        if process.link != link:
            return
        match message:
            case Tasks():
                for run in message.runs:
                    for seq, number in zip(run.seqs, run.to.sink_seqs, strict=True):
                        self.numbered(run.to, number, seq)
                        before = process.held.get(seq, [0, False])
                        process.held[seq] = [run.attempt, before[1], run.to, number]
            case Route():
                for seq, number in zip(message.seqs, message.to.sink_seqs, strict=True):
                    self.numbered(message.to, number, seq)
                    if seq in process.held:
                        process.held[seq][2:] = [message.to, number]
            case Cancel():
                for seq in message.seqs:
                    process.held.pop(seq, None)
            case Have():
                self.questions.append((process, link, message))
            case Floor():
                process.store.floor = max(process.store.floor, message.sink_seq)
            case End():
                raise AssertionError("nobody has asked for the end")

    def numbered(self, to, number, seq):
        assert self.numbers.setdefault((to.inbox or to.node_id, number), seq) == seq

    # -- processes ----------------------------------------------------------------------------

    def start_sink(self, place):
        if place not in self.processes:
            self.count += 1
            inbox = self.box if place in "ij" else None
            self.processes[place] = Sink(place, self.count, inbox)
            self.greet(place)

    def start_worker(self, place):
        if place not in self.processes:
            self.count += 1
            self.processes[place] = Worker(place, self.count)
            self.greet(place)

    def greet(self, place):
        """Whoever is there answers the link that is dialled to it."""
        process, link = self.processes.get(place), self.desk.link_of(place)
        if process is None or process.link is not None or not link:
            return
        self.desk.turn(LinkUp(link))
        hellos = self.desk.sent(Hello, link)
        if not hellos:
            return
        process.link = link
        self.links[link] = process
        if place in self.WORKERS:
            held = [[s, h[0], int(h[1])] for s, h in process.held.items()]
            held += [[seq, attempt, 2] for seq, attempt in process.stored.items()]
            said = welcome(process.node, hellos[0].session, held=held, slots=2)
            self.desk.say(link, said, Credit(4, 1 << 20))
            self.report(process)
        else:
            taken = Ranges((number, number) for number in process.store.taken)
            if process.store.floor:
                taken.add(1, process.store.floor - 1)
            fields = {"inbox": "box"} if process.inbox is not None else {}
            said = sink_welcome(
                process.node, hellos[0].session, taken=[list(t) for t in taken], **fields
            )
            self.desk.say(link, said, *[Draining()] * process.drains)

    def kill(self, place, proved):
        process = self.processes.pop(place, None)
        if process is not None and process.link is not None:
            gone = [Probed(f"local:{place}", gone=True)] if proved else []
            self.desk.turn(LinkDown(process.link), *gone)
            self.sessions()

    def cut(self, place, given_up):
        """The process lives on, and may be proved to be gone all the same: a wrong proof."""
        process = self.processes.get(place)
        if process is not None and process.link is not None:
            gone = [Probed(f"local:{place}", gone=True)] if given_up else []
            self.desk.turn(LinkDown(process.link), *gone)
            self.sessions()

    def drain(self, place):
        process = self.processes.get(place)
        if process is not None and process.link is not None:
            process.drains = True
            self.desk.say(process.link, Draining())

    def sessions(self):
        """Sessions that the producer has ended are over."""
        for place in (*self.SINKS, *self.WORKERS):
            process = self.processes.get(place)
            if process is not None and process.link != self.desk.link_of(place):
                process.link = None

    # -- what workers do ----------------------------------------------------------------------

    def picked(self, place, pick):
        worker = self.processes.get(place)
        if worker is None or not worker.held:
            return None, 0, None
        seq = sorted(worker.held)[pick % len(worker.held)]
        return worker, seq, worker.held[seq]

    def report(self, worker):
        if worker.link is not None and worker.stored:
            pairs, worker.stored = list(worker.stored.items()), {}
            self.batch += 1
            self.desk.say(worker.link, done(self.batch, *pairs))

    def begin(self, place, pick):
        worker, seq, held = self.picked(place, pick)
        if worker is not None and not held[1]:
            held[1] = True
            if worker.link is not None:
                self.desk.say(worker.link, Started([seq], [held[0]]))

    def deliver(self, place, pick):
        """A result is sent to whoever is there for its destination."""
        worker, seq, held = self.picked(place, pick)
        if worker is None:
            return
        _, _, to, number = held
        for where in self.SINKS:
            sink = self.processes.get(where)
            if sink is None:
                continue
            if to.inbox if sink.inbox is not None else node_id(sink.node) == to.node_id:
                if not sink.store.has(number):
                    sink.holding[number] = seq
                else:
                    self.acked(sink, number)
                return

    def store(self, place):
        sink = self.processes.get(place)
        if sink is not None:
            for number, seq in sink.holding.items():
                if not sink.store.has(number):
                    sink.store.taken[number] = seq
                    self.results.setdefault(seq, []).append(sink.node)
                self.acked(sink, number)
            sink.holding = {}

    def acked(self, sink, number):
        """Workers that have sent this there hear that it is stored."""
        name = "box" if sink.inbox is not None else node_id(sink.node)
        for place in self.WORKERS:
            worker = self.processes.get(place)
            if worker is None:
                continue
            for seq, (attempt, _, to, theirs) in list(worker.held.items()):
                if (to.inbox or to.node_id) == name and theirs == number:
                    del worker.held[seq]
                    worker.stored[seq] = attempt
            self.report(worker)

    def fail(self, place, pick):
        worker, seq, held = self.picked(place, pick)
        if worker is not None and worker.link is not None:
            del worker.held[seq]
            self.batch += 1
            failure = Failure(seq, held[0], FAILED, {"type": "E", "text": ""})
            self.desk.say(worker.link, done(self.batch, failures=[failure]))

    def give_back(self, place, pick, why):
        worker, seq, held = self.picked(place, pick)
        if worker is not None and worker.link is not None:
            del worker.held[seq]
            self.desk.say(worker.link, Return(why, [seq], [held[0]]))

    # -- what sinks do ------------------------------------------------------------------------

    def answer(self, good):
        asked, self.questions = self.questions, []
        for sink, link, have in asked:
            if sink.link == link and good and sink in self.processes.values():
                states = [
                    HAS_TAKEN
                    if sink.store.has(n)
                    else HAS_HOLDING
                    if n in sink.holding
                    else HAS_NOT
                    for n in have.sink_seqs
                ]
                self.desk.say(link, Has(have.request, states))

    # -- what the application does ------------------------------------------------------------

    def submit(self, count, to, expires):
        first = len(self.accepted) + 1
        fresh = list(range(first, first + count))
        self.accepted += fresh
        kind = spec(
            max_retries=1, retry_backoff=0.2, expires=0.9 if expires else None,
            **({"sink": "out"} if to == "out" else {"inbox": "box"}),
        )  # fmt: skip
        self.desk.turn(Submitted(entries(*fresh, of=kind)))

    def cancel(self, pick):
        if self.accepted:
            seq = self.accepted[-1 - pick % len(self.accepted)]
            self.desk.turn(CancelRequested([seq], "request"))

    def pass_time(self, seconds, speaks):
        until = self.desk.now + seconds
        while (deadline := self.desk.machine.deadline()) is not None and deadline <= until:
            self.desk.turn(at=deadline)
            self.sessions()
            for process in self.processes.values() if speaks else ():
                if process.link is not None:
                    self.desk.say(process.link, Pong(0))
        self.desk.now = until

    def nothing_vanishes(self):
        known = [entry.seq for entry in self.desk.machine._ledger]
        assert sorted([*known, *self.settled]) == self.accepted

    def each_task_is_in_one_place(self):
        in_one_place(self.desk.machine)

    def floors_are_below_what_is_open(self):
        for process in self.processes.values():
            if isinstance(process, Sink):
                name = "box" if process.inbox is not None else node_id(process.node)
                for (outlet, number), seq in self.numbers.items():
                    if outlet == name and seq not in self.settled:
                        assert number >= process.store.floor

    def step(self):
        """Something happens."""
        random = self.random
        sink, worker = random.choice(self.SINKS), random.choice(self.WORKERS)
        place, pick, maybe = random.choice((sink, worker)), random.randrange(10), random.random()
        actions = [
            (
                8,
                lambda: self.submit(
                    random.randint(1, 3), random.choice(("out", "box")), maybe < 0.1
                ),
            ),
            (6, lambda: self.start_sink(sink)),
            (6, lambda: self.start_worker(worker)),
            (20, lambda: self.greet(place)),
            (3, lambda: self.kill(place, maybe < 0.5)),
            (4, lambda: self.cut(place, maybe < 0.5)),
            (0.5, lambda: self.drain(sink)),
            (10, lambda: self.begin(worker, pick)),
            (10, lambda: self.deliver(worker, pick)),
            (6, lambda: self.store(sink)),
            (2, lambda: self.fail(worker, pick)),
            (2, lambda: self.give_back(worker, pick, random.choice(("undelivered", "recalled")))),
            (8, lambda: self.answer(maybe < 0.8)),
            (1, lambda: self.cancel(pick)),
            (12, lambda: self.pass_time(random.choice((0.05, 0.3, 1.1)), maybe < 0.9)),
            (0.5, lambda: self.pass_time(5.0, speaks=False)),
        ]
        weights = [weight for weight, _ in actions]
        random.choices(actions, weights)[0][1]()
        self.nothing_vanishes()
        in_one_place(self.desk.machine)
        self.floors_are_below_what_is_open()

    def end(self):
        """In the end everybody is there, and diligent."""
        for place in self.SINKS:
            if place in self.processes and self.processes[place].drains:
                self.kill(place, proved=True)
        for _ in range(80):
            for place in (*self.SINKS, *self.WORKERS):
                if place in self.WORKERS:
                    self.start_worker(place)
                else:
                    self.start_sink(place)
                self.greet(place)
            for place in self.WORKERS:
                for pick in range(4):
                    self.begin(place, pick)
                    self.deliver(place, pick)
            for place in self.SINKS:
                self.store(place)
            self.answer(good=True)
            self.pass_time(0.5, speaks=True)
            if len(self.settled) == len(self.accepted):
                break
        assert sorted(self.settled) == self.accepted


@pytest.mark.parametrize("seed", range(100))
def test_no_result_is_lost_whatever_happens(seed):
    world = World(seed)
    for _ in range(STEPS):
        world.step()
    world.end()


# -- sinks that say whatever they like ------------------------------------------------------------

EXAMPLES = settings(max_examples=200, deadline=None, derandomize=True, database=None)

small = st.integers(0, 6)
spans = st.lists(st.tuples(small, small).map(sorted).map(list), max_size=3)
names = st.sampled_from(["", "box", "out", node_id("s"), node_id("t")])
said = st.one_of(
    st.builds(
        lambda node, names, inbox, taken, role: sink_welcome(
            node, 0, sinks=names, inbox=inbox, taken=taken, role=role
        ),
        st.sampled_from("stu"),
        st.lists(names, max_size=2),
        names,
        spans,
        st.sampled_from(["sink", "sink", "sink", "worker", "producer"]),
    ),
    st.builds(Has, small, st.lists(st.integers(0, 3), max_size=4)),
    st.builds(Have, small, st.lists(small, max_size=3)),
    st.builds(Ended, small, spans),
    st.builds(End, small, small),
    st.builds(Floor, small),
    st.builds(lambda seqs: Route(seqs, Destination("", "", [], "", seqs)), st.lists(small)),
    st.builds(Results, small, st.just([])),
    st.builds(ResultsAck, small),
    st.just(Draining()),
    st.just(Bye()),
    st.just(Pong(0)),
    st.builds(Refused, st.sampled_from(["order", "gap", "realm", "full"]), st.just("why")),
)
peers = st.sampled_from(["s", "t", "w"])
history = st.lists(
    st.one_of(
        st.tuples(st.just("say"), peers, st.lists(said, max_size=4)),
        st.tuples(st.just("say"), peers, st.lists(said, max_size=4)),
        st.tuples(st.just("wait"), peers, st.floats(0.0, 3.0)),
        st.tuples(st.just("down"), peers, st.booleans()),
        st.tuples(st.just("end"), peers, st.just(0.5)),
    ),
    max_size=25,
)


@EXAMPLES
@given(history)
def test_nothing_that_a_sink_says_can_raise(steps):
    desk = ProducerDesk()
    desk.watch = lambda: in_one_place(desk.machine)
    desk.open(credit=4, slots=4)
    desk.submit(1, 2, of=spec(sink="out"))
    desk.submit(3, 4, 5, of=spec(inbox="box"))
    desk.open_sink("s")
    desk.open_sink("t", inbox="box")
    for verb, label, what in steps:
        link = desk.link_of(label)
        if verb == "wait":
            desk.until(desk.now + what)
        elif verb == "down":
            gone = [Probed(f"local:{label}", gone=True)] if what else []
            desk.turn(LinkDown(link), *gone)
        elif verb == "end":
            desk.turn(EndRequested("end", what))
        else:
            desk.turn(LinkUp(link))
            hellos = desk.sent(Hello, link)
            for message in what:
                if isinstance(message, Welcome) and hellos:
                    message.session = hellos[0].session
            desk.say(link, *what)
        settled = sum(desk.machine._ledger.settled_counts.values())
        assert len(desk.machine._ledger) + settled == 5
