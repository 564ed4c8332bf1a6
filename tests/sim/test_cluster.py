"""`zmqwork.testing.Cluster` as users have it: single stories, told in virtual time."""

from __future__ import annotations

import pytest

from zmqwork.testing import Cluster
from zmqwork.testing.truth import CRASHES, FAILS, SUCCEEDS, Script

TASKS = {"work": "1"}


@pytest.fixture
def cluster():
    return Cluster(seed=1)


def states(producer):
    return [entry.state for entry in producer.settled]


def test_work_gets_done(cluster):
    producer = cluster.add_producer()
    cluster.add_worker(slots=2, tasks=TASKS)
    cluster.submit(producer, "work", [Script()] * 100)
    assert cluster.run_until(lambda: not cluster.unsettled, 10.0)
    assert states(producer) == ["succeeded"] * 100
    cluster.run_for(1.0)
    cluster.checks.at_rest()
    cluster.checks.undisturbed()


def test_a_killed_worker_costs_no_task_and_little_time(cluster):
    producer = cluster.add_producer()
    victim = cluster.add_worker(slots=2, tasks=TASKS)
    cluster.submit(producer, "work", [Script(seconds=0.5)] * 20)
    cluster.run_for(2.0)
    survivor = cluster.add_worker(slots=2, tasks=TASKS)
    cluster.run_for(1.0)
    cluster.crash(victim)
    assert cluster.run_until(lambda: producer.losses == 1, 0.1), "the process is known to be gone"
    assert cluster.run_until(lambda: not cluster.unsettled, 10.0)
    assert states(producer) == ["succeeded"] * 20
    assert producer.machine.counters["crashes"] <= 2
    assert not survivor.machine.listener.counters.gaps


def test_retries_crashes_and_the_limit(cluster):
    producer = cluster.add_producer(crash_limit=2)
    cluster.add_worker(tasks=TASKS)
    scripts = [
        Script(outcomes=(FAILS, SUCCEEDS)),
        Script(outcomes=(FAILS,)),
        Script(outcomes=(FAILS,), final=True),
        Script(outcomes=(CRASHES, SUCCEEDS)),
        Script(outcomes=(CRASHES,)),
    ]
    seqs = cluster.submit(producer, "work", scripts, max_retries=1, retry_backoff=0.1)
    assert cluster.run_until(lambda: not cluster.unsettled, 10.0)
    by_seq = {entry.seq: entry.state for entry in producer.settled}
    expected = ["succeeded", "failed", "failed", "succeeded", "dead"]
    assert [by_seq[seq] for seq in seqs] == expected


def test_two_producers_with_endless_work_share_one_slot(cluster):
    one, two = cluster.add_producer(), cluster.add_producer()
    cluster.add_worker(slots=1, tasks=TASKS)
    cluster.submit(one, "work", [Script(seconds=0.3)] * 100)
    cluster.run_for(2.0)
    cluster.submit(two, "work", [Script(seconds=0.3)] * 100)
    before = len(one.settled)
    cluster.run_for(12.0)
    ones, twos = len(one.settled) - before, len(two.settled)
    assert twos > 10
    assert abs(ones - twos) <= 3


def test_many_producers_leave_no_slot_unused(cluster):
    producers = [cluster.add_producer() for _ in range(6)]
    worker = cluster.add_worker(slots=12, tasks=TASKS)
    for producer in producers:
        cluster.submit(producer, "work", [Script(seconds=1.0)] * 100)
    cluster.run_for(5.0)
    cluster.stop(producers[0])
    cluster.run_for(3.0)
    assert sum(1 for slot in worker.machine._feeder.slots if slot.given) == 12


def test_a_partition_that_heals_loses_nothing(cluster):
    producer = cluster.add_producer()
    worker = cluster.add_worker(tasks=TASKS)
    cluster.submit(producer, "work", [Script(seconds=20.0)])
    cluster.run_for(2.0)
    cluster.partition(producer, worker)
    assert cluster.run_until(lambda: producer.losses == 1, 10.0)
    cluster.rejoin(producer, worker)
    assert cluster.run_until(lambda: not cluster.unsettled, 60.0)
    (entry,) = producer.settled
    assert (entry.state, entry.crashes) == ("succeeded", 0)


def test_a_frozen_worker_that_wakes_begins_nothing_of_the_past(cluster):
    producer = cluster.add_producer()
    asleep = cluster.add_worker(tasks=TASKS, prefetch_max=100)
    cluster.submit(producer, "work", [Script(seconds=0.02)] * 300)
    cluster.run_for(0.6)
    cluster.freeze(asleep)
    cluster.add_worker(tasks=TASKS)
    assert cluster.run_until(lambda: not cluster.unsettled, 60.0)
    begun = asleep.machine.counters["executed"]
    cluster.resume(asleep)
    cluster.run_for(5.0)
    assert asleep.machine.counters["executed"] <= begun + 2, "what its child had already"
    cluster.checks.at_rest()


def test_a_worker_that_is_back_with_a_task_of_others_is_given_no_more_than_it_takes(cluster):
    """Its slot is taken, by what another one runs as well: what was sent it gave back, at once, and
    was sent again, some thousand times a second."""
    producer = cluster.add_producer()
    cut_off = cluster.add_worker(slots=1, tasks=TASKS)
    cluster.submit(producer, "work", [Script(seconds=60.0)])
    cluster.run_for(3.0)
    cluster.add_worker(slots=1, tasks=TASKS)
    cluster.partition(cut_off, producer)
    cluster.run_for(8.0)
    assert producer.losses == 1
    cluster.rejoin(cut_off, producer)
    cluster.run_for(3.0)
    cluster.submit(producer, "work", [Script(seconds=0.1)] * 5)
    cluster.run_for(5.0)
    assert producer.machine.counters["returned"] == 0
    assert cluster.run_until(lambda: not cluster.unsettled, 100.0)
    assert states(producer) == ["succeeded"] * 6
    cluster.run_for(100.0)
    cluster.submit(producer, "work", [Script(seconds=1.0)] * 6)
    cluster.run_for(0.5)
    assert all(slot.given for slot in cut_off.machine._feeder.slots), "it takes part again"


@pytest.mark.parametrize("seconds", [0.05, 0.5])
def test_a_worker_that_stops_while_it_is_cut_off_may_have_run_what_is_run_again(cluster, seconds):
    """Nobody hears what it has done: that is counted as a crash, with cause."""
    producer = cluster.add_producer()
    stopped = cluster.add_worker(slots=1, tasks=TASKS)
    cluster.submit(producer, "work", [Script(seconds=seconds)])
    assert cluster.run_until(lambda: stopped.machine._feeder.slots[0].given, 2.0)
    cluster.network.reset(producer, stopped)
    cluster.partition(producer, stopped)
    cluster.run_for(0.1)
    cluster.stop(stopped)
    cluster.add_worker(slots=1, tasks=TASKS)
    assert cluster.run_until(lambda: not cluster.unsettled, 100.0)
    (entry,) = producer.settled
    assert (entry.state, entry.attempt, entry.crashes) == ("succeeded", 2, 1)
    cluster.checks.undisturbed()


def test_what_ends_while_its_worker_stops_may_run_again(cluster):
    producer = cluster.add_producer()
    stopped = cluster.add_worker(slots=1, tasks=TASKS)
    cluster.submit(producer, "work", [Script(seconds=0.001)])
    assert cluster.run_until(lambda: stopped.machine._feeder.slots[0].given, 2.0)
    stopped.lag = 1.0
    cluster.stop(stopped)
    cluster.add_worker(slots=1, tasks=TASKS)
    assert cluster.run_until(lambda: not cluster.unsettled, 100.0)
    fate = cluster.truth.fate(producer.node_id, 1)
    assert [run.outcome for run in fate.runs] == ["succeeds", "succeeds"]
    cluster.checks.undisturbed()


def test_a_drain_loses_nothing_and_a_stop_neither(cluster):
    producer = cluster.add_producer()
    drains = cluster.add_worker(tasks=TASKS)
    stops = cluster.add_worker(tasks=TASKS)
    cluster.add_worker(tasks=TASKS)
    cluster.submit(producer, "work", [Script(seconds=0.2)] * 60)
    cluster.run_for(1.5)
    cluster.drain(drains)
    cluster.stop(stops)
    cluster.run_for(1.0)
    assert cluster.living([drains, stops]) == []
    assert cluster.run_until(lambda: not cluster.unsettled, 60.0)
    assert states(producer) == ["succeeded"] * 60
    assert producer.losses == producer.machine.counters["crashes"] == 0


def test_an_observer_sees_everybody(cluster):
    cluster.add_producer()
    cluster.add_worker(tasks=TASKS)
    observer = cluster.add_observer()
    cluster.run_for(1.0)
    request = cluster.ask(observer)
    cluster.run_for(3.0)
    (node,) = cluster.answers[request]["nodes"]
    assert node["role"] == "worker"
