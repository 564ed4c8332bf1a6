"""Results that go to sinks, in virtual time: single stories, some of which seeds have told."""

from __future__ import annotations

import pytest

from zmqwork.core.effects import Deliver
from zmqwork.core.link_events import PeerFound
from zmqwork.testing import Cluster
from zmqwork.testing.node import Producer
from zmqwork.testing.plan import Plan, draw
from zmqwork.testing.store import Habits
from zmqwork.testing.truth import Script

TASKS = {"work": "1"}


@pytest.fixture
def cluster():
    return Cluster(seed=1)


def states(producer):
    return [entry.state for entry in producer.settled]


def effects(cluster, place_id, producer):
    return cluster.places[place_id].effects.get(producer.producer_id, {})


def until_settled(cluster, seconds=60.0, rest=2.0):
    assert cluster.run_until(lambda: not cluster.unsettled, seconds)
    cluster.run_for(rest)
    cluster.checks.at_rest()


def end(cluster, producer):
    request = cluster.end(producer)
    assert cluster.run_until(lambda: request in cluster.answers, 10.0)
    return cluster.answers[request]


@pytest.mark.parametrize("finds_sinks", [True, False])
def test_results_go_to_a_sink(cluster, finds_sinks):
    producer = cluster.add_producer()
    worker = cluster.add_worker(slots=2, tasks=TASKS, finds_sinks=finds_sinks)
    sink = cluster.add_sink()
    cluster.submit(producer, "work", [Script()] * 50, sink="default")
    until_settled(cluster)
    assert states(producer) == ["succeeded"] * 50
    assert effects(cluster, sink.node_id, producer) == dict.fromkeys(range(1, 51), 1)
    assert worker.machine.counters["executed"] == 50
    (report,) = end(cluster, producer)
    assert (report["succeeded"], report["taken"], report["missing"]) == (50, 50, [])


def test_a_killed_sink_costs_nothing_that_is_not_stored_again(cluster):
    producer = cluster.add_producer()
    cluster.add_worker(slots=4, tasks=TASKS)
    sinks = [cluster.add_sink(habits=Habits((0.05, 0.2))) for _ in range(2)]
    cluster.submit(producer, "work", [Script(seconds=0.05)] * 100, sink="default")
    cluster.run_for(1.0)
    cluster.crash(sinks[0])
    until_settled(cluster)
    assert states(producer) == ["succeeded"] * 100
    assert producer.machine.counters["executions"] == 100
    assert all(effects(cluster, sink.node_id, producer) for sink in sinks)


@pytest.mark.parametrize("seed", range(6))
def test_an_inbox_takes_effect_once_whenever_its_process_is_killed(seed):
    """Before the commit, behind it, or before the ack: by the seed."""
    cluster = Cluster(seed)
    producer = cluster.add_producer()
    cluster.add_worker(slots=4, tasks=TASKS)
    options = {"inbox": "table", "habits": Habits((0.01, 0.1))}
    sink = cluster.add_sink(**options)
    cluster.submit(producer, "work", [Script(seconds=0.05)] * 100, inbox="table")
    for _ in range(4):
        cluster.run_for(0.4)
        cluster.crash(sink)
        cluster.run_for(0.1)
        sink = cluster.add_sink(**options)
    until_settled(cluster)
    assert effects(cluster, "table", producer) == dict.fromkeys(range(1, 101), 1)
    assert producer.machine.counters["executions"] == 100


def test_what_a_sink_has_is_not_run_again_when_its_worker_is_killed(cluster):
    producer = cluster.add_producer()
    worker = cluster.add_worker(slots=9, tasks=TASKS)
    sink = cluster.add_sink(habits=Habits((3.0, 3.0)))
    cluster.submit(producer, "work", [Script()] * 9, sink="default")
    assert cluster.run_until(lambda: sink.machine._shelf.held[0] == 9, 5.0)
    cluster.crash(worker)
    until_settled(cluster)
    assert states(producer) == ["succeeded"] * 9
    assert producer.machine.counters["dispatched"] == 9


def test_a_run_is_gone_on_with_by_another_producer(cluster):
    cluster.add_worker(slots=2, tasks=TASKS)
    cluster.add_sink(inbox="table", habits=Habits((0.01, 0.1)))
    scripts = [Script(seconds=0.05)] * 60
    labels = [f"run-{number}" for number in range(1, 61)]
    for last in (False, False, True):
        producer = cluster.add_producer(producer_id="run")
        cluster.submit(producer, "work", scripts, labels=labels, inbox="table")
        if not last:
            cluster.run_for(0.8)
            cluster.crash(producer)
    until_settled(cluster, rest=40.0)  # until the dead ones are given up
    assert states(producer) == ["succeeded"] * 60
    assert effects(cluster, "table", producer) == dict.fromkeys(range(1, 61), 1)
    already = sum(not entry.attempt for entry in producer.settled)
    assert 10 < already < 60, "what the inbox had when it was met was not run again"


def test_another_sink_at_the_endpoint_of_one_that_died(cluster):
    """Both are one peer to a producer that knows only the endpoint: floors, answers and the end
    of the one were taken for those of the other."""
    producer = cluster.add_producer()
    cluster.add_worker(slots=4, tasks=TASKS)
    typed = {"endpoints": ["mem://typed"], "key": "static:mem://typed"}
    for _ in range(3):
        sink = cluster.add_sink(**typed)
        cluster.submit(producer, "work", [Script(seconds=0.05)] * 60, sink="default")
        cluster.run_for(0.7)
        cluster.crash(sink)
        cluster.run_for(0.5)
    cluster.add_sink(**typed)
    until_settled(cluster)
    assert states(producer) == ["succeeded"] * 180
    *lost, last = end(cluster, producer)
    assert len(lost) == 3
    assert (last["count"], last["missing"]) == (last["taken"], [])


def test_what_moved_while_its_done_was_on_its_way_is_not_missed(cluster):
    """DONE does not say where a result went: the other sink was told that it should have it."""
    producer = cluster.add_producer()
    worker = cluster.add_worker(slots=4, tasks=TASKS)
    first = cluster.add_sink()
    cluster.submit(producer, "work", [Script(seconds=1.0)] * 4, sink="default")
    cluster.run_for(0.4)
    second = cluster.add_sink()
    cluster.run_for(0.3)
    cluster.network.block(worker.name, producer.name)
    assert cluster.run_until(lambda: len(effects(cluster, first.node_id, producer)) == 4, 2.0)
    cluster.run_for(0.1)
    cluster.crash(first)
    cluster.run_for(1.0)
    cluster.network.unblock_all()
    until_settled(cluster)
    assert states(producer) == ["succeeded"] * 4
    assert producer.machine.counters["executions"] == 4
    reports = {report["sink"]: report for report in end(cluster, producer)}
    other = reports[f"{second.name}#{second.node_id[:4]}"]
    assert other["count"] > 0
    assert (other["succeeded"], other["taken"]) == (0, 0)
    assert not [notice for _, notice in cluster.notices if notice.kind == "incomplete"]


def test_a_sink_out_of_reach_of_one_worker(cluster):
    producer = cluster.add_producer()
    worker = cluster.add_worker(slots=1, tasks=TASKS)
    sink = cluster.add_sink()
    cluster.partition(worker, sink)
    cluster.submit(producer, "work", [Script()], sink="default")
    cluster.run_for(20.0)
    other = cluster.add_worker(slots=1, tasks=TASKS)
    cluster.run_for(5.0)
    assert cluster.unsettled == 1, "its worker still tries"
    until_settled(cluster, 20.0)
    assert [run.worker for run in cluster.truth.fate(producer.node_id, 1).runs] == [
        worker.node_id,
        other.node_id,
    ]


def test_stores_get_one_batch_after_the_other(cluster):
    producer = cluster.add_producer()
    cluster.add_worker(slots=4, tasks=TASKS)
    sink = cluster.add_sink(batch=7, habits=Habits((0.1, 0.1), failing=0.3, retries=99))
    loads = []
    deliver = sink.store.deliver

    def count(load: Deliver) -> None:
        loads.append(sum(len(parcel.values) for parcel in load.parcels))
        deliver(load)

    sink.store.deliver = count
    cluster.submit(producer, "work", [Script()] * 50, sink="default")
    until_settled(cluster)
    assert sum(loads) == 50
    assert max(loads) == 7
    assert set(effects(cluster, sink.node_id, producer)) == set(range(1, 51))


def test_a_store_that_is_set_going_again_stores_at_once(cluster):
    """What slept for the whole stop kept its sink from leaving, after everything was healed."""
    producer = cluster.add_producer()
    cluster.add_worker(tasks=TASKS)
    sink = cluster.add_sink(inbox="inbox")
    sink.store.stopped_until = 100.0
    cluster.submit(producer, "work", [Script()], sink="default", inbox="inbox")
    cluster.run_for(2.0)
    assert states(producer) == []
    cluster.drain(sink)
    sink.store.stopped_until = 0.0
    assert cluster.run_until(lambda: not cluster.unsettled, 1.0)
    assert cluster.run_until(lambda: not cluster.living(cluster.sinks), 1.0)


def test_who_comes_after_healing_is_prompt():
    """A run that began again late was as slow as before, so that slots of its worker idled; and a
    worker that took a dead one's place ran what was meant to hang until it ended."""
    cluster = Cluster(0)
    plan = Plan(draw(0), cluster)
    plan.begin()
    cluster.run_for(plan.seconds)
    before = len(cluster.nodes)
    plan.heal()
    plan._replace(cluster.workers[0])
    cluster.run_for(20.0)
    late = list(cluster.nodes.values())[before:]
    assert any(isinstance(node, Producer) for node in late)
    assert {node.lag for node in cluster.nodes.values()} == {0.001}
    assert all(worker.pool._hurried for worker in cluster.living(cluster.workers))


def test_a_goodbye_between_workers_may_be_lost_with_its_link(cluster):
    """Somebody typed the endpoint of a worker where a sink was meant."""
    producer = cluster.add_producer()
    other = cluster.add_worker(tasks={})
    dials = cluster.add_worker(tasks=TASKS, finds_sinks=True)
    cluster.add_sink()
    endpoint = other.endpoints[0]
    cluster.discovery.announce(PeerFound(f"typed:{endpoint}", (endpoint,), ""))
    cluster.submit(producer, "work", [Script()], sink="default")
    met = ("worker-1", "peer_alive", other.node_id)
    said = cluster.notices
    assert cluster.run_until(
        lambda: met in [(name, notice.kind, notice.data["node_id"]) for name, notice in said], 5.0
    )
    cluster.network.reset(dials, other)
    cluster.run_for(20.0)
    assert ("worker-0", "client_lost") in [(name, notice.kind) for name, notice in said]
    cluster.checks.undisturbed()
