"""A cluster for counting: thousands of nodes, and no checkers, which look at everything."""

from __future__ import annotations

from random import Random
from typing import Any

from zmqwork.core.effects import Effect, Left
from zmqwork.core.events import Event, Submitted
from zmqwork.core.happenings import ListenRequested
from zmqwork.core.ledger import Entry, TaskSpec
from zmqwork.core.workers import Workforce
from zmqwork.options import TaskOptions
from zmqwork.testing.cluster import Cluster
from zmqwork.testing.meter import Meter, MeteredMachine, MeteredNetwork
from zmqwork.testing.node import DEAD, Node, Producer, Worker
from zmqwork.testing.truth import Fate, Script
from zmqwork.testing.unchecked import Unchecked

# Of a small task: a number or two.
_ARGUMENTS = b"arguments of 24 bytes..."
_RESULT = b"16 bytes of them"

# As most applications do it.
_NOTHING = ListenRequested(frozenset())


class Crowd(Cluster):
    """Producers and workers, that are counted.

    Args:
        seed: of all randomness.
        workers: how many there are; they are there before the producers.
        producers: likewise.
        options: of each worker, as in `WorkerConfig`.

    Attributes:
        meter: what they cost.
    """

    def __init__(self, seed: int, workers: int, producers: int, **options: Any) -> None:
        super().__init__(seed)
        self.meter = Meter()
        self.network = MeteredNetwork(self.clock, Random(f"{seed}/network"))
        self.network.meter = self.meter
        self.checks: Any = Unchecked()
        self._lost: dict[str, None] = {}
        self._specs: dict[str, TaskSpec] = {}
        for _ in range(workers):
            self.add_worker(**options)
        for _ in range(producers):
            producer = self.add_producer()
            producer.machine.handle(_NOTHING, 0.0)
        for node in self.nodes.values():
            role = "producer" if isinstance(node, Producer) else "worker"
            node.machine = MeteredMachine(node.machine, role, self.meter)

    @staticmethod
    def workforce(producer: Producer) -> Workforce:
        """The workers of a producer, as it sees them."""
        metered: Any = producer.machine
        workforce: Workforce = metered.machine._workforce
        return workforce

    def sessions(self) -> int:
        """How many sessions are open, of all producers together."""
        return sum(len(self.workforce(producer)) for producer in self.producers)

    def give(self, producer: Producer, name: str, seconds: float, count: int) -> None:
        """Submit so many tasks of one kind, which stream nothing, in one batch."""
        entries = []
        for _ in range(count):
            producer.next_seq += 1
            entries.append(Entry(producer.next_seq, self._spec(name), _ARGUMENTS, None))
            fate = Fate(producer.next_seq, Script(seconds=seconds), _RESULT, self.clock.now)
            self.truth.submitted(producer.node_id, fate)
        producer.post(Submitted(entries))

    def _spec(self, name: str) -> TaskSpec:
        return self._specs.setdefault(name, TaskSpec(name, "1", TaskOptions()))

    def kill(self, workers: list[Worker]) -> None:
        """End these at once, as if their host had lost its power."""
        for worker in workers:
            self._lost[worker.node_id] = None
            self.crash(worker)

    def mourned(self) -> int:
        """How many sessions with dead workers producers still believe in."""
        return sum(
            1
            for producer in self.producers
            for worker in self.workforce(producer)
            if worker.node_id in self._lost
        )

    # -- of the cluster, without its checks and traces ----------------------------------------

    def before(self, node: Node, event: Event) -> None:
        """Nothing is looked at."""

    def after(self, node: Node, event: Event) -> None:
        """Likewise."""

    def turned(self, node: Node, effects: list[Effect], now: float) -> None:
        """Perform what it wants."""
        perform, left = self._performer.perform, False
        for effect in effects:
            perform(node, effect)
            left = left or isinstance(effect, Left)
        if left and node.condition != DEAD:
            self._end(node)
        self.notices.clear()  # nobody reads them
        del now
