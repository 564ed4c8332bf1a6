"""Strangers who take connections and never prove a key: honest work goes on, and nothing is left.

(How fast it goes on is measured by ``python -m benchmarks under_attack``.)
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hostile_node import PATIENCE, until

from benchmarks.processes import environment, make_keys, private_directory, worker
from benchmarks.tasks import app, noop
from benchmarks.under_attack import Attack, descriptors, free_endpoint

SILENT, DRIPPING = 200, 20


@pytest.fixture
def node(monkeypatch):
    """A worker with keys: its endpoint and its process; this process is another member."""
    with private_directory() as place:
        own, theirs = make_keys(place)
        for name, value in environment(place, own).items():
            monkeypatch.setenv(name, value)
        endpoint = free_endpoint()
        with worker(place, "benchmarks.serve", "inline", "1", endpoint, keys=theirs) as pid:
            yield endpoint, pid


def work(count=50):
    futures = [noop.submit(number) for number in range(count)]
    assert [future.result(PATIENCE) for future in futures] == list(range(count))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors are counted in /proc")
def test_honest_tasks_are_done_and_all_descriptors_come_back(node):
    endpoint, pid = node
    with app.producer(peers=[endpoint], discovery="static") as producer:
        work()
        before = descriptors(pid)
        with Attack(endpoint, SILENT, DRIPPING) as attack:
            attack.wait_for(rounds=1)
            # (Not all at once: the first ones are ended while the last ones come.)
            half = before + (SILENT + DRIPPING) // 2
            until(lambda: descriptors(pid) >= half, "most of them are in")
            # All were ended at least once, and came again.
            again = threading.Thread(target=attack.wait_for, kwargs={"rounds": 3})
            again.start()
            while again.is_alive():
                work()
            again.join()
            told = attack.end()
        # (Fewer, if the first count fell on the moment in which the audit log was open.)
        until(lambda: descriptors(pid) <= before, "what they took is free again")
        work()
        counters = producer.status()["counters"]
    assert told["ended"] >= 2 * (SILENT + DRIPPING)
    assert (counters["lost_workers"], counters["resubmitted"]) == (0, 0)
