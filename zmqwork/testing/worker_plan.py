"""What of one seed's plan is about workers that rest, and that cannot run some of their tasks.

It is drawn from a stream of its own, so that the rest of a seed is the same with and without it.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from zmqwork.core.worker_requests import WorkerPauseRequested, WorkerResumeRequested
from zmqwork.testing.cluster import Cluster
from zmqwork.testing.node import RUNNING, Worker
from zmqwork.testing.truth import Script

# How long a worker is paused, in seconds.
_PAUSES = (0.01, 0.5, 5.0)


class WorkerPlan:
    """Pauses and rejections: each on in a third of all seeds."""

    def __init__(self, seed: int | str, cluster: Cluster) -> None:
        self._cluster = cluster
        self._random = random = Random(f"{seed}/workers")
        self._kinds = [kind for kind in ("paused workers", "rejections") if random.random() < 1 / 3]
        self._healed = False

    def __str__(self) -> str:
        return ", ".join(self._kinds) or "no moods"

    def begin(self, seconds: float) -> None:
        """Note what will happen within so many seconds."""
        if "paused workers" in self._kinds:
            for _ in range(self._random.randint(1, 6)):
                self._cluster.clock.call_at(self._random.uniform(0.0, seconds), self._pause)

    def script(self, script: Script) -> Script:
        """The same, or one that some workers reject."""
        if "rejections" in self._kinds and self._random.random() < 0.2:
            return replace(script, rejections=self._random.choice((1, 1, 2, 3)))
        return script

    def heal(self) -> None:
        """From now on all workers work."""
        self._healed = True
        for worker in self._cluster.workers:
            self._resume(worker)

    def _pause(self) -> None:
        random, cluster = self._random, self._cluster
        workers = [worker for worker in cluster.workers if worker.condition == RUNNING]
        if self._healed or not workers:
            return
        worker = random.choice(workers)
        cluster.say(worker, "is to pause")
        worker.post(WorkerPauseRequested())
        seconds = random.choice(_PAUSES) * random.uniform(0.5, 1.5)
        cluster.clock.call_later(seconds, self._resume, worker)

    def _resume(self, worker: Worker) -> None:
        if worker in self._cluster.living(self._cluster.workers):
            self._cluster.say(worker, "is to go on")
            worker.post(WorkerResumeRequested())
