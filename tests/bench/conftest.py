from __future__ import annotations

import pytest

from zmqwork.bench.crew import Member
from zmqwork.bench.histogram import Histogram
from zmqwork.bench.measurement import Measurement, Share
from zmqwork.bench.report import Report


def make_member(label="anna-1#1a2b", host="anna", **fields):
    told = {
        "cpus": 4, "python": "3.11.9", "slots": 2, "endpoint": "tcp://10.0.0.1:7071",
        "round_trip": 0.0004, "done": 0,
    }  # fmt: skip
    return Member(label, host, **(told | fields))


def make_measurement(*trips, **fields):
    histogram = Histogram()
    for trip in trips:
        histogram.add(trip)
    told = {
        "form": "request", "kind": "echo", "payload_bytes": 0, "in_flight": 100, "length": 0.0,
        "tasks": 1000, "seconds": 0.5, "trips": histogram, "cpu_seconds": 0.1,
        "call_seconds": 2e-7, "slots": 4, "workers": {"anna-1#1a2b": 1000},
        "hosts": [Share("anna", 1, 4, 1000, 0.5)],
    }  # fmt: skip
    return Measurement(**(told | fields))


@pytest.fixture
def member():
    return make_member


@pytest.fixture
def measurement():
    return make_measurement


@pytest.fixture
def report():
    def make(*measurements, members=None, keyed=False):
        return Report(keyed, members or [make_member()], measurements=list(measurements))

    return make
