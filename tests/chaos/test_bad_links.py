"""Links that fail while both ends are well: silence in one direction, cuts, delay, changed bytes."""

import pytest
from chaos_processes import until
from fault_proxy import TASKS


def linked(scene, **options):
    """A worker that is reached through a proxy, which runs ``only`` behind a gate."""
    worker = scene.remote_worker(**options)
    proxy = scene.proxy(worker.port)
    producer = scene.producer(proxy.endpoint)
    gate = scene.gate("only")
    producer.submit("only")
    scene.begun("only")
    until(lambda: producer.states()["started"] == 1, "STARTED has come")
    return proxy, producer, gate


def test_the_worker_is_not_heard(scene):
    scene.hurry()
    proxy, producer, gate = linked(scene)
    proxy.hold(proxy.back)
    until(lambda: producer.workers() == 0, "the worker is given up")
    scene.worker()
    scene.all_settled()
    gate.open()
    scene.ended("only", attempt=1)
    assert scene.oracle.settled("only")[0]["value"] == ["only", 2]
    proxy.release(proxy.back)
    until(lambda: producer.workers() == 2, "it is back")
    scene.oracle.verify()
    counters = producer.counters()
    assert (counters["lost_workers"], counters["crashes"]) == (1, 1)


def test_the_producer_is_not_heard(scene):
    """The worker's beats still arrive: that the link is deaf, its own side finds out (ZMTP)."""
    scene.hurry()
    proxy, producer, gate = linked(scene)
    proxy.hold(proxy.forth)
    producer.submit(*[f"into-the-void-{index}" for index in range(3)])
    scene.worker()
    until(lambda: scene.oracle.settled("only"), "somebody has done it")
    gate.open()
    proxy.release(proxy.forth)
    scene.all_settled()
    assert producer.counters()["crashes"] <= 1
    until(lambda: producer.workers() == 2, "it is back")


@pytest.mark.parametrize("while_down", [False, True])
def test_the_link_is_cut_and_comes_back(while_down, scene):
    proxy, producer, gate = linked(scene)
    target = proxy.target
    if while_down:
        proxy.point_to(None)
    proxy.cut()
    if while_down:
        until(lambda: producer.workers() == 0, "the worker is given up")
        gate.open()
        scene.ended("only")
        proxy.point_to(target)
    else:
        gate.open()
    scene.all_settled()
    assert scene.oracle.attempts("only") == [1], "its worker still had it"


def test_the_link_is_cut_again_and_again(scene):
    worker = scene.remote_worker(slots=2)
    proxy = scene.proxy(worker.port)
    producer = scene.producer(proxy.endpoint)
    for batch in range(8):
        keys = [f"task-{batch}-{index}" for index in range(100)]
        producer.submit(*keys)
        until(lambda keys=keys: scene.oracle.settled(keys[10]), "some are done")
        proxy.cut()
    scene.all_settled()
    assert scene.oracle.run_twice() == {}, "the inventory tells what arrived"
    assert producer.counters()["crashes"] == 0


def test_tasks_that_never_arrived_cost_nothing(scene):
    worker = scene.remote_worker()
    proxy = scene.proxy(worker.port)
    producer = scene.producer(proxy.endpoint)
    producer.submit("before")
    scene.all_settled()
    caught = proxy.hold_at(proxy.forth, TASKS)
    producer.submit("only")
    assert caught.wait(30)
    proxy.cut()
    proxy.release(proxy.forth)
    scene.all_settled()
    assert scene.oracle.attempts("only") == [2], "the first attempt was lost on the way"
    counters = producer.counters()
    assert (counters["lost_workers"], counters["crashes"]) == (0, 0)


def test_slow_links_are_no_reason_to_be_lost(scene):
    worker = scene.remote_worker(slots=2)
    proxy = scene.proxy(worker.port)
    for way in (proxy.forth, proxy.back):
        proxy.slow(way, 0.2)
    producer = scene.producer(proxy.endpoint)
    producer.submit(*[f"task-{index}" for index in range(300)])
    scene.all_settled()
    assert scene.oracle.run_twice() == {}
    counters = producer.counters()
    assert (counters["lost_workers"], counters["crashes"]) == (0, 0)


@pytest.mark.parametrize("direction", ["forth", "back"])
def test_changed_heads_end_the_session_and_lose_nothing(direction, scene):
    """(A byte of a result, changed behind TCP's checksum, only a key would show.)"""
    worker = scene.remote_worker()
    proxy = scene.proxy(worker.port)
    producer = scene.producer(proxy.endpoint)
    producer.submit("before")
    scene.all_settled()
    proxy.garble(getattr(proxy, direction))
    producer.submit(*[f"task-{index}" for index in range(50)])
    connections = proxy.connections
    until(lambda: proxy.connections > connections, "the session is given up")
    proxy.garble(getattr(proxy, direction), garbling=False)
    scene.all_settled()
