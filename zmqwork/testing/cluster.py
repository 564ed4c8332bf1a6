"""Nodes on a network, and everything that can be done to them, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from zmqwork.config import ProducerConfig, SinkConfig, WorkerConfig
from zmqwork.core.collector import Collector
from zmqwork.core.dispatcher import Dispatcher
from zmqwork.core.effects import Effect, Left, Notice
from zmqwork.core.events import (
    CancelRequested,
    DrainRequested,
    EndRequested,
    Event,
    PauseRequested,
    StatusRequested,
    StopRequested,
    Submitted,
)
from zmqwork.core.ledger import Entry
from zmqwork.core.link_events import PeerFound
from zmqwork.core.runner import Runner
from zmqwork.core.watcher import Watcher
from zmqwork.options import TaskOptions
from zmqwork.testing import restarts, streaming
from zmqwork.testing.archive import Archive
from zmqwork.testing.checks import Checks
from zmqwork.testing.clock import FakeClock
from zmqwork.testing.discovery import Discovery
from zmqwork.testing.network import MemoryNetwork
from zmqwork.testing.node import DEAD, FROZEN, STALLED, Node, Producer, Sink, Worker
from zmqwork.testing.performer import Performer
from zmqwork.testing.pool import ScriptedPool
from zmqwork.testing.store import Habits, Place, ScriptedStore
from zmqwork.testing.truth import Fate, Script, Truth

REALM = "simulated"


class Cluster:
    """Any number of nodes. All randomness comes from `seed`.

    Attributes:
        clock, network, discovery, truth: see there.
        producers, workers, sinks: all that ever were, in order; dead ones too.
        places: where results take effect, by id; an inbox outlives its sinks.
        owners: endpoint -> who bound it last.
        proves_death: whether the process behind an endpoint can be looked up (same host).
        notices: (node name, notice) of everything that a person would have been told.
        asked: requests for a status.
        answers: request -> value, of everything that was answered.
    """

    def __init__(self, seed: int | str = 0, trace: Callable[[str], None] | None = None) -> None:
        self.clock = FakeClock()
        self._random = Random(f"{seed}/cluster")
        self._ids = Random(f"{seed}/ids")
        self._seed = seed
        self.network = MemoryNetwork(self.clock, Random(f"{seed}/network"))
        self.truth = Truth()
        self.nodes: dict[str, Node] = {}
        self.producers: list[Producer] = []
        self.workers: list[Worker] = []
        self.sinks: list[Sink] = []
        self.places: dict[str, Place] = {}
        self.observers: list[Node] = []
        self._by_id: dict[str, Node] = {}
        self.discovery = Discovery(self.clock, self._random)
        self.owners: dict[str, Node] = {}
        self.proves_death = True
        self.notices: list[tuple[str, Notice]] = []
        self.asked: list[tuple[str, str, int | None, float]] = []
        self.answers: dict[object, Any] = {}
        self._trace = trace
        self._performer = Performer(self, Random(f"{seed}/performer"))
        self.checks = Checks(self)

    # -- nodes --------------------------------------------------------------------------------

    def add_producer(self, archive: Archive | None = None, **options: Any) -> Producer:
        """A producer, which finds all workers, and goes on with a journal that nobody has open."""
        name, node_id = self._name("producer", len(self.producers))
        legacy = archive.journal.load() if archive is not None else None
        node_id, epoch = (legacy.producer_id, legacy.epoch) if legacy is not None else (node_id, 0)
        config = ProducerConfig(node_id=node_id, name=name, realm=REALM, **options)
        machine = Dispatcher(config, Random(f"{self._seed}/{name}"), epoch)
        node = Producer(name, node_id, machine, self.clock, self._random, self)
        node.config = config
        if archive is not None and legacy is not None:
            restarts.take_up(self, node, archive, legacy)
        self.producers.append(node)
        self._join(node, [f"mem://{name}"])
        return node

    def add_worker(
        self,
        *,
        endpoints: Sequence[str] = (),
        key: str = "",
        finds_sinks: bool = False,
        **options: Any,
    ) -> Worker:
        """A worker; `options` as in `WorkerConfig`.

        `endpoints` are those that it announces, of which it binds those that begin with its
        name or are taken over (``mem://elsewhere`` is a wrong address); `key` is the discovery
        source's, for one that is found under a name of its own.
        """
        name, node_id = self._name("worker", len(self.workers))
        config = WorkerConfig(node_id=node_id, name=name, realm=REALM, **options)
        machine = Runner(config, Random(f"{self._seed}/{name}"))
        node = Worker(name, node_id, machine, self.clock, self._random, self)
        node.config = config
        node.endpoints = tuple(endpoints) or (f"mem://{name}",)
        node.finds_sinks = finds_sinks
        node.pool = ScriptedPool(
            node_id, config.slots, self.clock, self._random, self.truth, node.post
        )
        self.workers.append(node)
        self._join(node, [e for e in node.endpoints if e != "mem://elsewhere"])
        node.pool.start()
        self.discovery.announce(PeerFound(key or f"local:{node_id}", node.endpoints, "worker"))
        return node

    def add_sink(
        self,
        *,
        endpoints: Sequence[str] = (),
        key: str = "",
        says_id: bool = False,
        habits: Habits | None = None,
        **options: Any,
    ) -> Sink:
        """A sink; `options` as in `SinkConfig`. With an `inbox`, it remembers what that took.

        `says_id`: whether the discovery source says which node it is.
        """
        name, node_id = self._name("sink", len(self.sinks))
        config = SinkConfig(node_id=node_id, name=name, realm=REALM, **options)
        place_id = config.inbox or node_id
        place = self.places.get(place_id)
        if place is None:
            place = self.places[place_id] = Place(place_id, self.truth, inbox=bool(config.inbox))
        machine = Collector(config, place.remembered(), place.counts())
        node = Sink(name, node_id, machine, self.clock, self._random, self)
        node.config = config
        node.endpoints = tuple(endpoints) or (f"mem://{name}",)
        node.store = ScriptedStore(
            place,
            habits or Habits(),
            self.clock,
            self._random,
            node.post,
            lambda: node.condition == FROZEN,
        )
        self.sinks.append(node)
        self._join(node, list(node.endpoints))
        told_id = node_id if says_id else ""
        self.discovery.announce(
            PeerFound(key or f"local:{node_id}", node.endpoints, "sink", node_id=told_id)
        )
        return node

    def add_observer(self) -> Node:
        """An observer, which finds everybody."""
        name, node_id = self._name("observer", len(self.observers))
        config = ProducerConfig(node_id=node_id, name=name, realm=REALM)
        machine = Watcher(config, Random(f"{self._seed}/{name}"))
        node = Node(name, node_id, machine, self.clock, self._random, self)
        self.observers.append(node)
        self._join(node, [])
        return node

    def _name(self, role: str, index: int) -> tuple[str, str]:
        return f"{role}-{index}", f"{self._ids.getrandbits(128):032x}"

    def _join(self, node: Node, endpoints: list[str]) -> None:
        self.nodes[node.name] = self._by_id[node.node_id] = node
        for endpoint in endpoints:
            self.network.bind(node, endpoint)
            self.owners[endpoint] = node
        self.discovery.joined(node)

    # -- work ---------------------------------------------------------------------------------

    def submit(
        self,
        producer: Producer,
        name: str,
        scripts: Sequence[Script],
        *,
        fingerprint: str = "1",
        size_bytes: int = 0,
        labels: Sequence[str] = (),
        bound_to: str = "",
        sink_seqs: Sequence[int] = (),
        then: Sequence[Callable[[], None]] = (),
        **options: Any,
    ) -> list[int]:
        """Submit a task per script, in one batch; their numbers. `options`: `TaskOptions`.

        `labels`: what each is about, if others are about the same; `bound_to`, `sink_seqs`: the
        inbox that alone may take the results, and their numbers there, if these are chosen already;
        `then`: what is done when each has succeeded.
        """
        spec = streaming.spec_of(name, fingerprint, TaskOptions(**options), bound_to)
        entries = []
        for place, script in enumerate(scripts):
            producer.next_seq += 1
            seq = producer.next_seq
            label = (labels[place] if labels else f"{producer.node_id[:4]}-{seq}").encode()
            entries.append(Entry(seq, spec, label.ljust(size_bytes, b"."), None))
            if sink_seqs:
                entries[-1].sink_seq = sink_seqs[place]
            expires_at = None if spec.options.expires is None else self.clock.now
            if expires_at is not None and spec.options.expires is not None:
                expires_at += spec.options.expires
            fate = Fate(seq, script, b"of " + label, self.clock.now, expires_at)
            fate.due_at = self.clock.now + spec.options.countdown
            fate.then = then[place] if then else None
            self.truth.submitted(producer.node_id, fate)
        producer.post(Submitted(entries))
        return [entry.seq for entry in entries]

    def cancel(self, producer: Producer, seqs: Sequence[int]) -> None:
        """Ask for these tasks to be cancelled."""
        for seq in seqs:
            fate = self.truth.fate(producer.node_id, seq)
            assert fate is not None
            fate.cancel_asked = True
        producer.post(CancelRequested(list(seqs), ("cancel", producer.name, self.clock.now)))

    def pause(self, producer: Producer, queue: str) -> None:
        """Let nothing of a queue of this producer begin."""
        producer.paused.setdefault(queue, self.clock.now)
        producer.post(PauseRequested(queue, True, ("pause", producer.name, self.clock.now)))

    def unpause(self, producer: Producer, queue: str) -> None:
        """Let it go on."""
        producer.paused.pop(queue, None)
        producer.post(PauseRequested(queue, False, ("unpause", producer.name, self.clock.now)))

    def ask(self, node: Node, seq: int | None = None) -> object:
        """Ask a machine what it knows; the answer will be in `answers` under what is returned."""
        request = ("status", node.name, seq, self.clock.now)
        self.asked.append(request)
        node.post(StatusRequested(request, seq))
        return request

    def end(self, producer: Producer, patience: float = 5.0) -> object:
        """Say that no more comes; what the sinks have will be in `answers`."""
        request = ("end", producer.name, self.clock.now)
        producer.post(EndRequested(request, patience))
        return request

    # -- faults -------------------------------------------------------------------------------

    def crash(self, node: Node) -> None:
        """Kill -9."""
        self.say(node, "is killed")
        self.checks.marks.ended(node)
        self._end(node)

    def stall(self, node: Node) -> None:
        """Its runtime does nothing; libzmq's thread goes on."""
        self.say(node, "stalls")
        node.condition = STALLED

    def freeze(self, node: Node) -> None:
        """SIGSTOP."""
        self.say(node, "is frozen")
        node.condition = FROZEN
        self.network.freeze(node)

    def resume(self, node: Node) -> None:
        """The end of a stall, or SIGCONT."""
        self.say(node, "goes on")
        if node.condition == FROZEN:
            self.network.thaw(node)
        node.resume()

    def drain(self, node: Worker | Sink) -> None:
        """SIGTERM."""
        self.say(node, "is to drain")
        if isinstance(node, Worker):
            node.drained = not node.dismissed
            node.dismissed = True
        node.post(DrainRequested())

    def stop(self, node: Node) -> None:
        """Leave now."""
        self.say(node, "is to stop")
        if isinstance(node, Worker):
            node.drained, node.dismissed = False, True
        if isinstance(node, Producer):
            node.stopped = True
        node.post(StopRequested())

    def partition(self, one: Node, other: Node, *, one_way: bool = False) -> None:
        """Cut two nodes off from one another, or only the way from `one` to `other`."""
        self.say(one, f"cannot reach {other.name}" + ("" if one_way else ", nor the other way"))
        self.network.block(one.name, other.name)
        if not one_way:
            self.network.block(other.name, one.name)

    def rejoin(self, one: Node, other: Node) -> None:
        """The end of a partition."""
        self.say(one, f"and {other.name} reach one another")
        self.network.unblock(one.name, other.name)
        self.network.unblock(other.name, one.name)

    def living(self, nodes: Sequence[Node]) -> list[Any]:
        """Those of `nodes` that are not dead (they may be frozen or cut off)."""
        return [node for node in nodes if node.condition != DEAD]

    def _end(self, node: Node) -> None:
        node.die()
        self.network.vanish(node)
        if isinstance(node, Sink):
            node.store.close()
        if isinstance(node, Worker):
            node.pool.close()
        if isinstance(node, Worker | Sink):
            self.discovery.gone(node)

    # -- running ------------------------------------------------------------------------------

    def run_for(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.run_for(seconds)

    def run_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Let time pass until the condition holds, at most so long; whether it holds."""
        until = self.clock.now + seconds
        while not condition():
            if not self.clock.step(until):
                return condition()
        return True

    @property
    def unsettled(self) -> int:
        """Tasks of living producers that are not settled."""
        return sum(
            self.truth.unsettled.get(node.node_id, 0) for node in self.living(self.producers)
        )

    def node_of(self, node_id: str) -> Node | None:
        """The node with this id."""
        return self._by_id.get(node_id)

    def say(self, node: Node, text: str) -> None:
        """A line of the trace."""
        if self._trace is not None:
            self._trace(f"{self.clock.now:11.6f} {node.name:11} {text}")

    # -- what nodes want ----------------------------------------------------------------------

    def before(self, node: Node, event: Event) -> None:
        """A machine is about to take an event."""
        if self._trace is not None:
            self.say(node, f"<- {event!r}")
        self.checks.before(node, event)

    def after(self, node: Node, event: Event) -> None:
        """A machine has taken it."""
        self.checks.after(node, event)

    def turned(self, node: Node, effects: list[Effect], now: float) -> None:
        """A turn is over: perform its effects, then look whether every promise holds."""
        for effect in effects:
            if self._trace is not None:
                self.say(node, f"-> {effect!r}")
            self._performer.perform(node, effect)
        self.checks.turned(node, effects, now)
        if any(isinstance(effect, Left) for effect in effects):
            self.say(node, "has left")
            self._end(node)
