"""What one seed does: who is there, what they work on, and what goes wrong.

Swarm testing (Groce et al., 2012): each class of faults is wholly on or off in a run, so that
rare combinations come up, and one fault does not always hide another.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from zmqwork.core.link_events import PeerFound
from zmqwork.testing.cluster import Cluster
from zmqwork.testing.connection import Conditions
from zmqwork.testing.faults import Faults
from zmqwork.testing.journal_plan import JournalPlan
from zmqwork.testing.node import RUNNING, Node, Producer, Sink, Worker
from zmqwork.testing.queue_plan import QueuePlan
from zmqwork.testing.sink_plan import LATE_SECONDS, SinkPlan
from zmqwork.testing.time_plan import TimePlan
from zmqwork.testing.truth import CRASHES, FAILS, SUCCEEDS, Script
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
)

# Those that give no cause to give anybody up.
PROMPT = ("children", "failures", "cancels", "expiries", "discovery")
CALM = (*PROMPT, "slow", "busy")

# Nor do these, unless messages are late as well.
GENTLE = ("resets", "drains", "stops")

TASKS = {"quick": "1", "steady": "1", "slow": "1"}
_SECONDS = {"quick": (0.00001, 0.002), "steady": (0.005, 0.09), "slow": (0.1, 3.0)}


class Plan:
    """One run's cast, work and faults, all drawn from a seed.

    Attributes:
        faults: the classes that are on.
        seconds: how long the safety phase lasts.
    """

    def __init__(self, seed: int | str, cluster: Cluster) -> None:
        self._cluster = cluster
        self._random = random = Random(f"{seed}/plan")
        odds = random.uniform(0.2, 0.7)
        weather = random.choice(("none", "calm", "gentle", *["any"] * 7))
        pools = {"none": (), "calm": CALM, "gentle": (*PROMPT, *GENTLE), "any": FAULTS}
        self.faults = tuple(f for f in FAULTS if f in pools[weather] and random.random() < odds)
        self.seconds = random.uniform(5.0, 30.0)
        cluster.network.in_bytes = random.random() < 0.2
        cluster.proves_death = random.random() < 0.6
        self._faults = Faults(cluster, random, self._replace, self._gone)
        self._healed = False
        self._times = TimePlan(seed)
        self._queues = QueuePlan(seed, cluster)
        self._moods = WorkerPlan(seed, cluster)
        self._sinks = SinkPlan(
            seed,
            cluster,
            has=self._has,
            at=self._at,
            submit=self._submit,
            script=self._script,
            settle_in=self._settle_in,
        )
        self._journals = JournalPlan(
            seed, cluster, submit=self._submit_to, settle_in=self._settle_in
        )

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
        return not self._journals.restarts and all(fault in harmless for fault in self.faults)

    @property
    def is_prompt(self) -> bool:
        """Whether work also flows without delay from the beginning."""
        late = self._has("slow") or self._has("busy") or self._journals.is_slow
        return self.is_calm and not late

    def _has(self, fault: str) -> bool:
        return fault in self.faults

    # -- the cast -----------------------------------------------------------------------------

    def begin(self) -> None:
        """Put everybody on the stage, and note what will happen to them."""
        random, cluster = self._random, self._cluster
        cluster.network.conditions = self._conditions()
        self._sinks.begin()
        for _ in range(random.choice((1, 1, 1, 2, 2, 3))):
            self._add_producer()
        for _ in range(random.choice((1, 1, 2, 2, 3, 4))):
            self._add_worker()
        if random.random() < 0.3:
            observer = cluster.add_observer()
            for _ in range(3):
                self._at(lambda: self._survey(observer))
        self._plan_work()
        self._plan_faults()
        self._queues.begin(self.seconds)
        self._moods.begin(self.seconds)
        self._journals.plan_faults(self.seconds)

    def _conditions(self) -> Conditions:
        random = self._random
        slow, lossy = self._has("slow"), self._has("lossy")
        return Conditions(
            delay=(0.0001, random.choice((0.005, 0.05, 0.4)) if slow else 0.0005),
            loss=random.choice((0.0, 0.001, 0.02)) if lossy else 0.0,
            duplication=random.choice((0.0, 0.001, 0.02)) if lossy else 0.0,
            reordering=random.choice((0.0, 0.001, 0.02)) if lossy else 0.0,
            reset=random.choice((0.0005, 0.005)) if self._has("resets") else 0.0,
        )

    def _add_producer(self) -> None:
        options = self._queues.producer()
        crash_limit = self._random.choice((1, 2, 3, 3))
        if self._journals.add_producer(**options) is None:
            self._settle_in(self._cluster.add_producer(crash_limit=crash_limit, **options))

    def _settle_in(self, node: Node) -> None:
        random = self._random
        node.offset = random.choice((0.0, 1e3, 1e6)) * random.random()
        if self._healed:
            if isinstance(node, Worker):
                node.pool.hurry()
        elif self._has("busy"):
            node.budget = random.choice((1, 3, 1_000_000))
            node.lag = random.choice((0.001, 0.01, 0.1))

    def _add_worker(self) -> Worker:
        random = self._random
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
        return node

    def _survey(self, observer: Node) -> None:
        if observer.condition == RUNNING:
            self._cluster.ask(observer)

    # -- work ---------------------------------------------------------------------------------

    def _at(self, doing: Callable[[], None]) -> None:
        """Let this happen at some instant of the safety phase."""
        self._cluster.clock.call_at(self._random.uniform(0.0, self.seconds), doing)

    def _plan_work(self) -> None:
        random = self._random
        for _ in range(random.randint(1, 12)):
            self._at(self._submit)
        for _ in range(random.randint(0, 4)):
            self._at(self._ask)
        if self._has("cancels"):
            for _ in range(random.randint(1, 10)):
                self._at(self._cancel)

    def _submit(self) -> None:
        producers = [
            p
            for p in self._cluster.producers
            if p.condition == RUNNING and not (p.stopped or p.in_run)
        ]
        if producers:
            self._submit_to(*producers)

    def _submit_to(self, *producers: Producer) -> None:
        """Let one of these submit some work."""
        random, cluster = self._random, self._cluster
        name = random.choice(sorted(TASKS))
        low, high = _SECONDS[name]
        count = random.choice((1, 3, 10, 30) if name == "slow" else (1, 3, 30, 100))
        scripts = [self._script(random.uniform(low, high)) for _ in range(count)]
        expires = None
        if self._has("expiries") and random.random() < 0.5:
            expires = random.choice((0.0, 0.01, 0.5, 5.0))
        cluster.submit(
            random.choice(producers),
            name,
            scripts,
            size_bytes=random.choice((0, 0, 100)),
            expires=expires,
            max_retries=random.choice((0, 1, 3)),
            retry_backoff=random.choice((0.0, 0.1, 1.0)),
            retry_backoff_max=2.0,
            **self._times.options(),
            **self._queues.task(),
            **self._sinks.options(),
        )

    def _script(self, seconds: float) -> Script:
        return self._moods.script(self._times.script(self._fateful(seconds)))

    def _fateful(self, seconds: float) -> Script:
        random = self._random
        if self._has("stalls") and not self._healed and random.random() < 0.02:
            seconds = random.uniform(5.0, 40.0)  # it hangs
        if self._has("failures") and random.random() < 0.2:
            failing = (FAILS,) * random.choice((1, 2, 5))
            return Script(seconds, (*failing, SUCCEEDS), final=random.random() < 0.1)
        if self._has("children") and random.random() < 0.05:
            crashing = (CRASHES,) * random.choice((1, 2, 5))
            return Script(seconds, (*crashing, SUCCEEDS))
        return Script(seconds)

    def _cancel(self) -> None:
        random, cluster = self._random, self._cluster
        producers = [p for p in cluster.producers if p.condition == RUNNING and p.next_seq]
        if producers:
            producer = random.choice(producers)
            count = random.choice((1, 5, 50))
            first = random.randint(1, producer.next_seq)
            last = min(producer.next_seq, first + count - 1)
            cluster.cancel(producer, range(first, last + 1))

    def _ask(self) -> None:
        random, cluster = self._random, self._cluster
        node = random.choice([*cluster.producers, *cluster.workers, *cluster.sinks])
        if node.condition == RUNNING:
            seq = None
            if isinstance(node, Producer) and node.next_seq:
                seq = random.choice((None, random.randint(1, node.next_seq)))
            cluster.ask(node, seq)

    # -- faults -------------------------------------------------------------------------------

    def _plan_faults(self) -> None:
        for fault, doing in self._faults.by_class.items():
            if self._has(fault):
                for _ in range(self._random.randint(1, 8)):
                    self._at(doing)

    def _replace(self, before: Worker) -> None:
        """A new process, sometimes at the endpoint and under the key of the one before."""
        if self._random.random() < 0.5:
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
        cluster = self._cluster
        self._healed = True
        cluster.network.conditions = Conditions()
        for node in cluster.nodes.values():
            self._faults.resume(node)
            node.lag, node.budget = 0.001, 1_000_000
        cluster.network.unblock_all()
        self._sinks.heal()
        self._queues.heal()
        self._moods.heal()
        self._journals.heal()
        cluster.add_worker(finds_sinks=self._sinks.finds_sinks(), slots=4, tasks=dict(TASKS))
        for _ in range(self._random.randint(0, 6)):
            cluster.clock.call_later(self._random.uniform(0.0, LATE_SECONDS), self._submit)
        for worker in cluster.workers:
            worker.pool.hurry()

    def dismiss(self) -> None:
        """The end: whoever leaves from now on does not come back."""
        self._journals.dismiss()
