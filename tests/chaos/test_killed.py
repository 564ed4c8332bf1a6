"""SIGKILL at every stage of a task's life: worker, child, producer. Each stage is hit exactly."""

import os
import signal
from pathlib import Path

import pytest
from chaos_processes import is_gone, stop, until
from fault_proxy import DONE, DONE_ACK

WARM = [f"warm-{index}" for index in range(200)]
QUEUED = [f"queued-{index}" for index in range(20)]


def queue_up(scene, producer):
    """One task runs, behind its gate, and others of a short kind are queued at the same worker."""
    producer.submit(*WARM)
    scene.all_settled()
    gate = scene.gate("running")
    producer.submit("running", *QUEUED)
    scene.begun("running")
    until(lambda: producer.states()["started"] == 1, "STARTED has come")
    assert producer.states()["dispatched"] >= 1, "there are queued attempts at the worker"
    return gate


def reach(scene, producer, stage, proxy, worker):
    """Bring the task ``only`` to a stage of its life."""
    gate = scene.gate("only")
    caught = None
    if stage == "result sent":
        caught = proxy.hold_at(proxy.back, DONE)
    elif stage == "acked":
        caught = proxy.hold_at(proxy.forth, DONE_ACK)
    producer.submit("only")
    scene.begun("only")
    until(lambda: producer.states()["started"] == 1, "STARTED has come")
    if stage == "result computed":
        stop(worker.pid)
    if stage != "running":
        gate.open()
        scene.ended("only")
    if caught is not None:
        assert caught.wait(30)


def child_of(scene, key):
    (pid,) = {run["pid"] for run in scene.oracle.read("runs") if run["key"] == key}
    return pid


def asleep(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


# -- the worker -------------------------------------------------------------------------------


def test_worker_killed_with_a_running_and_with_queued_attempts(scene):
    victim, producer = scene.worker(), scene.producer()
    queue_up(scene, producer)
    children = victim.children()
    victim.kill()
    scene.worker()
    scene.all_settled()
    assert scene.oracle.run_twice() == {"running": [1, 2]}, "what was queued costs nothing"
    counters = producer.counters()
    assert (counters["lost_workers"], counters["crashes"]) == (1, 1)
    for pid in children:
        until(lambda pid=pid: is_gone(pid), "the children are gone")


@pytest.mark.parametrize(
    ("stage", "arrives", "attempts", "crashes"),
    [
        ("running", False, [1, 2], 1),
        ("result computed", False, [1, 2], 1),
        ("result sent", False, [1, 2], 1),
        ("result sent", True, [1], 0),
        ("acked", False, [1], 0),
    ],
)
def test_worker_killed(stage, arrives, attempts, crashes, scene):
    victim = scene.remote_worker()
    proxy = scene.proxy(victim.port)
    producer = scene.producer(proxy.endpoint)
    reach(scene, producer, stage, proxy, victim)
    victim.kill()
    proxy.point_to(None)
    if arrives:
        proxy.swallow_end(proxy.back)  # which would overtake what was not read yet
        proxy.release(proxy.back)
        scene.all_settled()
    proxy.cut()
    scene.worker()
    scene.all_settled()
    until(lambda: producer.counters()["lost_workers"] == 1, "the worker is given up")
    assert scene.oracle.attempts("only") == attempts
    assert producer.counters()["crashes"] == crashes
    producer.submit("after")
    scene.all_settled()


# -- the child --------------------------------------------------------------------------------


def test_child_killed_with_a_running_and_with_queued_attempts(scene):
    worker, producer = scene.worker(), scene.producer()
    queue_up(scene, producer)
    os.kill(child_of(scene, "running"), signal.SIGKILL)
    scene.all_settled()
    assert scene.oracle.run_twice() == {"running": [1, 2]}
    counters = producer.counters()
    assert (counters["lost_workers"], counters["crashes"]) == (0, 1)
    assert worker.process.poll() is None


def test_child_killed_when_its_result_is_computed(scene):
    worker, producer = scene.worker(), scene.producer()
    reach(scene, producer, "result computed", None, worker)
    child = child_of(scene, "only")
    until(lambda: asleep(child), "it has handed its result over")
    os.kill(child, signal.SIGKILL)
    worker.send(signal.SIGCONT)
    scene.all_settled()
    assert scene.oracle.attempts("only") == [1], "a result outlives the child that made it"
    assert producer.counters()["crashes"] == 0


@pytest.mark.parametrize("stage", ["result sent", "acked"])
def test_child_killed_whose_result_is_on_its_way(stage, scene):
    worker = scene.remote_worker()
    proxy = scene.proxy(worker.port)
    producer = scene.producer(proxy.endpoint)
    reach(scene, producer, stage, proxy, worker)
    os.kill(child_of(scene, "only"), signal.SIGKILL)
    proxy.release(proxy.back, proxy.forth)
    scene.all_settled()
    producer.submit("after")
    scene.all_settled()
    assert scene.oracle.run_twice() == {}
    counters = producer.counters()
    assert (counters["lost_workers"], counters["crashes"]) == (0, 0)


def test_idle_child_killed(scene):
    worker, producer = scene.worker(), scene.producer()
    producer.submit("before")
    scene.all_settled()
    os.kill(child_of(scene, "before"), signal.SIGKILL)
    producer.submit("after")
    scene.all_settled()
    assert producer.counters()["crashes"] == 0
    assert worker.process.poll() is None


def test_a_task_that_kills_its_child_ends_dead_and_harms_no_other(scene):
    scene.worker(slots=2)
    producer = scene.producer()
    producer.submit(*[f"good-{index}" for index in range(50)])
    producer.submit("poison", task="die")
    producer.submit(*[f"fine-{index}" for index in range(50)])
    scene.all_settled()
    assert scene.oracle.attempts("poison") == [1, 2, 3]
    (fact,) = scene.oracle.settled("poison")
    assert fact["state"] == "dead"
    assert "SIGKILL" in fact["value"][1]
    assert scene.oracle.run_twice() == {"poison": [1, 2, 3]}


# -- the producer -----------------------------------------------------------------------------


def test_producer_killed_with_a_running_and_with_queued_attempts(scene):
    scene.hurry()
    worker, producer, other = scene.worker(), scene.producer(), scene.producer(name="other")
    queue_up(scene, producer)
    producer.kill()
    other.submit("theirs")
    scene.all_settled(dead_producers={"p"})
    assert scene.oracle.attempts("running", "ended") == [], "nobody wants it: it was ended"
    assert [key for key in QUEUED if scene.oracle.attempts(key)] == []
    assert worker.process.poll() is None


@pytest.mark.parametrize("stage", ["result computed", "result sent", "acked"])
def test_producer_killed(stage, scene):
    scene.hurry()
    worker = scene.remote_worker()
    proxy = scene.proxy(worker.port)
    producer = scene.producer(proxy.endpoint)
    reach(scene, producer, stage, proxy, worker)
    if stage == "acked":
        until(lambda: scene.oracle.settled("only"), "it is settled")
    producer.kill()
    proxy.cut()
    worker.send(signal.SIGCONT)
    other = scene.producer(f"tcp://127.0.0.1:{worker.port}", name="other")
    other.submit("theirs")
    scene.all_settled(dead_producers={"p"})
    assert scene.oracle.attempts("only") == [1]
    assert len(scene.oracle.settled("only")) == (stage == "acked")
