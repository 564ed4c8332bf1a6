"""What a seed does with journals: in about a third of all seeds some producers have one.

It is drawn from a stream of its own, so that the rest of a seed is the same where there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from zmqwork.core.peer import GREETING
from zmqwork.testing.archive import Archive, Disk
from zmqwork.testing.cluster import Cluster
from zmqwork.testing.node import DEAD, RUNNING, Node, Producer, Worker

# Seconds until a producer that is gone comes back; a lease is over after some 10.
_AWAY = (0.001, 0.05, 0.5, 3.0, 12.0, 25.0)

# Seconds from the moment when work is submitted until its producer is killed.
_SOON = (0.001, 0.02, 0.2, 1.5)

# Seconds for which a disk is full.
_FULL = (0.05, 0.5, 4.0)

# How long its links are cut before and after a producer's death.
_CUT_OFF = (0.1, 2.0, 6.0)

# For so long it is looked for the moment when a new process greets, and how often.
_GREETING = 0.4
_LOOKING = 0.0002


class JournalPlan:
    """Producers that come back, and disks that are slow, full, or break.

    Args:
        seed: of the run.
        cluster: where they are.
        submit: lets this producer submit some work.
        settle_in: gives a node its clock and its pace.

    Attributes:
        is_on: whether there are any in this seed.
        restarts: whether any of them ends by that.
    """

    def __init__(
        self,
        seed: int | str,
        cluster: Cluster,
        *,
        submit: Callable[[Producer], None],
        settle_in: Callable[[Node], None],
    ) -> None:
        self._cluster = cluster
        self._random = random = Random(f"{seed}/journals")
        self._submit = submit
        self._settle_in = settle_in
        self.is_on = random.random() < 0.35
        self._full = random.random() < 0.3
        self._breaks = random.random() < 0.2
        self._kills = random.random() < 0.7
        self._share = random.choice((0.6, 1.0))
        self._letters_max = random.choice((0, 2, 10_000, 10_000))
        self._crash_limit = random.choice((1, 2, 3, 3))
        self._seconds = random.choice(
            ((0.0, 0.0), (0.0001, 0.002), (0.0003, 0.02), (0.01, 0.1), (0.05, 0.4))
        )
        self._archives: list[Archive] = []
        self._options: dict[str, dict[str, Any]] = {}
        self._healed = self._dismissed = False

    def __str__(self) -> str:
        return f", {len(self._archives)} journals" if self.is_on else ""

    @property
    def restarts(self) -> bool:
        """Whether producers with journals end, other than by what others do."""
        return self.is_on and (self._breaks or self._kills)

    @property
    def is_slow(self) -> bool:
        """Whether a result may have to wait for the disk for long."""
        return self.is_on and self._seconds[1] > 0.002

    # -- the cast -----------------------------------------------------------------------------

    def add_producer(self, **options: Any) -> Producer | None:
        """The next producer, with a journal; None: it has none. `options`: of all its processes."""
        if not self.is_on or self._random.random() >= self._share:
            return None
        cluster = self._cluster
        node_id = f"{self._random.getrandbits(128):032x}"
        archive = Archive(node_id, cluster.clock, cluster.truth, Disk(self._seconds))
        archive.gone = partial(self._gone, archive)
        self._archives.append(archive)
        self._options[archive.node_id] = options
        return self._open(archive)

    def _open(self, archive: Archive) -> Producer:
        node = self._cluster.add_producer(
            archive,
            crash_limit=self._crash_limit,
            letters_max=self._letters_max,
            **self._options[archive.node_id],
        )
        self._settle_in(node)
        return node

    def plan_faults(self, seconds: float) -> None:
        """Note what will happen within the safety phase, which lasts so long."""
        for happens, doing in (
            (self._kills, self._kill),
            (self._full, self._fill),
            (self._breaks, self._break),
        ):
            if self.is_on and happens:
                for _ in range(self._random.randint(1, 5)):
                    at = self._random.uniform(0.0, seconds)
                    self._cluster.clock.call_at(at, doing)

    # -- faults -------------------------------------------------------------------------------

    def _some(self) -> Producer | None:
        nodes = self._running()
        return self._random.choice(nodes) if nodes else None

    def _running(self) -> list[Producer]:
        return [
            node
            for node in self._cluster.producers
            if node.archive is not None and node.condition == RUNNING and not node.stopped
        ]

    def _fill(self) -> None:
        node = self._some()
        if node is not None and node.archive is not None:
            seconds = self._random.choice(_FULL) * self._random.uniform(0.5, 1.5)
            self._cluster.say(node, f"has a disk that is full for {seconds:.3f} s")
            node.archive.disk.full_until = self._cluster.clock.now + seconds
            self._submit(node)

    def _break(self) -> None:
        node = self._some()
        if node is not None and node.archive is not None:
            self._cluster.say(node, "has a journal that breaks at the next write")
            node.archive.disk.breaks = True
            self._submit(node)

    def _kill(self) -> None:
        """Kill one that has just got something to do, in one of several ways."""
        node = self._some()
        if node is None:
            return
        random, cluster = self._random, self._cluster
        if random.random() < 0.8:
            self._submit(node)
        delay = random.choice(_SOON) * random.uniform(0.5, 1.5)
        way = random.choice(("kill", "kill", "stop", "freeze", "cut off"))
        if way == "cut off":
            for worker in cluster.living(cluster.workers):
                if random.random() < 0.7:
                    cluster.clock.call_later(delay * random.random(), self._cut_off, node, worker)
        cluster.clock.call_later(delay, self._end, node, way)

    def _cut_off(self, node: Producer, worker: Node) -> None:
        """The worker hears late that this process is dead; or that it greeted at all."""
        if self._healed or node.condition == DEAD:
            return
        cluster, random = self._cluster, self._random
        cluster.partition(node, worker)
        seconds = random.choice(_CUT_OFF) * random.uniform(0.5, 1.5)
        cluster.clock.call_later(seconds, cluster.rejoin, node, worker)

    def _catch(self, node: Producer, worker: Node, until: float) -> None:
        """Kill a process while its HELLO is on its way: it arrives after that of the next one."""
        cluster, random = self._cluster, self._random
        if self._healed or node.condition != RUNNING or cluster.clock.now > until:
            return
        peers = node.machine.dialer.peers.values()
        endpoints = worker.endpoints if isinstance(worker, Worker) else ()
        if any(peer.stage == GREETING and peer.endpoint in endpoints for peer in peers):
            cluster.partition(node, worker)
            cluster.clock.call_later(random.uniform(0.0, 0.1), self._end, node, "kill")
            cluster.clock.call_later(random.uniform(0.5, 4.0), cluster.rejoin, node, worker)
        else:
            cluster.clock.call_later(_LOOKING, self._catch, node, worker, until)

    def _end(self, node: Producer, way: str) -> None:
        cluster = self._cluster
        if node.condition != RUNNING or self._healed:
            return
        if way == "stop":
            cluster.stop(node)
        elif way == "freeze":
            cluster.freeze(node)
            seconds = self._random.uniform(0.1, 12.0)
            cluster.clock.call_later(seconds, self._kill_frozen, node)
        else:
            cluster.crash(node)

    def _kill_frozen(self, node: Producer) -> None:
        if node.condition != DEAD and not self._healed:
            self._cluster.crash(node)

    # -- what comes back ----------------------------------------------------------------------

    def _gone(self, archive: Archive) -> None:
        delay = self._random.choice(_AWAY) * self._random.uniform(0.5, 1.5)
        if self._healed:
            delay = min(delay, 1.0)
        self._cluster.clock.call_later(delay, self._come_back, archive)

    def _come_back(self, archive: Archive) -> None:
        nodes = [node for node in self._cluster.producers if node.archive is archive]
        gone = self._dismissed or archive.journal.is_removed
        if gone or any(node.condition != DEAD for node in nodes):
            return
        node = self._open(archive)
        if self._kills and not self._healed and self._random.random() < 0.3:
            workers = self._cluster.living(self._cluster.workers)
            if workers:
                self._catch(node, self._random.choice(workers), self._cluster.clock.now + _GREETING)
        if not self._healed and self._random.random() < 0.5:
            self._submit(node)
        if self._kills and not self._healed and self._random.random() < 0.3:
            seconds = self._random.choice(_SOON) * self._random.uniform(0.5, 1.5)
            self._cluster.clock.call_later(seconds, self._end, node, "kill")

    # -- the end ------------------------------------------------------------------------------

    def heal(self) -> None:
        """From now on all disks work, and whoever left something is there."""
        self._healed = True
        for archive in self._archives:
            archive.disk.seconds = (0.0, 0.002)
            archive.disk.full_until = 0.0
            archive.disk.breaks = False
            self._come_back(archive)

    def dismiss(self) -> None:
        """Whoever leaves from now on does not come back."""
        self._dismissed = True
