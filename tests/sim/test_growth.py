"""As there is more of something, a task takes no more instructions than the logarithm allows.

A cost of ``a + b * log(n)`` grows between two numbers by no greater a factor than their logarithms
do, and a linear one by up to that of the numbers. Counted are the machines and the wire, as in
test_cost.py; what C does within one instruction is not seen here: `python -m benchmarks growth` is.
"""

from __future__ import annotations

import math

import pytest
from instructions import Instructions

from zmqwork.testing import Cluster
from zmqwork.testing.truth import Script
from zmqwork.testing.unchecked import Unchecked

ROUNDS = 2
EACH = 50  # tasks for each node in a turn: batches of one size are compared
PREFETCH = 200
A_MOMENT = 0.001  # of virtual time: what was submitted is taken in, and little is done
PLENTY = 10_000_000


def allowed(less, more):
    return math.log(more) / math.log(less)


def crew(workers=1, producers=1, idle=0, **options):
    """Nodes that have met, and have done something; the idle ones know no such task."""
    cluster = Cluster(seed=1)
    cluster.checks = Unchecked()
    for _ in range(producers):
        cluster.add_producer(max_pending=PLENTY)
    for _ in range(workers):
        cluster.add_worker(slots=1, tasks={"work": "1"}, **options)
    for _ in range(idle):
        cluster.add_worker(slots=1, tasks={"other": "1"})
    work(cluster, EACH * workers)
    return cluster


def work(cluster, count):
    for producer in cluster.producers:
        cluster.submit(producer, "work", [Script(seconds=0.0)] * count)
    assert cluster.run_until(lambda: not cluster.unsettled, 60.0)


def spent(cluster, count):
    """Instructions for each task of turns in which each producer submits so many."""
    with Instructions() as instructions:
        for _ in range(ROUNDS):
            work(cluster, count)
    return instructions.count / (ROUNDS * count * len(cluster.producers))


def with_workers(number):
    return spent(crew(workers=number), EACH * number)


def with_idle_workers(number):
    return spent(crew(idle=number), 10 * EACH)


def with_producers(number):
    return spent(crew(producers=number), EACH)


@pytest.mark.parametrize(
    ("cost", "less", "more"),
    [(with_workers, 8, 64), (with_idle_workers, 16, 256), (with_producers, 4, 16)],
    ids=["workers", "idle workers", "producers"],
)
def test_more_nodes(cost, less, more):
    assert cost(more) <= cost(less) * allowed(less, more)


def filled(number, ways):
    """A producer of so many tasks that wait behind what its worker has taken, or rest."""
    cluster = crew(prefetch_max=PREFETCH)
    (producer,) = cluster.producers
    for options in ways:
        cluster.submit(producer, "work", [Script(seconds=0.0)] * (number // len(ways)), **options)
    cluster.run_for(A_MOMENT)
    return cluster, producer


def settled(cluster, producer, more):
    wanted = len(producer.settled) + more
    assert cluster.run_until(lambda: len(producer.settled) >= wanted, 60.0)


def of_waiting(number, ways=({},)):
    cluster, producer = filled(number, ways)
    settled(cluster, producer, 2 * PREFETCH)
    with Instructions() as instructions:
        settled(cluster, producer, 5 * PREFETCH)
    return instructions.count / (5 * PREFETCH)


def of_waiting_of_all_kinds(number):
    return of_waiting(
        number, [{"priority": step, "expires": 3600.0} for step in (0, 10, -10, 20, -20)]
    )


def beside_resting(number):
    cluster, _ = filled(number, [{"countdown": 3600.0}])
    return of_passing(cluster)


def beside_paused(number):
    cluster = crew()
    (producer,) = cluster.producers
    cluster.pause(producer, "later")
    cluster.submit(producer, "work", [Script(seconds=0.0)] * number, queue="later")
    cluster.run_for(A_MOMENT)
    return of_passing(cluster)


def of_passing(cluster):
    (producer,) = cluster.producers
    with Instructions() as instructions:
        for _ in range(ROUNDS):
            cluster.submit(producer, "work", [Script(seconds=0.0)] * 10 * EACH)
            settled(cluster, producer, 10 * EACH)
    return instructions.count / (ROUNDS * 10 * EACH)


def of_cancelling(number):
    """From the middle of what waits."""
    cluster, producer = filled(number, [{}])
    settled(cluster, producer, PREFETCH)
    seqs = range(number // 2, number // 2 + 100)
    before = len(producer.settled)
    with Instructions() as instructions:
        cluster.cancel(producer, seqs)
        assert cluster.run_until(lambda: len(producer.settled) >= before + len(seqs), 60.0)
    return instructions.count / len(seqs)


def of_a_lost_worker(number):
    """What it held is dispatched again, to another; for each of those."""
    cluster, producer = filled(number, [{}])
    settled(cluster, producer, PREFETCH)
    cluster.add_worker(slots=1, tasks={"work": "1"}, prefetch_max=PREFETCH)
    settled(cluster, producer, PREFETCH)
    with Instructions() as instructions:
        cluster.crash(cluster.workers[0])
        settled(cluster, producer, 5 * PREFETCH)
    return instructions.count / (5 * PREFETCH)


@pytest.mark.parametrize(
    "cost",
    [
        of_waiting,
        of_waiting_of_all_kinds,
        beside_resting,
        beside_paused,
        of_cancelling,
        of_a_lost_worker,
    ],
)
def test_more_tasks(cost):
    less, more = 3_000, 30_000
    assert cost(more) <= cost(less) * allowed(less, more)
