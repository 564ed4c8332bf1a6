"""What of one seed's plan is about workers that rest, and that cannot run some of their tasks."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from zmqwork.core.worker_requests import WorkerPauseRequested, WorkerResumeRequested
from zmqwork.testing.cluster import Cluster
from zmqwork.testing.node import RUNNING, Worker
from zmqwork.testing.scenario import Draft, World
from zmqwork.testing.stage import Stage
from zmqwork.testing.truth import Script

# How long a worker is paused, in seconds.
_PAUSES = (0.01, 0.5, 5.0)

_KINDS = ("paused workers", "rejections")


def draw(random: Random) -> World:
    """What of this there is in a run."""
    return {"kinds": [kind for kind in _KINDS if random.random() < 1 / 3]}


def write(world: World, draft: Draft) -> None:
    """Note when workers are paused."""
    if "paused workers" in world["kinds"]:
        draft.some(1, 6, "pause a worker")


class WorkerPlan:
    """Pauses and rejections: each on in a third of all seeds."""

    def __init__(self, world: World, cluster: Cluster, stage: Stage) -> None:
        self._cluster = cluster
        self._stage = stage
        self._kinds: list[str] = world["kinds"]
        self._healed = False
        stage.can("pause a worker", self._pause)

    def __str__(self) -> str:
        return ", ".join(self._kinds) or "no moods"

    def script(self, script: Script) -> Script:
        """The same, or one that some workers reject."""
        if "rejections" in self._kinds and self._stage.random.random() < 0.2:
            return replace(script, rejections=self._stage.random.choice((1, 1, 2, 3)))
        return script

    def heal(self) -> None:
        """From now on all workers work."""
        self._healed = True
        for worker in self._cluster.workers:
            self._resume(worker)

    def _pause(self) -> None:
        random, cluster = self._stage.random, self._cluster
        workers = [worker for worker in cluster.workers if worker.condition == RUNNING]
        if self._healed or not workers:
            return
        worker = random.choice(workers)
        cluster.say(worker, "is to pause")
        worker.post(WorkerPauseRequested())
        seconds = random.choice(_PAUSES) * random.uniform(0.5, 1.5)
        self._stage.later(seconds, self._resume, worker)

    def _resume(self, worker: Worker) -> None:
        if worker in self._cluster.living(self._cluster.workers):
            self._cluster.say(worker, "is to go on")
            worker.post(WorkerResumeRequested())
