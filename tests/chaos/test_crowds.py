"""Many at once, and one again and again: what is lost is done by others, and nothing piles up."""

import os
import threading

import pytest
from chaos_processes import until

FULL = os.environ.get("ZMQWORK_CHAOS") == "full"

WORKERS = 10
# The issue asks for 60 restarts, one every 0.75 s; a bounded number says the same of leaks.
RESTARTS, PACE = (60, 0.75) if FULL else (4, 0.0)


def test_half_of_ten_workers_killed_at_once(scene):
    workers = [scene.worker("--pool", "inline") for _ in range(WORKERS)]
    producer = scene.producer()
    until(lambda: producer.workers() == WORKERS, "all are there")
    gates = [scene.gate(f"held-{index}") for index in range(WORKERS)]
    held = [f"held-{index}" for index in range(WORKERS)]
    producer.submit(*held)
    for key in held:
        scene.begun(key)
    rest = [f"rest-{index}" for index in range(500)]
    producer.submit(*rest)
    victims = {worker.pid for worker in workers[: WORKERS // 2]}
    for worker in workers[: WORKERS // 2]:
        worker.process.kill()
    for gate in gates:
        gate.open()
    scene.all_settled()
    until(lambda: producer.workers() == WORKERS - len(victims), "five are left")
    runs = scene.oracle.read("runs")
    hit = {run["key"] for run in runs if run["pid"] in victims and run["what"] == "begun"}
    assert hit, "they had begun something"
    assert scene.oracle.run_twice().keys() == hit, "the others' tasks ran once"
    counters = producer.counters()
    assert counters["lost_workers"] == counters["crashes"] == len(victims)


@pytest.mark.timeout(400 if FULL else 120)
def test_a_worker_that_comes_and_goes_leaves_nothing_behind(scene):
    steady, producer = scene.worker("--pool", "inline"), scene.producer()
    producer.submit("first")
    scene.all_settled()

    def census():
        return producer.order("census") | {"worker's": steady.descriptors()}

    # One that came and went is part of the picture: caches are filled, records are known.
    counts = []
    for index in range(RESTARTS + 1):
        flapper = scene.worker("--pool", "inline")
        until(lambda: producer.workers() == 2, "it is there")
        gates = [scene.gate(f"held-{index}-{slot}") for slot in range(2)]
        held = [f"held-{index}-{slot}" for slot in range(2)]
        producer.submit(*held)
        for key in held:
            scene.begun(key)
        flapper.kill()
        for gate in gates:
            gate.open()
        scene.all_settled()
        until(lambda: producer.status()["peers"] == {"alive": 1}, "it is forgotten")
        counts.append(census())
        threading.Event().wait(PACE)
    lost = producer.counters()["lost_workers"]
    assert lost == producer.counters()["crashes"] == RESTARTS + 1
    assert len(scene.oracle.run_twice()) == RESTARTS + 1
    for what in counts[0].keys() | counts[-1].keys():
        # One may be in use at the moment of the look; four, one per restart, would be more.
        assert counts[-1].get(what, 0) <= counts[0].get(what, 0) + 3, (what, counts)
