"""A machine on a desk: events go in, turns are ticked, and what came out lies there to be read."""

from __future__ import annotations

from random import Random

from zmqwork.config import ProducerConfig, SinkConfig, WorkerConfig
from zmqwork.core.collector import Collector
from zmqwork.core.delivery import Parcel, Results, ResultsAck
from zmqwork.core.dispatcher import Dispatcher
from zmqwork.core.effects import Deliver, Dial, Execute, HangUp, Notice, Send, Settle
from zmqwork.core.events import (
    Finished,
    SlotReady,
    Stored,
    Submitted,
)
from zmqwork.core.ledger import Entry, TaskSpec
from zmqwork.core.link_events import (
    LinkDown,
    LinkUp,
    PeerFound,
    Probed,
    Received,
    Rostered,
)
from zmqwork.core.messages import DELIVER, Credit, Done, Hello, Route, Run, Tasks, Welcome
from zmqwork.core.permissions import Access
from zmqwork.core.runner import Runner
from zmqwork.options import TaskOptions

PRODUCER_ID = "f" * 32
REALM = "realm"


def node_id(label):
    return str(label).rjust(32, "0")


class Desk:
    """What every machine has."""

    def __init__(self, machine, start=100.0):
        self.machine = machine
        self.now = start
        self.effects = []
        self.numbers = {}
        self.fingerprints = {}  # of the keys behind links, where there are keys
        self.watch = None  # called after each turn

    def turn(self, *events, at=None):
        """One turn; instants never go back, and the deadline lies ahead afterwards."""
        if at is not None:
            assert at >= self.now
            self.now = at
        self.effects = []
        for event in events:
            self.effects += self.machine.handle(event, self.now)
        self.effects += self.machine.tick(self.now)
        deadline = self.machine.deadline()
        assert deadline is None or deadline > self.now
        if self.watch is not None:
            self.watch()
        return self.effects

    def until(self, instant):
        """Tick at each deadline up to an instant; all effects on the way."""
        effects = []
        while (deadline := self.machine.deadline()) is not None and deadline <= instant:
            effects += self.turn(at=deadline)
        self.now = max(self.now, instant)
        self.effects = effects
        return effects

    def of(self, kind):
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def sent(self, kind, link=None):
        return [
            send.message
            for send in self.of(Send)
            if isinstance(send.message, kind) and link in (None, send.link)
        ]

    def notices(self):
        return [notice.kind for notice in self.of(Notice)]

    def heard(self, link, *messages):
        """These messages, with the next numbers of this link."""
        numbered = []
        for message in messages:
            self.numbers[link] = self.numbers.get(link, 0) + 1
            numbered.append((self.numbers[link], message))
        return Received(link, numbered, self.fingerprints.get(link, ""))

    def roster(self, *, at=None, **members):
        """A roster holds from now on: the roles of each member, whose key is called as it is."""
        accesses = {
            name: Access(name.partition("_")[0], frozenset(roles.split()))
            for name, roles in members.items()
        }
        return self.turn(Rostered(accesses), at=at)

    def say(self, link, *messages, at=None):
        return self.turn(self.heard(link, *messages), at=at)


def spec(name="f", **options):
    return TaskSpec(name, "1", TaskOptions(**options))


def entries(*seqs, of=None, args=b""):
    of = of or spec()
    return [Entry(seq, of, args, None) for seq in seqs]


def welcome(label="w", session=0, held=(), slots=1, tasks=None, **more):
    fields = {"role": "worker", "name": f"worker-{label}", "realm": REALM, "protocol": 1}
    fields |= {"slots": slots, "tasks": {"f": "1", "g": "1"} if tasks is None else tasks}
    fields |= {"can": [DELIVER]}
    return Welcome(session, node_id(label), held=[list(h) for h in held], **(fields | more))


def sink_welcome(label="s", session=0, sinks=("out",), **more):
    fields = {"role": "sink", "name": f"sink-{label}", "slots": 0, "tasks": {}} | more
    return welcome(label, session, sinks=list(sinks), **fields)


class ProducerDesk(Desk):
    """A Dispatcher, and workers and sinks that it knows only by what they say."""

    def __init__(self, start=100.0, **options):
        config = ProducerConfig(node_id=PRODUCER_ID, name="p", realm=REALM, **options)
        super().__init__(Dispatcher(config, Random(1)), start)

    def link_of(self, label):
        """The newest link that was dialled to this worker."""
        return self.machine.dialer.peers[f"local:{label}"].link

    def find(self, label="w", at=None, role="worker"):
        endpoint = f"ipc://{label}"
        self.turn(PeerFound(f"local:{label}", (endpoint,), role), at=at)
        return self.link_of(label)

    def greet(self, label="w", *messages, at=None, **fields):
        """The link that was dialled comes up, and the worker answers."""
        link = self.link_of(label)
        self.turn(LinkUp(link), at=at)
        (hello,) = self.sent(Hello, link)
        self.say(link, welcome(label, hello.session, **fields), *messages)
        return link

    def open(self, label="w", credit=1, size_bytes=1 << 20, **fields):
        """A worker is found, answers, and grants credit."""
        self.find(label)
        return self.greet(label, Credit(credit, size_bytes), **fields)

    def greet_sink(self, label="s", *messages, node=None, at=None, **fields):
        """As `greet`, for a sink; `node`: another one has taken its place."""
        link = self.link_of(label)
        self.turn(LinkUp(link), at=at)
        (hello,) = self.sent(Hello, link)
        self.say(link, sink_welcome(node or label, hello.session, **fields), *messages)
        return link

    def open_sink(self, label="s", *messages, **fields):
        """A sink is found and answers."""
        self.find(label, role="sink")
        return self.greet_sink(label, *messages, **fields)

    def renew_sink(self, label="s", **fields):
        """The link of a sink breaks, and a new session begins."""
        self.turn(LinkDown(self.link_of(label)))
        return self.greet_sink(label, **fields)

    def lose(self, label="w"):
        """The process of this peer is gone."""
        return self.turn(LinkDown(self.link_of(label)), Probed(f"local:{label}", gone=True))

    def outlet(self, label="s"):
        """The outlet of this sink, or of this inbox."""
        outlets = self.machine._books.outlets
        return outlets.get(label) or outlets.get(node_id(label))

    def submit(self, *seqs, of=None, args=b"", at=None):
        made = entries(*seqs, of=of, args=args)
        self.turn(Submitted(made), at=at)
        return made

    def destined(self, link=None):
        """Where the results go of what was dispatched in this turn: seq -> (sink, number)."""
        return {
            seq: (run.to.inbox or run.to.node_id.lstrip("0"), number)
            for tasks in self.sent(Tasks, link)
            for run in tasks.runs
            for seq, number in zip(run.seqs, run.to.sink_seqs, strict=True)
        }

    def routed(self, link=None):
        """The same of what was sent elsewhere in this turn."""
        return {
            seq: (route.to.inbox or route.to.node_id.lstrip("0"), number)
            for route in self.sent(Route, link)
            for seq, number in zip(route.seqs, route.to.sink_seqs, strict=True)
        }

    def given(self, link=None):
        """What was dispatched in this turn: (seq, attempt) each."""
        return [
            (seq, run.attempt)
            for tasks in self.sent(Tasks, link)
            for run in tasks.runs
            for seq in run.seqs
        ]

    def sent_tasks(self, link=None):
        return self.sent(Tasks, link)

    def settled(self):
        return [(e.seq, e.state) for settle in self.of(Settle) for e in settle.entries]

    def dials(self):
        return [(dial.link, dial.endpoint) for dial in self.of(Dial)]

    def hang_ups(self):
        return [hang_up.link for hang_up in self.of(HangUp)]

    def state_of(self, label="w"):
        return self.machine.dialer.peers[f"local:{label}"].state


def done(batch, *pairs, failures=(), times=None):
    """A batch of successes: the value is ``b"of <seq>"``."""
    seqs, attempts = [seq for seq, _ in pairs], [attempt for _, attempt in pairs]
    return Done(batch, seqs, attempts, [b"of %d" % s for s in seqs], list(failures), times or {})


class WorkerDesk(Desk):
    """A Runner with ready slots, and producers that it knows only by what they say."""

    def __init__(self, start=100.0, *, ready=True, **options):
        fields = {"slots": 1, "tasks": {"f": "1", "g": "1"}} | options
        config = WorkerConfig(node_id=node_id("w"), name="w", realm=REALM, **fields)
        super().__init__(Runner(config, Random(1)), start)
        self.config = config
        if ready:
            self.turn(*[SlotReady(index) for index in range(config.slots)])

    def hello(self, label="p", session=1, *, link=None, role="producer", at=None, **fields):
        link = link or f"{label}/{session}".encode()
        more = {"realm": REALM, "protocol": (1, 1)} | fields
        self.say(link, Hello(session, node_id(label), role, f"name-{label}", **more), at=at)
        return link

    def account(self, label="p"):
        return self.machine._accounts[node_id(label)]

    def tasks(self, *seqs, name="f", attempt=1, **options):
        return Tasks([Run(name, options, attempt, list(seqs), [b""] * len(seqs))])

    def placed(self):
        """What was handed to slots in this turn: (slot, seq) each."""
        return [(e.slot, held.seq) for e in self.of(Execute) for held in e.attempts]

    def finish(self, *seqs, slot=0, good=True, seconds=None, at=None):
        payload = (lambda seq: b"of %d" % seq) if good else (lambda _: {"type": "E", "text": ""})
        results = [(good, payload(seq)) for seq in seqs]
        spent = 0.001 * len(seqs) if seconds is None else seconds
        return self.turn(Finished(slot, results, spent), at=at)


def parcel(*numbers, producer="p", name="f", size=1):
    """Results with these numbers at the sink; at the producer they are a hundred higher."""
    seqs = [number + 100 for number in numbers]
    return Parcel(node_id(producer), name, list(numbers), seqs, [b"x" * size] * len(numbers))


class SinkDesk(Desk):
    """A Collector, and workers and producers that it knows only by what they say."""

    def __init__(self, start=100.0, taken=None, counts=None, **options):
        config = SinkConfig(node_id=node_id("s"), name="s", realm=REALM, **options)
        if counts is None:
            counts = {name: ranges.count for name, ranges in (taken or {}).items()}
        super().__init__(Collector(config, taken, counts), start)
        self.config = config

    def hello(self, label="w", session=1, *, role="worker", at=None, **fields):
        link = f"{label}/{session}".encode()
        more = {"realm": REALM, "protocol": (1, 1)} | fields
        self.say(link, Hello(session, node_id(label), role, f"name-{label}", **more), at=at)
        return link

    def producer(self, label="p", session=1, **fields):
        return self.hello(label, session, role="producer", **fields)

    def bring(self, link, batch, *numbers, at=None, **more):
        """A batch of results of one producer."""
        return self.say(link, Results(batch, [parcel(*numbers, **more)]), at=at)

    def delivered(self):
        """The numbers that are handed over in this turn; None: nothing is."""
        numbers = [n for d in self.of(Deliver) for p in d.parcels for n in p.sink_seqs]
        return numbers or None

    def store(self, at=None):
        """What was handed over last is stored."""
        return self.turn(Stored(self.machine._number), at=at)

    def acks(self, link=None):
        return [ack.batch for ack in self.sent(ResultsAck, link)]
