"""One machine with its inbox, its turns, and somebody who performs its effects."""

from __future__ import annotations

from random import Random
from typing import Any, Protocol

from zmqwork.config import ProducerConfig, SinkConfig, WorkerConfig
from zmqwork.core.collector import Collector
from zmqwork.core.dispatcher import Dispatcher
from zmqwork.core.effects import Effect
from zmqwork.core.events import Event
from zmqwork.core.happenings import LATE, REJECTED, RESUBMITTED, RETRIED, SUBMITTED, ListenRequested
from zmqwork.core.ledger import Entry
from zmqwork.core.link_events import LinkDown, LinkUp, Received
from zmqwork.core.messages import Message
from zmqwork.core.records import Legacy
from zmqwork.core.runner import Runner
from zmqwork.testing.archive import Archive, ScriptedRecorder
from zmqwork.testing.clock import FakeClock
from zmqwork.testing.connection import Origin
from zmqwork.testing.pool import ScriptedPool
from zmqwork.testing.store import ScriptedStore

# Rounding must not let a deadline come a trifle early again and again.
_INSTANT = 1e-9

# What a producer's application listens for.
EVERYTHING = ListenRequested(frozenset({SUBMITTED, RETRIED, RESUBMITTED, REJECTED, LATE}))

RUNNING, STALLED, FROZEN, DEAD = "running", "stalled", "frozen", "dead"


class Machine(Protocol):
    """What `zmqwork.core` promises of its machines."""

    def handle(self, event: Any, now: float) -> list[Effect]:
        """Take an event."""

    def tick(self, now: float) -> list[Effect]:
        """Draw the consequences."""

    def deadline(self) -> float | None:
        """When `tick` has something to do."""


class Keeper(Protocol):
    """Who looks after a node: performs what its machine wants, and checks what it did."""

    def before(self, node: Node, event: Event) -> None:
        """The machine is about to take this event."""

    def after(self, node: Node, event: Event) -> None:
        """The machine has taken it."""

    def turned(self, node: Node, effects: list[Effect], now: float) -> None:
        """A turn is over: perform its effects."""


class Node:
    """A machine that runs: a loop's turns, without a loop.

    Attributes:
        name: for traces, like ``worker-2``.
        node_id: as in the machine's configuration.
        machine: the machine itself.
        offset: how far its clock is from the run's: clocks of two hosts have no common origin.
        pace: seconds of its clock in a second of the run: no two quartzes are alike.
        wall: how far somebody has put its wall clock, which no machine reads.
        condition: RUNNING; STALLED (its runtime does nothing, its links live on); FROZEN (its
            process is stopped); DEAD.
        since: when it came into its condition, by the run's clock.
        budget: messages read in one turn, at most.
        lag: the longest time from an arrival to the turn that reads it.
        paid: tasks that its turns have paid for to be looked at, since they were.
        reacted: name of another node -> when it sent the newest of its messages that were read
            here, by the run's clock: no lease that it has of us may be older.
    """

    def __init__(
        self,
        name: str,
        node_id: str,
        machine: Machine,
        clock: FakeClock,
        random: Random,
        keeper: Keeper,
    ) -> None:
        self.name = name
        self.node_id = node_id
        self.machine = machine
        self.offset = 0.0
        self.pace = 1.0
        self.wall = 0.0
        self.condition = RUNNING
        self.budget = 1_000_000
        self.lag = 0.001
        self.turns = 0
        self.paid = 0
        self.since = 0.0
        self.reacted: dict[str, float] = {}
        self._clock = clock
        self._random = random
        self._keeper = keeper
        self._inbox: list[Event | tuple[int | bytes, int, Message, Origin]] = []
        self._wake_at: float | None = None
        self._wakes = 0

    def __repr__(self) -> str:
        return f"<Node {self.name} {self.condition}>"

    @property
    def now(self) -> float:
        """The instant by its own clock."""
        return self._clock.now * self.pace + self.offset

    # -- the network's side -------------------------------------------------------------------

    def link_up(self, link: int) -> None:
        """A dialled link is connected."""
        self.post(LinkUp(link))

    def link_down(self, link: int | bytes) -> None:
        """A dialled link is gone, or a bound one had no route."""
        self.post(LinkDown(link))

    def deliver(self, link: int | bytes, number: int, message: Message, origin: Origin) -> None:
        """A message arrived."""
        if self.condition != DEAD:
            self._inbox.append((link, number, message, origin))
            self._wake(self._random.uniform(0.0, self.lag))

    def discard(self, link: int) -> None:
        """What was delivered over this link and not read yet is lost."""
        self._inbox = [
            item for item in self._inbox if not (isinstance(item, tuple) and item[0] == link)
        ]

    def post(self, event: Event) -> None:
        """Something else happened."""
        if self.condition != DEAD:
            self._inbox.append(event)
            self._wake(self._random.uniform(0.0, self.lag))

    # -- turns --------------------------------------------------------------------------------

    def resume(self) -> None:
        """Go on after a stall or a freeze."""
        if self.condition in (STALLED, FROZEN):
            self.condition = RUNNING
            self.since = self._clock.now
            self._wake_at = None
            self._wake(0.0)

    def die(self) -> None:
        """Never do anything again."""
        self.condition = DEAD
        self.since = self._clock.now
        self._inbox.clear()

    def _wake(self, delay: float) -> None:
        at = self._clock.now + delay
        if self._wake_at is None or at < self._wake_at:
            self._wake_at = at
            self._wakes += 1
            self._clock.call_at(at, self._turn, self._wakes)

    def _turn(self, wake: int) -> None:
        if wake != self._wakes or self.condition != RUNNING:
            return  # an earlier turn took its place, or there is nobody to take it
        self._wake_at = None
        self.turns += 1
        now = self.now
        events = self._gather()
        effects: list[Effect] = []
        for event in events:
            self._keeper.before(self, event)
            effects += self.machine.handle(event, now)
            self._keeper.after(self, event)
        effects += self.machine.tick(now)
        self._keeper.turned(self, effects, now)
        if self.condition == DEAD:
            return
        if self._inbox:
            self._wake(self._random.uniform(0.0, self.lag))
        deadline = self.machine.deadline()
        if deadline is not None:
            self._wake(max(_INSTANT, (deadline - self.now) / self.pace))

    def _gather(self) -> list[Event]:
        """What this turn reads: one event per link for the messages of that link."""
        items, self._inbox = self._inbox, []
        budget = self.budget
        events: list[Event] = []
        batches: dict[int | bytes, Received] = {}
        for item in items:
            if not isinstance(item, tuple):
                if isinstance(item, LinkUp | LinkDown):
                    batches.pop(item.link, None)
                events.append(item)
                continue
            if not budget:
                self._inbox.append(item)
                continue
            budget -= 1
            link, number, message, (source, sent_at) = item
            self.reacted[source] = max(sent_at, self.reacted.get(source, sent_at))
            batch = batches.get(link)
            if batch is None:
                batch = batches[link] = Received(link, [])
                events.append(batch)
            batch.messages.append((number, message))
        return events


class Producer(Node):
    """A node with a Dispatcher.

    Attributes:
        settled: its settled entries, in order.
        losses: how many workers it gave up.
        stopped: whether it was told to stop.
        in_run: whether it does a run that others may go on with, and nothing else.
        refused: how often each task came back because it was beyond the credit, by seq.
        paused: the queues that were paused, and since when.
        told: how many happenings of each kind it has told.
        archive: its journal, if it has one.
        recorder: the thread that writes to it.
        legacy: what that had when this process began.
        left: the numbers of the tasks in it.
        opened_at: when that was, by the run's clock.
        inherited: failures and crashes that were counted by then, by seq.
        untold: how many of its tasks ended without an outcome: they are in the journal, or were
            refused by it, or are in doubt.
        confirmed: all tasks up to this number are said to be in the journal.
        verdicts: (worker's node id, batch) -> what is to be in the journal before that is acked:
            (seq, failures, crashes) each.
    """

    machine: Dispatcher
    config: ProducerConfig
    losses: int = 0
    stopped: bool = False
    in_run: bool = False
    next_seq: int = 0
    archive: Archive | None = None
    recorder: ScriptedRecorder | None = None
    legacy: Legacy | None = None
    left: frozenset[int] = frozenset()
    opened_at: float = 0.0
    untold: int = 0
    confirmed: int = 0

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.settled: list[Entry] = []
        self.refused: dict[int, int] = {}
        self.paused: dict[str, float] = {}
        self.inherited: dict[int, tuple[int, int]] = {}
        self.verdicts: dict[tuple[str, int], list[tuple[int, int, int]]] = {}
        self.told: dict[str, int] = {}
        self.machine.handle(EVERYTHING, 0.0)  # which takes no random numbers, and no time

    def die(self) -> None:
        """Never do anything again; what the journal does not have is lost."""
        super().die()
        if self.recorder is not None:
            self.recorder.crash()
            self.recorder.archive.gone()

    @property
    def producer_id(self) -> str:
        """Under which its tasks are numbered at sinks."""
        return self.config.producer_id or self.node_id


class Worker(Node):
    """A node with a Runner.

    Attributes:
        pool: its slots.
        endpoints: where it can be dialled.
        drained: whether it was told to drain, and nothing cut that short.
        dismissed: whether it was told to drain or to stop.
        finds_sinks: whether discovery shows it sinks, or only tasks name them.
        held_peak: the most attempts that it ever held.
        extra_peak: the most that it ever lent beyond its slots and prefetch.
        granted: link to a sink -> results, and bytes of them, that it grants.
        told: the node ids of all sinks that producers have named to it.
        epochs: a producer's node id -> the epoch that its account was of, a turn ago.
    """

    machine: Runner
    config: WorkerConfig
    pool: ScriptedPool
    endpoints: tuple[str, ...]
    drained: bool = False
    dismissed: bool = False
    finds_sinks: bool = False
    held_peak: int = 0
    extra_peak: int = 0

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.granted: dict[int, tuple[int, int]] = {}
        self.told: dict[str, None] = {}
        self.epochs: dict[str, int] = {}


class Sink(Node):
    """A node with a Collector.

    Attributes:
        store: what it hands its results to.
        endpoints: where it can be dialled.
        handed: (producer id, number) of all that it ever handed over.
        batches: link -> the RESULTS that came over it and are not acked: (batch, [(producer id,
            numbers), ...]) each.
        floors: producer id -> the highest floor that it was told.
    """

    machine: Collector
    config: SinkConfig
    store: ScriptedStore
    endpoints: tuple[str, ...]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.handed: set[tuple[str, int]] = set()
        self.batches: dict[int | bytes, list[tuple[int, list[tuple[str, list[int]]]]]] = {}
        self.floors: dict[str, int] = {}
