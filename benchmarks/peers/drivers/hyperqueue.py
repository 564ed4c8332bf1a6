"""HyperQueue through its Python API: a server and a worker of its `LocalCluster`.

It runs programs: each function call is a Python interpreter of its own, and what it gives back is a
file, which the client reads. Waiting for a job takes a second at least, as if it looked once a
second. One by one: a job for each task. Bulk: one job of many tasks.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import hyperqueue
from hyperqueue.cluster import LocalCluster, WorkerConfig
from hyperqueue.task.function import PythonEnv

from benchmarks.peers.chores import CHORES
from benchmarks.peers.driver import OneByOne


def run(task: str, argument: Any, path: str) -> None:
    Path(path).write_bytes(pickle.dumps(CHORES[task](argument)))


class Handle(NamedTuple):
    job: Any
    path: Path


class Client(OneByOne):
    def __init__(self, client: hyperqueue.Client, place: Path) -> None:
        self.client, self.place = client, place
        self.numbers = count()

    def add(self, job: hyperqueue.Job, task: str, argument: Any) -> Path:
        path = self.place / f"result-{next(self.numbers)}"
        job.function(run, args=(task, argument, str(path)), stdout=None, stderr=None)
        return path

    def submit(self, task: str, argument: Any) -> Handle:
        job = hyperqueue.Job(default_workdir=self.place)
        path = self.add(job, task, argument)
        return Handle(self.client.submit(job), path)

    def result(self, handle: Handle) -> Any:
        self.client.wait_for_jobs([handle.job])
        return pickle.loads(handle.path.read_bytes())

    def bulk(self, numbers: range) -> Iterator[Any]:
        job = hyperqueue.Job(default_workdir=self.place)
        paths = [self.add(job, "noop", number) for number in numbers]
        self.client.wait_for_jobs([self.client.submit(job)])
        for path in paths:
            yield pickle.loads(path.read_bytes())


@contextmanager
def connected(place: Path, slots: int) -> Iterator[Client]:
    with LocalCluster(str(place / "server"), WorkerConfig(cores=slots)) as cluster:
        yield Client(cluster.client(python_env=PythonEnv(sys.executable)), place)
