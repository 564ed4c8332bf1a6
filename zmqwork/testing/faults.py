"""What goes wrong, each time with somebody else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from zmqwork.core.link_events import PeerFound
from zmqwork.testing.cluster import Cluster
from zmqwork.testing.node import DEAD, RUNNING, Node, Producer, Sink, Worker
from zmqwork.testing.stage import Stage

# Seconds that a partition or a pause lasts, about: shorter and longer than each time-out.
_PARTITIONS = (0.1, 1.0, 3.0, 6.0, 20.0)
_PAUSES = (0.1, 1.0, 3.7, 6.0, 40.0)

# How long a way is clogged: less than a heartbeat time-out.
_CLOGS = (0.05, 0.5, 3.0)

# How long it takes until all of a swizzle are cut off, and until all are back.
_SWIZZLE = (0.3, 3.0, 9.0)

# How long a host sleeps.
_SLEEPS = (0.5, 5.0, 30.0, 300.0)

# By how many seconds somebody puts a wall clock: by one, an hour for summer, or to another decade.
_STEPS = (1.0, -1.0, 3_600.0, -3_600.0, 3.2e8, -3.2e8)

# How often somebody is busy when something happens to him, and how soon after he got his work.
_BUSY = 0.4
_SOON = (0.0005, 0.005, 0.05, 0.5)


class Faults:
    """What does one of each class of faults, as a step."""

    def __init__(
        self,
        cluster: Cluster,
        stage: Stage,
        *,
        replace: Callable[[Worker], None],
        gone: Callable[[Node], None],
        submit: Callable[[], None],
    ) -> None:
        self._cluster = cluster
        self._stage = stage
        self._replace = replace  # puts a new process in the place of a worker that was killed
        self._gone = gone  # hears of all others that are killed, or told to leave
        self._submit = submit
        self._healed = False
        for fault, doing in (
            ("partitions", self._partition),
            ("crashes", self._crash),
            ("freezes", self._freeze),
            ("stalls", self._stall),
            ("children", self._kill_child),
            ("drains", self._drain),
            ("stops", self._stop),
            ("discovery", self._flap),
            ("resets", self._reset),
            ("clogs", self._clog),
            ("swizzles", self._swizzle),
            ("suspends", self._suspend),
            ("wall clocks", self._put_clock),
        ):
            stage.can(fault, partial(self._at_work, doing))

    def _at_work(self, doing: Callable[[], None]) -> None:
        """What happens while nobody does anything harms nobody: often there is work first."""
        random = self._stage.random
        if random.random() >= _BUSY:
            doing()
            return
        for _ in range(random.choice((1, 1, 3))):
            self._submit()
        self._stage.later(random.choice(_SOON) * random.uniform(0.5, 1.5), self._if_ill, doing)

    def _if_ill(self, doing: Callable[[], None]) -> None:
        if not self._healed:
            doing()

    def heal(self) -> None:
        """From now on nothing goes wrong, and whoever slept is awake."""
        self._healed = True
        for node in self._cluster.nodes.values():
            self.resume(node)

    def _pick(self, nodes: Sequence[Node]) -> Node | None:
        running = [node for node in nodes if node.condition == RUNNING]
        return self._stage.random.choice(running) if running else None

    def _some_sink(self) -> Node | None:
        """One in a third of all cases where there is any."""
        sinks = self._cluster.sinks
        return self._pick(sinks) if sinks and self._stage.random.random() < 1 / 3 else None

    def _some_pair(self) -> tuple[Node | None, Node | None]:
        """Two nodes of which one dials the other."""
        cluster, sink = self._cluster, self._some_sink()
        if sink is None:
            return self._pick(cluster.producers), self._pick(cluster.workers)
        others = cluster.workers if self._stage.random.random() < 0.7 else cluster.producers
        return self._pick(others), sink

    def _some_node(self) -> Node | None:
        cluster = self._cluster
        sink = self._some_sink()
        if sink is not None:
            return sink
        return self._pick(
            cluster.workers if self._stage.random.random() < 0.7 else cluster.producers
        )

    def _partition(self) -> None:
        random, cluster = self._stage.random, self._cluster
        one, other = self._some_pair()
        if one is None or other is None:
            return
        one_way = random.random() < 0.5
        if one_way and random.random() < 0.5:
            one, other = other, one
        cluster.partition(one, other, one_way=one_way)
        lengths = _PARTITIONS if not isinstance(other, Sink) else (*_PARTITIONS, 45.0)
        seconds = random.choice(lengths) * random.uniform(0.5, 1.5)
        self._stage.later(seconds, cluster.rejoin, one, other)

    def _clog(self) -> None:
        """What is sent stays on its way for a while, in one direction or in both."""
        random, cluster = self._stage.random, self._cluster
        one, other = self._some_pair()
        if one is None or other is None:
            return
        seconds = random.choice(_CLOGS) * random.uniform(0.5, 1.2)
        cluster.say(one, f"and {other.name} have a clogged link for {seconds:.3f} s")
        ways = random.choice((((one, other),), ((other, one),), ((one, other), (other, one))))
        for source, target in ways:
            cluster.network.clog(source.name, target.name, seconds)

    def _swizzle(self) -> None:
        """One after the other is cut off from everybody; in another order they are back."""
        random, cluster = self._stage.random, self._cluster
        nodes = cluster.living(list(cluster.nodes.values()))
        chosen = [node for node in nodes if random.random() < random.choice((0.3, 0.7))]
        seconds = random.choice(_SWIZZLE)
        for node in chosen:
            gone_at = seconds * random.random()
            self._stage.later(gone_at, self._cut_off, node)
            self._stage.later(seconds * (1 + random.random()), self._take_back, node)

    def _cut_off(self, node: Node) -> None:
        if not self._healed:
            for other in self._cluster.living(list(self._cluster.nodes.values())):
                if other is not node:
                    self._cluster.partition(node, other)

    def _take_back(self, node: Node) -> None:
        for other in self._cluster.nodes.values():
            if other is not node:
                self._cluster.rejoin(node, other)

    def _suspend(self) -> None:
        """A host sleeps, with all that run there; its clock goes on."""
        random, cluster = self._stage.random, self._cluster
        seconds = random.choice(_SLEEPS) * random.uniform(0.5, 1.5)
        share = random.choice((0.3, 0.6, 1.0))
        for node in cluster.nodes.values():
            if node.condition == RUNNING and random.random() < share:
                cluster.freeze(node)
                if isinstance(node, Producer) and node.in_run:
                    self._gone(node)  # as it may seem
                self._stage.later(seconds, self.resume, node)

    def _put_clock(self) -> None:
        """Somebody, or NTP, puts a host's wall clock."""
        random, cluster = self._stage.random, self._cluster
        node = self._some_node()
        if node is not None:
            seconds = random.choice(_STEPS)
            cluster.say(node, f"has its wall clock put by {seconds:+.0f} s")
            node.wall += seconds
            if isinstance(node, Producer) and node.archive is not None:
                node.archive.wall += seconds

    def _reset(self) -> None:
        one, other = self._some_pair()
        if one is not None and other is not None:
            self._cluster.say(one, f"is disconnected from {other.name}")
            self._cluster.network.reset(one, other)

    def _crash(self) -> None:
        cluster = self._cluster
        node = self._some_node()
        if node is None or not self._is_spare(node):
            return
        cluster.crash(node)
        if not isinstance(node, Worker):
            self._gone(node)
        elif self._stage.random.random() < 0.8:
            self._stage.later(self._stage.random.uniform(0.01, 3.0), self._replace, node)

    def _is_spare(self, node: Node) -> bool:
        """Whether somebody is left to submit work without it."""
        if isinstance(node, Producer) and node.archive is not None:
            return True  # it comes back
        others = [n for n in self._cluster.producers if n is not node and not n.in_run]
        return not isinstance(node, Producer) or node.in_run or bool(others)

    def _freeze(self) -> None:
        self._pause(self._cluster.freeze)

    def _stall(self) -> None:
        self._pause(self._cluster.stall)

    def _pause(self, pause: Callable[[Node], None]) -> None:
        random = self._stage.random
        node = self._some_node()
        if node is not None:
            pause(node)
            seconds = random.choice(_PAUSES) * random.uniform(0.5, 1.5)
            if isinstance(node, Producer) and node.in_run:
                self._gone(node)  # as it may seem
            self._stage.later(seconds, self.resume, node)

    def resume(self, node: Node) -> None:
        """The end of a stall or a freeze, if there was one."""
        if node.condition not in (DEAD, RUNNING):
            self._cluster.resume(node)

    def _kill_child(self) -> None:
        node = self._pick(self._cluster.workers)
        if isinstance(node, Worker):
            node.pool.kill(self._stage.random.randrange(node.config.slots))

    def _drain(self) -> None:
        node = self._some_sink() or self._pick(self._cluster.workers)
        if isinstance(node, Worker | Sink):
            self._cluster.drain(node)
        if isinstance(node, Sink):
            self._gone(node)

    def _stop(self) -> None:
        node = self._some_node()
        if node is None or not self._is_spare(node):
            return
        self._cluster.stop(node)
        if not isinstance(node, Worker):
            self._gone(node)
        if self._stage.random.random() < 0.2:
            self._stage.later(0.1, self._again, node)

    def _again(self, node: Node) -> None:
        if node.condition == RUNNING:
            self._cluster.stop(node)

    def _flap(self) -> None:
        """Discovery forgets somebody, and finds him again."""
        random, cluster = self._stage.random, self._cluster
        keys = list(cluster.discovery.shown)
        if keys:
            found = cluster.discovery.withdraw(random.choice(keys))
            if found is not None:
                self._stage.later(random.uniform(0.1, 5.0), self._refind, found)

    def _refind(self, found: PeerFound) -> None:
        self._cluster.discovery.announce(found)
