"""What a producer with many workers spends on one of them: as much as one with few.

Counted in instructions of the core, of all nodes together, so that nothing that looks at all peers
for the sake of one can come unseen.
"""

from __future__ import annotations

import pytest
from instructions import Instructions

from zmqwork.testing import Cluster
from zmqwork.testing.truth import Script
from zmqwork.testing.unchecked import Unchecked

FEW, MANY = 16, 128
ROOM = 1.15


def crowd(workers):
    cluster = Cluster(seed=1)
    cluster.checks = Unchecked()
    for _ in range(workers):
        cluster.add_worker(slots=1, tasks={"work": "1"})
    return cluster, cluster.add_producer()


def meeting(workers):
    """For each worker: found, dialled, greeted."""
    cluster, producer = crowd(workers)
    with Instructions("core") as instructions:
        assert cluster.run_until(lambda: len(producer.machine._workforce) == workers, 5.0)
    return instructions.count / workers


def beating(workers):
    """For each worker: five seconds of heartbeats, in both directions."""
    cluster, producer = crowd(workers)
    cluster.run_for(2.0)
    assert len(producer.machine._workforce) == workers
    with Instructions("core") as instructions:
        cluster.run_for(5.0)
    return instructions.count / workers


def working(workers):
    """For each task: submitted while all slots are busy, and done."""
    cluster, producer = crowd(workers)
    cluster.run_for(1.0)
    count = 6 * workers
    # (So long for all that their heartbeats are the same share.)
    cluster.submit(producer, "work", [Script(seconds=0.5)] * count)
    with Instructions("core") as instructions:
        assert cluster.run_until(lambda: not cluster.unsettled, 60.0)
    return instructions.count / count


def under_way(tasks):
    """For each worker: five seconds in which so many of their slots are busy."""
    cluster, producer = crowd(MANY)
    cluster.run_for(1.0)
    cluster.submit(producer, "work", [Script(seconds=1_000.0)] * tasks)
    cluster.run_for(1.0)
    with Instructions("core") as instructions:
        cluster.run_for(5.0)
    assert len(producer.machine._ledger) == tasks
    return instructions.count / MANY


@pytest.mark.parametrize("tasks", [MANY // 2, MANY])
def test_what_is_under_way_costs_little_beside_heartbeats(tasks):
    """It is looked at 20 times a second; all workers are not."""
    none, some = under_way(0), under_way(tasks)
    assert some < none * ROOM, f"{none:.0f} without tasks, {some:.0f} with {tasks}"


@pytest.mark.parametrize("spent", [meeting, beating, working])
def test_one_among_many_costs_what_one_among_few_costs(spent):
    few, many = spent(FEW), spent(MANY)
    assert many < few * ROOM, f"{spent.__doc__} {few:.0f} with {FEW}, {many:.0f} with {MANY}"
