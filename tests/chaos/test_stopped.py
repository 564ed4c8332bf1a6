"""SIGSTOP and SIGCONT at the stages of a task's life: nobody can tell who stopped from who died.

The worker's processes are stopped one by one: its children go on while it is stopped.
"""

import os
import signal
import threading

import pytest
from chaos_processes import stop, until
from fault_proxy import DONE, DONE_ACK
from test_killed import QUEUED, WARM, asleep, child_of, queue_up, reach

# The 20 s take as long; without that variable a worker is stopped until it is given up.
FULL = os.environ.get("ZMQWORK_CHAOS") == "full"


def given_up(producer):
    until(lambda: producer.workers() == 0, "the worker is given up")


def test_worker_stopped_its_late_result_counts_once_and_its_fence_holds(scene):
    scene.hurry()
    victim = scene.remote_worker()
    proxy = scene.proxy(victim.port)
    # A long way, so that more is queued at the worker than its child is handed at once.
    for way in (proxy.forth, proxy.back):
        proxy.slow(way, 0.02)
    producer = scene.producer(proxy.endpoint)
    producer.submit(*WARM)
    scene.all_settled()
    gate = scene.gate("running")
    scene.gate("running", attempt=2)  # which stays shut: the first attempt must win
    queued = [f"queued-{index}" for index in range(300)]
    producer.submit("running", *queued)
    scene.begun("running")
    words = ["--discovery", "static", f"--peer=tcp://127.0.0.1:{victim.port}"]

    def waiting():
        (node,) = scene.ps(*words)["nodes"]
        return node["queued"] and node

    node = until(waiting, "some wait in the worker itself")
    placed = sum(one["held"] for one in node["producers"]) - node["queued"]
    stop(victim.pid)
    if FULL:
        threading.Event().wait(20)
    given_up(producer)
    scene.worker(slots=2)
    scene.begun("running", attempt=2)
    until(lambda: len(scene.oracle.read("settled")) >= len(WARM) + len(queued) - placed, "most run")
    gate.open()
    scene.ended("running", attempt=1)
    victim.send(signal.SIGCONT)
    scene.all_settled()
    (fact,) = scene.oracle.settled("running")
    assert fact["value"] == ["running", 1]
    late = [key for key in queued if 1 in scene.oracle.attempts(key)]
    assert len(late) < placed, "what the child did not have is fenced"
    assert scene.oracle.run_twice().keys() <= {"running", *late}
    counters = producer.counters()
    assert (counters["lost_workers"], counters["crashes"]) == (1, 1)
    until(lambda: producer.workers() == 2, "it is back")
    producer.submit("after-1", "after-2")
    scene.all_settled()


def test_worker_stopped_its_late_result_comes_after_another_one(scene):
    # Patient itself: else it may give up its producer before that has dialled again, and then it
    # drops the result.
    scene.be_patient()
    victim = scene.worker()
    scene.hurry()
    producer = scene.producer()
    reach(scene, producer, "result computed", None, victim)
    given_up(producer)
    scene.worker()
    scene.all_settled()
    victim.send(signal.SIGCONT)
    until(lambda: producer.counters()["duplicates"] == 1, "the late result is counted, and dropped")
    scene.oracle.verify()
    assert scene.oracle.attempts("only") == [1, 2]


@pytest.mark.parametrize("verb", [DONE, DONE_ACK])
def test_worker_stopped_with_a_result_that_is_not_acked(verb, scene):
    scene.hurry()
    victim = scene.remote_worker()
    proxy = scene.proxy(victim.port)
    producer = scene.producer(proxy.endpoint)
    reach(scene, producer, {DONE: "result sent", DONE_ACK: "acked"}[verb], proxy, victim)
    stop(victim.pid)
    if verb == DONE:
        proxy.release(proxy.back)
    scene.all_settled()
    given_up(producer)
    proxy.cut()
    proxy.release(proxy.back, proxy.forth)
    victim.send(signal.SIGCONT)
    until(lambda: producer.workers() == 1, "it is back")
    # Without an ack it offers the result again; an ack that was sent it finds when it wakes.
    again = int(verb == DONE_ACK)
    until(lambda: producer.counters()["duplicates"] == again, "what it offers again is dropped")
    producer.submit("after")
    scene.all_settled()
    assert scene.oracle.attempts("only") == [1]
    assert producer.counters()["crashes"] == 0


def test_worker_stopped_for_a_moment(scene):
    scene.hurry()
    victim, producer = scene.worker(), scene.producer()
    gate = scene.gate("only")
    producer.submit("only")
    scene.begun("only")
    stop(victim.pid)

    def state():
        return [worker["state"] for worker in producer.status()["workers"]]

    until(lambda: state() == ["suspect"], "it is suspect")
    victim.send(signal.SIGCONT)
    until(lambda: state() == ["alive"], "it is alive again")
    gate.open()
    scene.all_settled()
    assert scene.oracle.attempts("only") == [1]
    assert producer.counters()["lost_workers"] == 0


def test_child_stopped_is_a_slow_task_and_nothing_else(scene):
    scene.hurry()
    scene.worker(slots=2)
    producer = scene.producer()
    gate = scene.gate("only")
    producer.submit("only")
    scene.begun("only")
    child = child_of(scene, "only")
    stop(child)
    gate.open()
    for index in range(9):  # together longer than any time-out here
        keys = [f"other-{index}-{n}" for n in range(20)]
        producer.submit(*keys)
        until(lambda keys=keys: all(map(scene.oracle.settled, keys)), "the other slot works")
        threading.Event().wait(0.25)  # the pace of the load
    os.kill(child, signal.SIGCONT)
    scene.all_settled()
    assert scene.oracle.run_twice() == {}
    counters = producer.counters()
    assert (counters["lost_workers"], counters["crashes"]) == (0, 0)


@pytest.mark.parametrize("stage", ["result computed", "result sent", "acked"])
def test_child_stopped_whose_result_is_out_of_its_hands(stage, scene):
    scene.hurry()
    worker = scene.remote_worker(slots=2)
    proxy = scene.proxy(worker.port)
    producer = scene.producer(proxy.endpoint)
    reach(scene, producer, stage, proxy, worker)
    child = child_of(scene, "only")
    until(lambda: asleep(child), "it has handed its result over")
    stop(child)
    worker.send(signal.SIGCONT)
    proxy.release(proxy.back, proxy.forth)
    scene.all_settled()
    os.kill(child, signal.SIGCONT)
    producer.submit(*[f"after-{index}" for index in range(20)])
    scene.all_settled()
    assert scene.oracle.run_twice() == {}
    counters = producer.counters()
    assert (counters["lost_workers"], counters["crashes"]) == (0, 0)


def test_child_stopped_with_a_running_and_with_queued_attempts(scene):
    scene.hurry()
    scene.worker()
    producer = scene.producer()
    gate = queue_up(scene, producer)
    child = child_of(scene, "running")
    stop(child)
    gate.open()
    scene.worker()
    until(lambda: all(map(scene.oracle.settled, QUEUED)), "an idle worker has what was queued")
    assert not scene.oracle.settled("running")
    os.kill(child, signal.SIGCONT)
    scene.all_settled()
    assert scene.oracle.run_twice() == {}
    counters = producer.counters()
    assert (counters["lost_workers"], counters["crashes"]) == (0, 0)


def test_producer_stopped_with_a_running_and_with_queued_attempts(scene):
    scene.hurry()
    scene.worker()
    producer, other = scene.producer(), scene.producer(name="other")
    queue_up(scene, producer)
    stop(producer.pid)
    other.submit("theirs")
    until(lambda: scene.oracle.settled("theirs"), "the slot is free for others")
    assert [key for key in QUEUED if scene.oracle.attempts(key)] == []
    producer.send(signal.SIGCONT)
    scene.all_settled()
    assert scene.oracle.run_twice() == {"running": [1, 2]}
    assert producer.counters()["crashes"] == 0, "it was given up by its own silence"


@pytest.mark.parametrize("stage", ["result computed", "result sent", "acked"])
def test_producer_stopped_for_longer_than_a_lease(stage, scene):
    scene.hurry()
    worker = scene.remote_worker()
    proxy = scene.proxy(worker.port)
    producer = scene.producer(proxy.endpoint)
    reach(scene, producer, stage, proxy, worker)
    stop(producer.pid)
    worker.send(signal.SIGCONT)
    proxy.release(proxy.back, proxy.forth)
    other = scene.producer(f"tcp://127.0.0.1:{worker.port}", name="other")
    other.submit("theirs")
    until(lambda: scene.oracle.settled("theirs"), "others go on")
    until(lambda: "producer p#" in scene.complaints(), "its worker has given it up")
    producer.send(signal.SIGCONT)
    scene.all_settled()
    assert scene.oracle.attempts("only") in ([1], [1, 2])
    assert producer.counters()["crashes"] == 0
