"""What a team relies on day after day, each said in a sentence, and tried."""

import signal

from chaos_processes import until

WARM = [f"warm-{index}" for index in range(400)]
QUEUED = [f"queued-{index}" for index in range(300)]
SLOTS = 4
# Such a round trip lets a worker hold a hundred of tasks that take some 20 ms each: on a machine that
# has much else to do they do.
ONE_WAY = 0.15


def test_a_worker_that_is_terminated_with_a_hundred_held_loses_none_and_runs_none_twice(scene):
    leaving = scene.remote_worker(slots=SLOTS)
    proxy = scene.proxy(leaving.port)
    producer = scene.producer(proxy.endpoint)
    proxy.slow(proxy.back, ONE_WAY)
    proxy.slow(proxy.forth, ONE_WAY)
    producer.submit(*WARM)
    scene.all_settled()
    running = [f"running-{index}" for index in range(SLOTS)]
    gates = [scene.gate(key) for key in running]
    producer.submit(*running, *QUEUED)
    for key in running:
        scene.begun(key)
    until(lambda: producer.states()["dispatched"] >= 100, "it holds a hundred that have not begun")
    leaving.send(signal.SIGTERM)
    until(lambda: producer.states()["dispatched"] == 0, "it has given back what has not begun")
    scene.worker()
    for gate in gates:
        gate.open()
    scene.all_settled()
    assert leaving.process.wait(30) == 0
    assert scene.oracle.run_twice() == {}
    counters = producer.counters()
    assert (counters["lost_workers"], counters["crashes"]) == (0, 0)
