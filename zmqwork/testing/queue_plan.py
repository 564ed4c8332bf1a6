"""What of one seed's plan is about queues: priorities, what workers say of queues, and pauses."""

from __future__ import annotations

from random import Random
from typing import Any

from zmqwork.testing.cluster import Cluster
from zmqwork.testing.node import RUNNING
from zmqwork.testing.scenario import Draft, World
from zmqwork.testing.stage import Stage

_KINDS = ("priorities", "queues", "pauses")
_QUEUES = ("default", "high", "low")


def draw(random: Random) -> World:
    """What of this there is in a run."""
    return {"kinds": [kind for kind in _KINDS if random.random() < 1 / 3]}


def write(world: World, draft: Draft) -> None:
    """Note when queues are paused."""
    if "pauses" in world["kinds"]:
        draft.some(1, 6, "pause a queue")


class QueuePlan:
    """Priorities, queues and pauses: each on in a third of all seeds."""

    def __init__(self, world: World, cluster: Cluster, stage: Stage) -> None:
        self._cluster = cluster
        self._stage = stage
        self._kinds: list[str] = world["kinds"]
        self._healed = False
        stage.can("pause a queue", self._pause)

    def __str__(self) -> str:
        return ", ".join(self._kinds) or "no queues"

    def task(self) -> dict[str, Any]:
        """Options of the tasks that are submitted next."""
        random = self._stage.random
        options: dict[str, Any] = {}
        if "priorities" in self._kinds:
            options["priority"] = random.choice((-100, -1, 0, 0, 1, 100))
        if "queues" in self._kinds:
            options["queue"] = random.choice(_QUEUES)
        return options

    def producer(self) -> dict[str, Any]:
        """Options of a producer."""
        if "priorities" not in self._kinds:
            return {}
        return {"priority_aging": self._stage.random.choice((0.0, 0.05, 1.0, 60.0))}

    def worker(self) -> dict[str, Any]:
        """Options of a worker; what it serves else is said elsewhere."""
        if "queues" not in self._kinds:
            return {}
        return self._stage.random.choice(
            (
                {},
                {"queues": _QUEUES, "weights": (3, 6, 1)},
                {"queues": ("high", "low"), "weights": (5, 1)},
                {"queues": ("high", "default", "low"), "strict": True},
                {"queues": (), "exclude_queues": ("low",)},
            )
        )

    def _pause(self) -> None:
        random, cluster = self._stage.random, self._cluster
        producers = [p for p in cluster.producers if p.condition == RUNNING and not p.stopped]
        if self._healed or not producers:
            return
        producer, queue = random.choice(producers), random.choice(_QUEUES)
        if "queues" not in self._kinds:
            queue = "default"
        cluster.pause(producer, queue)
        if random.random() < 0.7:
            seconds = random.choice((0.001, 0.5, 5.0))
            self._stage.later(seconds, cluster.unpause, producer, queue)

    def heal(self) -> None:
        """Everything goes on, and nothing is paused any more."""
        self._healed = True
        for producer in self._cluster.living(self._cluster.producers):
            for queue in list(producer.paused):
                self._cluster.unpause(producer, queue)
