"""Tasks of very different length in one stream: nobody idles, and nobody waits behind a long one.

In virtual time. What is measured is held against the list schedule: whoever is free takes the next
task, which costs nothing to hand over. No static schedule of that order is shorter.
"""

from __future__ import annotations

import heapq
from itertools import groupby
from random import Random

import pytest

from zmqwork.testing import Cluster
from zmqwork.testing.truth import Script

# Seconds, and how many.
KINDS = {
    "nothing": (0.0, 2000),
    "tenth": (0.0001, 2000),
    "one": (0.001, 2000),
    "ten": (0.01, 400),
    "second": (1.0, 8),
}
TASKS = dict.fromkeys(KINDS, "1")
SLOTS = 4
ROOM = 1.05


def in_order(name, seed):
    work = [kind for kind, (_, count) in KINDS.items() for _ in range(count)]
    if name == "mixed":
        Random(seed).shuffle(work)
    elif name == "long first":
        work.reverse()
    return work


def submit(cluster, producer, work):
    for kind, some in groupby(work):
        cluster.submit(producer, kind, [Script(seconds=KINDS[kind][0]) for _ in some])


def durations(cluster, producer):
    """As they turned out, in the order of submission."""
    fates = cluster.truth.tasks[producer.node_id].values()
    return [run.ended_at - run.began_at for fate in fates for run in fate.runs]


def list_schedule(seconds):
    free_at = [0.0] * SLOTS
    for duration in seconds:
        heapq.heapreplace(free_at, free_at[0] + duration)
    return max(free_at)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("order", ["mixed", "long first", "long last"])
def test_a_stream_of_all_lengths_takes_no_longer_than_a_schedule(order, seed):
    cluster = Cluster(seed=seed)
    producer = cluster.add_producer()
    for _ in range(2):
        cluster.add_worker(slots=SLOTS // 2, tasks=TASKS)
    cluster.run_for(2.0)
    begun_at = cluster.clock.now
    submit(cluster, producer, in_order(order, seed))
    assert cluster.run_until(lambda: not cluster.unsettled, 30.0)
    seconds = durations(cluster, producer)
    assert len(seconds) == sum(count for _, count in KINDS.values()), "each ran once"
    assert cluster.clock.now - begun_at <= ROOM * list_schedule(seconds)


@pytest.mark.parametrize("kind", ["one", "ten"])
def test_who_joins_late_has_its_share_within_a_second(kind):
    cluster = Cluster(seed=1)
    producer = cluster.add_producer()
    first = cluster.add_worker(slots=2, tasks=TASKS)
    seconds, _ = KINDS[kind]
    cluster.submit(producer, kind, [Script(seconds=seconds)] * int(10.0 * 2 / seconds))
    cluster.run_for(3.0)
    second = cluster.add_worker(slots=2, tasks=TASKS)
    cluster.run_for(1.0)
    since = cluster.clock.now
    cluster.run_for(1.0)
    fates = cluster.truth.tasks[producer.node_id].values()
    begun = [run.worker for fate in fates for run in fate.runs if run.began_at >= since]
    counts = [begun.count(worker.node_id) for worker in (first, second)]
    assert min(counts) >= 0.9 * max(counts), counts
