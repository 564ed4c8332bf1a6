"""What goes wrong, each time with somebody else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from zmqwork.core.link_events import PeerFound
from zmqwork.testing.cluster import Cluster
from zmqwork.testing.node import DEAD, RUNNING, Node, Producer, Sink, Worker

# Seconds that a partition or a pause lasts, about: shorter and longer than each time-out.
_PARTITIONS = (0.1, 1.0, 3.0, 6.0, 20.0)
_PAUSES = (0.1, 1.0, 3.7, 6.0, 40.0)


class Faults:
    """Faults to be drawn.

    Attributes:
        by_class: name of a class of faults -> what does one of them.
    """

    def __init__(
        self,
        cluster: Cluster,
        random: Random,
        replace: Callable[[Worker], None],
        gone: Callable[[Node], None],
    ) -> None:
        self._cluster = cluster
        self._random = random
        self._replace = replace  # puts a new process in the place of a worker that was killed
        self._gone = gone  # hears of all others that are killed, or told to leave
        self.by_class: dict[str, Callable[[], None]] = {
            "partitions": self._partition,
            "crashes": self._crash,
            "freezes": self._freeze,
            "stalls": self._stall,
            "children": self._kill_child,
            "drains": self._drain,
            "stops": self._stop,
            "discovery": self._flap,
            "resets": self._reset,
        }

    def _pick(self, nodes: Sequence[Node]) -> Node | None:
        running = [node for node in nodes if node.condition == RUNNING]
        return self._random.choice(running) if running else None

    def _some_sink(self) -> Node | None:
        """One in a third of all cases where there is any."""
        sinks = self._cluster.sinks
        return self._pick(sinks) if sinks and self._random.random() < 1 / 3 else None

    def _some_pair(self) -> tuple[Node | None, Node | None]:
        """Two nodes of which one dials the other."""
        cluster, sink = self._cluster, self._some_sink()
        if sink is None:
            return self._pick(cluster.producers), self._pick(cluster.workers)
        others = cluster.workers if self._random.random() < 0.7 else cluster.producers
        return self._pick(others), sink

    def _some_node(self) -> Node | None:
        cluster = self._cluster
        sink = self._some_sink()
        if sink is not None:
            return sink
        return self._pick(cluster.workers if self._random.random() < 0.7 else cluster.producers)

    def _partition(self) -> None:
        random, cluster = self._random, self._cluster
        one, other = self._some_pair()
        if one is None or other is None:
            return
        one_way = random.random() < 0.5
        if one_way and random.random() < 0.5:
            one, other = other, one
        cluster.partition(one, other, one_way=one_way)
        lengths = _PARTITIONS if not isinstance(other, Sink) else (*_PARTITIONS, 45.0)
        seconds = random.choice(lengths) * random.uniform(0.5, 1.5)
        cluster.clock.call_later(seconds, cluster.rejoin, one, other)

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
        elif self._random.random() < 0.8:
            cluster.clock.call_later(self._random.uniform(0.01, 3.0), self._replace, node)

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
        random, cluster = self._random, self._cluster
        node = self._some_node()
        if node is not None:
            pause(node)
            seconds = random.choice(_PAUSES) * random.uniform(0.5, 1.5)
            if isinstance(node, Producer) and node.in_run:
                self._gone(node)  # as it may seem
            cluster.clock.call_later(seconds, self.resume, node)

    def resume(self, node: Node) -> None:
        """The end of a stall or a freeze, if there was one."""
        if node.condition not in (DEAD, RUNNING):
            self._cluster.resume(node)

    def _kill_child(self) -> None:
        node = self._pick(self._cluster.workers)
        if isinstance(node, Worker):
            node.pool.kill(self._random.randrange(node.config.slots))

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
        if self._random.random() < 0.2:
            self._cluster.clock.call_later(0.1, self._again, node)

    def _again(self, node: Node) -> None:
        if node.condition == RUNNING:
            self._cluster.stop(node)

    def _flap(self) -> None:
        """Discovery forgets somebody, and finds him again."""
        random, cluster = self._random, self._cluster
        keys = list(cluster.discovery.shown)
        if keys:
            found = cluster.discovery.withdraw(random.choice(keys))
            if found is not None:
                cluster.clock.call_later(random.uniform(0.1, 5.0), self._refind, found)

    def _refind(self, found: PeerFound) -> None:
        self._cluster.discovery.announce(found)
