"""What a seed does with sinks: in about one half of all seeds, beside everything else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from zmqwork.core.link_events import PeerFound
from zmqwork.testing.cluster import Cluster
from zmqwork.testing.node import DEAD, FROZEN, RUNNING, Node, Producer, Sink
from zmqwork.testing.runs import Run
from zmqwork.testing.scenario import World
from zmqwork.testing.stage import Stage
from zmqwork.testing.store import Habits
from zmqwork.testing.truth import Script

# The names under which sinks take results; every run has some that take the first.
NAMES = ("default", "other")

# Seconds that a store does nothing.
_STOPS = (0.5, 5.0, 40.0)

# Seconds until a sink that died comes back; workers give results back after 30.
_AWAY = (0.01, 0.3, 3.0, 20.0)

# Seconds from the moment when work is submitted until its sink is lost.
_SOON = (0.005, 0.05, 0.3)

# How long links between producers and workers are cut, and how often at most.
_CUT_OFF = 0.4
_CUT_OFF_EVERY = 3.0

# After healing, some work comes still, until then.
LATE_SECONDS = 20.0

_HEALTHY = Habits()


class SinkPlan:
    """Sinks, what goes to them, and what becomes of them.

    Args:
        world: what `sink_draft` has drawn.
        cluster: where they are.
        stage: where steps are performed.
        has: whether a class of faults is on.
        submit: submits some work.
        script: what a handler does that takes so many seconds.
        settle_in: gives a node its clock and its pace.

    Attributes:
        is_on: whether there are any in this seed.
        inboxes: the ids of all inboxes.
        runs: what is gone on with under one producer id.
    """

    def __init__(
        self,
        world: World,
        cluster: Cluster,
        stage: Stage,
        *,
        has: Callable[[str], bool],
        submit: Callable[[], None],
        script: Callable[[float], Script],
        settle_in: Callable[[Node], None],
    ) -> None:
        self._cluster = cluster
        self._stage = stage
        self._has = has
        self._submit = submit
        self._script = script
        self._settle_in = settle_in
        self.is_on: bool = world["is_on"]
        self._stores_fail: bool = world["stores_fail"]
        self._finding: float = world["finding"]
        self._share: float = world["share"]
        self._healed = False
        self._cut_off_until = self._complete_until = 0.0
        self._plain: int = world["plain"]
        self.inboxes: tuple[str, ...] = tuple(world["inboxes"])
        self.runs: list[Run] = []
        stage.can_about("sink", self._add)
        stage.can_about("run", self._add_run)
        for loss, doing in (
            ("crashes", cluster.crash),
            ("stops", cluster.stop),
            ("drains", cluster.drain),
        ):
            stage.can(f"sink: {loss}", partial(self._lose_one, doing))
        stage.can("sink: its store stops", self._upset_store)
        stage.can("a worker's endpoint is typed", self._type_worker)
        stage.can("sink: cut off", self._cut_off_sink)

    def __str__(self) -> str:
        if not self.is_on:
            return "no sinks"
        return f"{self._plain} sinks, {len(self.inboxes)} inboxes, {len(self.runs)} runs"

    # -- the cast -----------------------------------------------------------------------------

    def _add_run(self, run_id: str) -> None:
        run = Run(run_id, self.inboxes, self._cluster, self._stage, self._script)
        self.runs.append(run)
        self._begin_run(run)

    def _type_worker(self) -> None:
        """Somebody types an endpoint that is no sink's, and workers look."""
        workers = self._cluster.living(self._cluster.workers)
        if workers:
            endpoint = self._stage.random.choice(workers).endpoints[0]
            self._cluster.discovery.announce(PeerFound(f"typed:{endpoint}", (endpoint,), ""))

    def finds_sinks(self) -> bool:
        """Whether discovery shows sinks to the next worker."""
        return self.is_on and self._stage.random.random() < self._finding

    def _add(self, inbox: str, *, endpoint: str = "", key: str = "") -> None:
        random, cluster = self._stage.random, self._cluster
        living = cluster.living(cluster.sinks)
        if inbox and any(sink.config.inbox == inbox for sink in living):
            return  # one process at a time has it
        names = NAMES[:1] if self._healed else random.choice((NAMES[:1], NAMES[:1], NAMES))
        passing = not self._healed and random.random() < 0.2  # it leaves by itself
        name = endpoint or f"mem://sink-{len(cluster.sinks)}"
        node = cluster.add_sink(
            endpoints=[name],
            key=key,
            says_id=random.random() < 0.5,
            habits=self._habits(),
            sinks=names,
            inbox=inbox,
            batch=random.choice((1, 10, 500)),
            linger=random.choice((0.0, 0.0, 0.05, 1.0)),
            credit_count=random.choice((1, 20, 65_536)),
            credit_bytes=random.choice((5, 100, 64 << 20)),
            drain_timeout=random.choice((0.5, 30.0)),
            once=passing,
            expect=30 if passing and not inbox and random.random() < 0.3 else 0,
        )
        self._settle_in(node)
        if self._has("discovery") and random.random() < 0.3:
            # The same node, found by two sources under two keys; one does not know what it is.
            role = random.choice(("sink", ""))
            cluster.discovery.announce(PeerFound(f"static:{name}", (name,), role, "static"))

    def _habits(self) -> Habits:
        random = self._stage.random
        if self._healed:
            return _HEALTHY
        seconds = random.choice(((0.0, 0.0), (0.0001, 0.002), (0.01, 0.1), (0.2, 1.0)))
        if not self._stores_fail:
            return Habits(seconds)
        failing = random.choice((0.0, 0.1, 0.4))
        return Habits(seconds, failing, random.choice((1, 3)), random.choice((0.01, 1.0)))

    def _upset_store(self) -> None:
        random = self._stage.random
        sinks = [sink for sink in self._cluster.sinks if sink.condition == RUNNING]
        if sinks:
            self._stop_store(random.choice(sinks), random.choice(_STOPS) * random.uniform(0.5, 1.5))

    def _stop_store(self, sink: Sink, seconds: float) -> None:
        self._cluster.say(sink, f"has a store that stops for {seconds:.3f} s")
        sink.store.stopped_until = self._cluster.clock.now + seconds

    def _busy_sink(self) -> Sink | None:
        """One to which something is on its way, or will be in a moment."""
        sinks = [sink for sink in self._cluster.sinks if sink.condition == RUNNING]
        if not sinks:
            return None
        self._submit()
        return self._stage.random.choice(sinks)

    def _lose_one(self, doing: Callable[[Sink], None]) -> None:
        sink = self._busy_sink()
        if sink is not None:
            if self._has("resets") or self._has("partitions"):
                self._cut_off_workers()
            delay = self._stage.random.choice(_SOON) * self._stage.random.uniform(0.5, 1.5)
            self._stage.later(delay, self._lose, sink, doing)

    def _lose(self, sink: Sink, doing: Callable[[Sink], None]) -> None:
        if sink.condition == RUNNING and not self._healed:
            doing(sink)
            self.gone(sink)

    def _cut_off_sink(self) -> None:
        """A producer gives a sink up that lives, and meets it again."""
        producers = [p for p in self._cluster.producers if p.condition == RUNNING]
        sink = self._busy_sink()
        if sink is not None and producers:
            delay = self._stage.random.choice(_SOON) * self._stage.random.uniform(0.5, 1.5)
            producer = self._stage.random.choice(producers)
            self._stage.later(delay, self._part, producer, sink)

    def _part(self, producer: Producer, sink: Sink) -> None:
        if self._healed:
            return
        random, cluster = self._stage.random, self._cluster
        cluster.network.reset(producer, sink)
        cluster.partition(producer, sink)
        delay = random.choice((1.5, 3.0, 8.0)) * random.uniform(0.5, 1.5)
        self._stage.later(delay, cluster.rejoin, producer, sink)
        self._stage.later(delay + random.uniform(0.0, 3.0), self._submit)

    def _lose_run(self, run: Run) -> None:
        """A run is gone on with while an inbox has not stored yet what it has of it."""
        if self._healed:
            return
        for sink in self._cluster.sinks:
            if sink.condition == RUNNING and sink.config.inbox:
                self._stop_store(sink, self._stage.random.uniform(5.0, 10.0))
        assert run.node is not None
        self._crash_run(run.node, self._cluster.clock.now + 5.0)

    def _crash_run(self, node: Producer, until: float) -> None:
        """As soon as something of it waits to be stored, or at this instant."""
        cluster = self._cluster
        if node.condition != RUNNING or self._healed:
            return
        rolls = [sink.machine._roll for sink in cluster.living(cluster.sinks)]
        heard_of = [roll.of_node(node.node_id) for roll in rolls]
        waits = any(collected is not None and collected.held for collected in heard_of)
        if waits or cluster.clock.now >= until:
            cluster.crash(node)
            self.run_gone(node)
        else:
            self._stage.later(0.1, self._crash_run, node, until)

    # -- what comes back ----------------------------------------------------------------------

    def gone(self, node: Sink) -> None:
        """A sink is dead, or leaves: another process takes its place, sooner or later."""
        random = self._stage.random
        inbox = node.config.inbox
        if not inbox and random.random() < 0.2:
            return
        delay = random.choice(_AWAY) * random.uniform(0.5, 1.5)
        self._stage.later(delay, self._come_back, node)

    def _cut_off_workers(self) -> None:
        """Just when producers would tell workers where results go now: at once, or in a second."""
        random, cluster = self._stage.random, self._cluster
        if cluster.clock.now < self._cut_off_until:
            return  # nobody shall be lost by that
        self._cut_off_until = cluster.clock.now + _CUT_OFF_EVERY
        for worker in cluster.living(cluster.workers):
            for producer in cluster.living(cluster.producers):
                if random.random() < 0.7:
                    delay = random.choice((0.0, 0.0, 0.9)) + random.uniform(0.0, 0.05)
                    self._stage.later(delay, self._cut_off, producer, worker)

    def _cut_off(self, producer: Producer, worker: Node) -> None:
        cluster = self._cluster
        cluster.network.reset(producer, worker)
        cluster.partition(producer, worker)
        delay = self._stage.random.uniform(0.0, _CUT_OFF)
        self._stage.later(delay, cluster.rejoin, producer, worker)

    def _come_back(self, before: Sink) -> None:
        if self._healed:
            return
        if before.condition != DEAD:
            self._stage.later(1.0, self._come_back, before)  # it is still leaving
            return
        endpoint = before.endpoints[0]
        if self._has("resets") or self._has("partitions"):
            self._cut_off_workers()
        taken = self._cluster.owners[endpoint] is not before
        if taken or self._stage.random.random() < 0.5:
            self._add(before.config.inbox)
        else:
            self._add(before.config.inbox, endpoint=endpoint, key=f"static:{endpoint}")

    def _begin_run(self, run: Run) -> None:
        self._settle_in(run.begin())
        if self._has("crashes") and not self._healed and self._stage.random.random() < 0.5:
            self._stage.later(self._stage.random.uniform(0.0, 0.5), self._lose_run, run)

    def run_gone(self, node: Producer) -> None:
        """A producer that did a run is gone, or seems to be: another one goes on with it."""
        run = next(run for run in self.runs if run.id == node.config.producer_id)
        delay = self._stage.random.choice((0.01, 1.0, 8.0)) * self._stage.random.uniform(0.5, 1.5)
        self._stage.later(delay, self._go_on, run)

    def _go_on(self, run: Run) -> None:
        node = run.node
        if node is not None and node.condition in (DEAD, FROZEN) and not self._healed:
            self._begin_run(run)

    # -- work ---------------------------------------------------------------------------------

    def options(self) -> dict[str, Any]:
        """Where the results of the next tasks go, as options of theirs; nothing: back."""
        random = self._stage.random
        if not self.is_on or random.random() >= self._share:
            return {}
        options: dict[str, Any] = {}
        if random.random() < 0.3:
            options["key"] = random.choice(("red", "green", "blue"))
        if self.inboxes and (not self._plain or random.random() < 0.6):
            options["inbox"] = random.choice((self.inboxes, self.inboxes[:1], self.inboxes[-1:]))
        else:
            options["sink"] = NAMES[random.random() < 0.15]
        return options

    # -- the end ------------------------------------------------------------------------------

    def heal(self) -> None:
        """From now on all stores work, and somebody takes everything."""
        if not self.is_on:
            return
        self._healed = True
        for sink in self._cluster.sinks:
            sink.store.habits = _HEALTHY
            sink.store.stopped_until = 0.0
        self._complete_until = self._cluster.clock.now + LATE_SECONDS
        self._stage.later(1.0, self._complete_the_cast)

    def _complete_the_cast(self) -> None:
        """Again and again: what leaves at this moment may take a while, and comes back then."""
        cluster = self._cluster
        for inbox in self.inboxes:
            self._add(inbox)
        lasting = [
            sink
            for sink in cluster.living(cluster.sinks)
            if sink.machine.state == "serving" and not sink.config.once
        ]
        for name in NAMES:
            if not any(name in sink.config.sinks for sink in lasting):
                lasting.append(cluster.add_sink(sinks=NAMES))
        for run in self.runs:
            if run.node is None or run.node.condition == DEAD or run.node.stopped:
                self._begin_run(run)
            run.finish()
        if cluster.clock.now < self._complete_until:
            self._stage.later(1.0, self._complete_the_cast)
