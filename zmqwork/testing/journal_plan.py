"""What a seed does with journals: in about a third of all seeds some producers have one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from zmqwork.core.peer import GREETING
from zmqwork.testing.archive import Archive, Disk
from zmqwork.testing.cluster import Cluster
from zmqwork.testing.node import DEAD, RUNNING, Node, Producer, Worker
from zmqwork.testing.scenario import Draft, World
from zmqwork.testing.stage import Stage

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

# How long a write takes, in seconds.
_WRITES = ((0.0, 0.0), (0.0001, 0.002), (0.0003, 0.02), (0.01, 0.1), (0.05, 0.4))


def draw(random: Random) -> World:
    """What of this there is in a run."""
    return {
        "is_on": random.random() < 0.35,
        "full": random.random() < 0.3,
        "breaks": random.random() < 0.2,
        "kills": random.random() < 0.7,
        "share": random.choice((0.6, 1.0)),
        "letters_max": random.choice((0, 2, 10_000, 10_000)),
        "crash_limit": random.choice((1, 2, 3, 3)),
        "seconds": random.choice(_WRITES),
    }


def write(world: World, draft: Draft) -> None:
    """Note what will happen to journals, and to whom they belong."""
    for happens in ("kills", "full", "breaks"):
        if world["is_on"] and world[happens]:
            draft.some(1, 5, f"journal: {happens}")


class JournalPlan:
    """Producers that come back, and disks that are slow, full, or break.

    Args:
        world: what `draw` has drawn.
        cluster: where they are.
        stage: where steps are performed.
        submit: lets this producer submit some work.
        settle_in: gives a node its clock and its pace.

    Attributes:
        is_on: whether there are any in this seed.
        restarts: whether any of them ends by that.
    """

    def __init__(
        self,
        world: World,
        cluster: Cluster,
        stage: Stage,
        *,
        submit: Callable[[Producer], None],
        settle_in: Callable[[Node], None],
    ) -> None:
        self._cluster = cluster
        self._stage = stage
        self._submit = submit
        self._settle_in = settle_in
        self._world = world
        self.is_on: bool = world["is_on"]
        self._kills: bool = world["kills"]
        self._seconds: tuple[float, float] = tuple(world["seconds"])
        self._archives: list[Archive] = []
        self._options: dict[str, dict[str, Any]] = {}
        self._healed = self._dismissed = False
        stage.can("journal: kills", self._kill)
        stage.can("journal: full", self._fill)
        stage.can("journal: breaks", self._break)

    def __str__(self) -> str:
        return f", {len(self._archives)} journals" if self.is_on else ""

    @property
    def restarts(self) -> bool:
        """Whether producers with journals end, other than by what others do."""
        return self.is_on and (self._world["breaks"] or self._kills)

    @property
    def is_slow(self) -> bool:
        """Whether a result may have to wait for the disk for long."""
        return self.is_on and self._seconds[1] > 0.002

    # -- the cast -----------------------------------------------------------------------------

    def add_producer(self, **options: Any) -> Producer | None:
        """The next producer, with a journal; None: it has none. `options`: of all its processes."""
        if not self.is_on or self._stage.random.random() >= self._world["share"]:
            return None
        cluster = self._cluster
        node_id = f"{self._stage.random.getrandbits(128):032x}"
        archive = Archive(node_id, cluster.clock, cluster.truth, Disk(self._seconds))
        archive.gone = partial(self._gone, archive)
        self._archives.append(archive)
        self._options[archive.node_id] = options
        return self._open(archive)

    def _open(self, archive: Archive) -> Producer:
        node = self._cluster.add_producer(
            archive,
            crash_limit=self._world["crash_limit"],
            letters_max=self._world["letters_max"],
            **self._options[archive.node_id],
        )
        self._settle_in(node)
        return node

    # -- faults -------------------------------------------------------------------------------

    def _some(self) -> Producer | None:
        nodes = self._running()
        return self._stage.random.choice(nodes) if nodes else None

    def _running(self) -> list[Producer]:
        return [
            node
            for node in self._cluster.producers
            if node.archive is not None and node.condition == RUNNING and not node.stopped
        ]

    def _fill(self) -> None:
        node = self._some()
        if node is not None and node.archive is not None:
            seconds = self._stage.random.choice(_FULL) * self._stage.random.uniform(0.5, 1.5)
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
        random, cluster = self._stage.random, self._cluster
        if random.random() < 0.8:
            self._submit(node)
        delay = random.choice(_SOON) * random.uniform(0.5, 1.5)
        way = random.choice(("kill", "kill", "stop", "freeze", "cut off"))
        if way == "cut off":
            for worker in cluster.living(cluster.workers):
                if random.random() < 0.7:
                    self._stage.later(delay * random.random(), self._cut_off, node, worker)
        self._stage.later(delay, self._end, node, way)

    def _cut_off(self, node: Producer, worker: Node) -> None:
        """The worker hears late that this process is dead; or that it greeted at all."""
        if self._healed or node.condition == DEAD:
            return
        cluster, random = self._cluster, self._stage.random
        cluster.partition(node, worker)
        seconds = random.choice(_CUT_OFF) * random.uniform(0.5, 1.5)
        self._stage.later(seconds, cluster.rejoin, node, worker)

    def _catch(self, node: Producer, worker: Node, until: float) -> None:
        """Kill a process while its HELLO is on its way: it arrives after that of the next one."""
        cluster, random = self._cluster, self._stage.random
        if self._healed or node.condition != RUNNING or cluster.clock.now > until:
            return
        peers = node.machine.dialer.peers.values()
        endpoints = worker.endpoints if isinstance(worker, Worker) else ()
        if any(peer.stage == GREETING and peer.endpoint in endpoints for peer in peers):
            cluster.partition(node, worker)
            self._stage.later(random.uniform(0.0, 0.1), self._end, node, "kill")
            self._stage.later(random.uniform(0.5, 4.0), cluster.rejoin, node, worker)
        else:
            self._stage.later(_LOOKING, self._catch, node, worker, until)

    def _end(self, node: Producer, way: str) -> None:
        cluster = self._cluster
        if node.condition != RUNNING or self._healed:
            return
        if way == "stop":
            cluster.stop(node)
        elif way == "freeze":
            cluster.freeze(node)
            seconds = self._stage.random.uniform(0.1, 12.0)
            self._stage.later(seconds, self._kill_frozen, node)
        else:
            cluster.crash(node)

    def _kill_frozen(self, node: Producer) -> None:
        if node.condition != DEAD and not self._healed:
            self._cluster.crash(node)

    # -- what comes back ----------------------------------------------------------------------

    def _gone(self, archive: Archive) -> None:
        delay = self._stage.random.choice(_AWAY) * self._stage.random.uniform(0.5, 1.5)
        if self._healed:
            delay = min(delay, 1.0)
        self._stage.later(delay, self._come_back, archive)

    def _come_back(self, archive: Archive) -> None:
        nodes = [node for node in self._cluster.producers if node.archive is archive]
        gone = self._dismissed or archive.journal.is_removed
        if gone or any(node.condition != DEAD for node in nodes):
            return
        node = self._open(archive)
        if self._kills and not self._healed and self._stage.random.random() < 0.3:
            workers = self._cluster.living(self._cluster.workers)
            if workers:
                self._catch(
                    node, self._stage.random.choice(workers), self._cluster.clock.now + _GREETING
                )
        if not self._healed and self._stage.random.random() < 0.5:
            self._submit(node)
        if self._kills and not self._healed and self._stage.random.random() < 0.3:
            seconds = self._stage.random.choice(_SOON) * self._stage.random.uniform(0.5, 1.5)
            self._stage.later(seconds, self._end, node, "kill")

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
