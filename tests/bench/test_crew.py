from __future__ import annotations

import pytest

from zmqwork.bench.campaign import load
from zmqwork.bench.crew import Crew, Expected, there
from zmqwork.bench.tasks import busy_ticks


@pytest.mark.parametrize(
    ("expected", "lacking"),
    [
        (Expected(), ""),
        (Expected(2, 3), ""),
        (Expected(3), "2 of 3 hosts"),
        (Expected(2, 4), "3 of 4 workers"),
        (Expected(("bert", "anna")), ""),
        (Expected(("anna", "carl", "dora")), "no worker on carl, dora"),
        (Expected(("anna",), 9), "3 of 9 workers"),
    ],
)
def test_what_is_lacking(expected, lacking, member):
    members = [member(), member("anna-2#3c4d"), member("bert-1#5e6f", "bert")]
    assert expected.lacking(members) == lacking


def test_a_worker_that_has_not_said_its_host_is_on_none(member):
    members = [member(host="")]
    assert Expected().lacking(members) == "0 of 1 hosts"
    assert there(members) == "a host that has not said its name (1 worker)"


def test_who_is_there(member):
    members = [member(), member("anna-2#3c4d"), member("bert-1#5e6f", "bert")]
    assert there(members) == "anna (2 workers), bert (1 worker)"


class Told:
    """What a producer says of its only worker, one look after the other."""

    def __init__(self, *round_trips):
        self.round_trips = list(round_trips)

    def status(self):
        worker = {"name": "anna-1", "node_id": "1a2b" * 8, "slots": 1, "endpoint": "tcp://a:1"}
        return {"workers": [worker | {"done": 0, "round_trip": self.round_trips.pop(0)}]}


def test_the_shortest_round_trip_counts():
    crew = Crew(Told(None, 0.002, 0.001, 0.5, None))
    seen = [crew.look()[0].round_trip for _ in range(5)]
    assert seen == [None, 0.002, 0.001, 0.001, 0.001]


def test_what_the_link_is(member):
    assert member().transport(keyed=False) == "tcp"
    assert member(endpoint="ipc:///run/x").transport(keyed=True) == "ipc + CURVE"


def test_how_busy_a_host_was(tmp_path):
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 50 800 50 0 0 0 7 7\ncpu0 1 2 3\n")
    before = busy_ticks(stat)
    assert before == (150, 1000)
    stat.write_text("cpu  180 0 60 900 60 0 0 0 9 9\n")
    after = busy_ticks(stat)
    assert load({"busy": before}, {"busy": after}) == pytest.approx(90 / 200)


@pytest.mark.parametrize(
    "text", ["", "cpu 1 2\n", "intr 1 2 3 4 5 6 7 8\n", "cpu a b c d e f g h\n"]
)
def test_a_host_that_does_not_tell(tmp_path, text):
    stat = tmp_path / "stat"
    assert busy_ticks(stat) is None
    stat.write_text(text)
    assert busy_ticks(stat) is None
    assert load({"busy": None}, {"busy": (1, 2)}) is None
    assert load(None, {"busy": (1, 2)}) is None
    assert load({"busy": (1, 2)}, {"busy": (1, 2)}) is None
