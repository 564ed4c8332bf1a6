"""What one seed does: who is there, what they work on, and what goes wrong.

Swarm testing (Groce et al., 2012): each class of faults is wholly on or off in a run, so that
rare combinations come up, and one fault does not always hide another.
"""

from __future__ import annotations

from random import Random
from typing import Any

from zmqwork.core.link_events import PeerFound
from zmqwork.testing import (
    journal_plan,
    queue_plan,
    sink_draft,
    strangers,
    time_plan,
    work_plan,
    worker_plan,
)
from zmqwork.testing.cluster import Cluster
from zmqwork.testing.connection import Conditions
from zmqwork.testing.faults import Faults
from zmqwork.testing.journal_plan import JournalPlan
from zmqwork.testing.node import RUNNING, Node, Producer, Sink, Worker
from zmqwork.testing.queue_plan import QueuePlan
from zmqwork.testing.scenario import Draft, Scenario, Step, World
from zmqwork.testing.sink_plan import LATE_SECONDS, SinkPlan
from zmqwork.testing.stage import Stage
from zmqwork.testing.strangers import Strangers
from zmqwork.testing.time_plan import TimePlan
from zmqwork.testing.truth import DRIFT, Script
from zmqwork.testing.work_plan import TASKS, WorkPlan
from zmqwork.testing.worker_plan import WorkerPlan

# The classes of faults.
FAULTS = (
    "slow",
    "lossy",
    "resets",
    "partitions",
    "crashes",
    "freezes",
    "stalls",
    "children",
    "failures",
    "cancels",
    "expiries",
    "drains",
    "stops",
    "discovery",
    "busy",
    "clogs",
    "swizzles",
    "suspends",
    "drift",
    "wall clocks",
)

# Those that are conditions, or something of work; each of the others is done again and again.
_LASTING = ("slow", "lossy", "failures", "cancels", "expiries", "busy", "drift")

# Those that give no cause to give anybody up.
PROMPT = ("children", "failures", "cancels", "expiries", "discovery", "drift", "wall clocks")
CALM = (*PROMPT, "slow", "busy")

# Nor do these, unless messages are late as well.
GENTLE = ("resets", "drains", "stops")

_POOLS = {"none": (), "calm": CALM, "gentle": (*PROMPT, *GENTLE), "any": FAULTS}

_PARTS = {
    "work": work_plan,
    "times": time_plan,
    "queues": queue_plan,
    "workers": worker_plan,
    "sinks": sink_draft,
    "journals": journal_plan,
    "strangers": strangers,
}


def draw(seed: int | str) -> Scenario:
    """All that a seed's run will do."""
    random = Random(f"{seed}/plan")
    odds = random.uniform(0.2, 0.7)
    pool = _POOLS[random.choice(("none", "calm", "gentle", *["any"] * 7))]
    faults = tuple(f for f in FAULTS if f in pool and random.random() < odds)
    world: World = {
        "seconds": random.uniform(5.0, 30.0),
        "faults": list(faults),
        "in_bytes": random.random() < 0.2,
        "proves_death": random.random() < 0.6,
        "network": _conditions(random, faults),
    }
    # (Each from a stream of its own: who changes one changes nothing of the others.)
    for name, part in _PARTS.items():
        world[name] = part.draw(Random(f"{seed}/{name}"))
    draft = Draft(random, world["seconds"])
    sink_draft.write(world["sinks"], draft, random, faults)
    for _ in range(random.choice((1, 1, 1, 1, 2, 2, 2, 3, 3, 5))):
        draft.now("producer")
    for _ in range(random.choice((1, 1, 1, 2, 2, 2, 3, 3, 4, 8))):
        draft.now("worker")
    if random.random() < 0.3:
        draft.now("observer")
    work_plan.write(world["work"], draft, faults)
    for fault in faults:
        if fault not in _LASTING:
            draft.some(1, 8, fault)
    queue_plan.write(world["queues"], draft)
    worker_plan.write(world["workers"], draft)
    journal_plan.write(world["journals"], draft)
    strangers.write(world["strangers"], draft)
    return Scenario(seed, world, draft.steps())


def _conditions(random: Random, faults: tuple[str, ...]) -> World:
    slow, lossy = "slow" in faults, "lossy" in faults
    return {
        "delay": (0.0001, random.choice((0.005, 0.05, 0.4)) if slow else 0.0005),
        "loss": random.choice((0.0, 0.001, 0.02)) if lossy else 0.0,
        "duplication": random.choice((0.0, 0.001, 0.02)) if lossy else 0.0,
        "reordering": random.choice((0.0, 0.001, 0.02)) if lossy else 0.0,
        "reset": random.choice((0.0005, 0.005)) if "resets" in faults else 0.0,
    }


class Plan:
    """One run's cast, work and faults.

    Attributes:
        faults: the classes that are on.
        seconds: how long the safety phase lasts.
        stage: where its steps are performed.
    """

    def __init__(self, scenario: Scenario, cluster: Cluster) -> None:
        self._scenario = scenario
        self._cluster = cluster
        world = scenario.world
        self.stage = stage = Stage(cluster.clock, scenario.seed)
        self.faults: tuple[str, ...] = tuple(world["faults"])
        self.seconds: float = world["seconds"]
        cluster.network.in_bytes = world["in_bytes"]
        cluster.proves_death = world["proves_death"]
        self._healed = False
        self._strangers = Strangers(cluster, stage)
        self._times = TimePlan(world["times"], stage)
        self._queues = QueuePlan(world["queues"], cluster, stage)
        self._moods = WorkerPlan(world["workers"], cluster, stage)
        self._work = WorkPlan(
            cluster, stage, faults=self.faults, options=self._options, script=self._script
        )
        self._faults = Faults(
            cluster, stage, replace=self._replace, gone=self._gone, submit=self._work.submit
        )
        self._sinks = SinkPlan(
            world["sinks"],
            cluster,
            stage,
            has=self._has,
            submit=self._work.submit,
            script=self._work.script,
            settle_in=self._settle_in,
        )
        self._journals = JournalPlan(
            world["journals"],
            cluster,
            stage,
            submit=self._work.submit_to,
            settle_in=self._settle_in,
        )
        stage.can("producer", self._add_producer)
        stage.can("worker", self._add_worker)
        stage.can("observer", self._add_observer)
        stage.can("heal", self._heal)

    def __str__(self) -> str:
        cast = f"{len(self._cluster.producers)} producers, {len(self._cluster.workers)} workers"
        cast += f", {self._sinks}"
        faults = ", ".join(self.faults) or "no faults"
        plans = f"{self._times}; {self._queues}; {self._moods}{self._journals}"
        return f"{cast}, {self.seconds:.0f} s of {faults}; {plans}"

    @property
    def is_calm(self) -> bool:
        """Whether nothing happens for which a worker might rightly be given up."""
        late = self._has("slow") or self._has("busy")
        harmless = CALM if late else (*CALM, *GENTLE)
        # (Who reads a message at a time hears heartbeats late behind those of thousands of tasks;
        # and a link that breaks at one message in hundreds does so faster than it can be mended.)
        crowded = self._scenario.world["work"]["bulks"]
        crowded = crowded and (self._has("busy") or self._has("resets"))
        harmful = [fault for fault in self.faults if fault not in harmless]
        nobody_else = not self._scenario.world["strangers"]["is_on"]
        return nobody_else and not (harmful or crowded or self._journals.restarts)

    @property
    def is_prompt(self) -> bool:
        """Whether work also flows without delay from the beginning."""
        late = self._has("slow") or self._has("busy") or self._journals.is_slow
        return self.is_calm and not late

    def _has(self, fault: str) -> bool:
        return fault in self.faults

    def begin(self) -> None:
        """Let everything happen, each at its time."""
        network = {**self._scenario.world["network"]}
        network["delay"] = tuple(network["delay"])
        self._cluster.network.conditions = Conditions(**network)
        self.stage.play(self._scenario.steps)

    # -- the cast -----------------------------------------------------------------------------

    def _add_producer(self) -> None:
        options = self._queues.producer()
        crash_limit = self.stage.random.choice((1, 2, 3, 3))
        if self._journals.add_producer(**options) is None:
            self._settle_in(self._cluster.add_producer(crash_limit=crash_limit, **options))

    def _settle_in(self, node: Node) -> None:
        random = self.stage.random
        if self._has("drift"):
            node.pace = 1 + random.uniform(-DRIFT, DRIFT)
        node.offset = random.choice((0.0, 1e3, 1e6)) * random.random()
        if self._healed:
            if isinstance(node, Worker):
                node.pool.hurry()
        elif self._has("busy"):
            node.budget = random.choice((1, 3, 1_000_000))
            node.lag = random.choice((0.001, 0.01, 0.1)[: 2 if node.budget == 1 else 3])

    def _add_worker(self) -> None:
        random = self.stage.random
        tasks = dict(TASKS)
        if random.random() < 0.2:
            del tasks[random.choice(sorted(tasks))]
        elif random.random() < 0.1:
            tasks[random.choice(sorted(tasks))] = "2"
        name = f"mem://worker-{len(self._cluster.workers)}"
        endpoints = [name]
        if self._has("discovery"):
            endpoints = random.choice(
                (
                    [name],
                    [name, f"{name}/tcp"],
                    ["mem://elsewhere", name],
                    [name, "mem://elsewhere"],
                )
            )
        node = self._cluster.add_worker(
            endpoints=endpoints,
            finds_sinks=self._sinks.finds_sinks(),
            slots=random.choice((1, 1, 2, 4, 9)),
            tasks=tasks,
            **{"queues": random.choice(((), (), ("default",))), **self._queues.worker()},
            shares_process=(shares := random.random()) < 0.2,
            shares_thread=shares < 0.1,
            chunk_max=random.choice((2, 64, 512)),
            prefetch_max=random.choice((0, 8, 16_384)),
            credit_bytes=random.choice((200, 64 << 20)),
            outbox_bytes=random.choice((200, 64 << 20)),
            drain_timeout=random.choice((0.5, 5.0, 30.0)),
        )
        self._settle_in(node)
        if self._has("discovery") and random.random() < 0.3:
            # The same node, found by two sources under two keys.
            self._cluster.discovery.announce(
                PeerFound(f"static:{name}", (name,), "worker", "static")
            )

    def _add_observer(self) -> None:
        observer = self._cluster.add_observer()
        for _ in range(3):
            delay = self.stage.random.uniform(0.0, self.seconds)
            self.stage.later(delay, self._survey, observer)

    def _survey(self, observer: Node) -> None:
        if observer.condition == RUNNING:
            self._cluster.ask(observer)

    # -- work ---------------------------------------------------------------------------------

    def _options(self) -> dict[str, Any]:
        return {**self._times.options(), **self._queues.task(), **self._sinks.options()}

    def _script(self, script: Script) -> Script:
        return self._moods.script(self._times.script(script))

    # -- faults -------------------------------------------------------------------------------

    def _replace(self, before: Worker) -> None:
        """A new process, sometimes at the endpoint and under the key of the one before."""
        if self.stage.random.random() < 0.5:
            self._add_worker()
            return
        endpoint = before.endpoints[0]
        node = self._cluster.add_worker(
            endpoints=[endpoint],
            key=f"static:{endpoint}",
            finds_sinks=self._sinks.finds_sinks(),
            slots=2,
            tasks=dict(TASKS),
        )
        self._settle_in(node)

    def _gone(self, node: Node) -> None:
        """A sink, or a producer, was killed or told to leave."""
        if isinstance(node, Sink):
            self._sinks.gone(node)
        elif isinstance(node, Producer) and node.in_run:
            self._sinks.run_gone(node)

    # -- the end ------------------------------------------------------------------------------

    def heal(self) -> None:
        """From now on nothing goes wrong, and somebody is there who can run everything."""
        self.stage.perform(Step(self._cluster.clock.now, "heal", 0))

    def _heal(self) -> None:
        cluster, random = self._cluster, self.stage.random
        self._healed = True
        cluster.network.conditions = Conditions()
        self._faults.heal()
        self._strangers.heal()
        for node in cluster.nodes.values():
            node.lag, node.budget = 0.001, 1_000_000
        cluster.network.unblock_all()
        self._work.heal()
        self._sinks.heal()
        self._queues.heal()
        self._moods.heal()
        self._journals.heal()
        cluster.add_worker(finds_sinks=self._sinks.finds_sinks(), slots=4, tasks=dict(TASKS))
        for _ in range(random.randint(0, 6)):
            self.stage.later(random.uniform(0.0, LATE_SECONDS), self._work.submit)
        for worker in cluster.workers:
            worker.pool.hurry()

    def dismiss(self) -> None:
        """The end: whoever leaves from now on does not come back."""
        self._journals.dismiss()
