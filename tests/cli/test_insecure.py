"""INSECURE stands wherever a node that others reach without keys is shown."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from zmqwork.cli.ps import _state
from zmqwork.cli.serving import insecurity

OPEN = ("--bind", "tcp://0.0.0.0:*", "--insecure-lan", "--discovery", "local")


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_a_worker_and_ps_and_the_audit_log(state, worker, zmqwork):
    process, banner = worker(*OPEN)
    assert banner["insecure"] is True
    (node,) = json.loads(zmqwork("ps", "-o", "json").stdout)["nodes"]
    assert node["insecure"] is True
    shown = zmqwork("ps")
    assert "INSECURE" in shown.stdout.splitlines()[1]
    assert "INSECURE: others on the network can use without keys: worker" in shown.stderr
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert "INSECURE: whoever reaches tcp://0.0.0.0:* can run the tasks of this app" in said
    (record,) = map(json.loads, zmqwork("audit", "tail", "-o", "json").stdout.splitlines())
    assert (record["kind"], record["node"]["pid"]) == ("insecure.start", process.pid)
    assert zmqwork("audit", "verify").returncode == 0


def test_a_secure_worker(state, worker, zmqwork):
    _, banner = worker()
    assert banner["insecure"] is False
    shown = zmqwork("ps")
    assert "INSECURE" not in shown.stdout + shown.stderr


def test_the_banner_for_people(state, start):
    process = start("worker", "thumbs:app", "-c", "1", *OPEN)
    lines = [process.stdout.readline() for _ in range(7)]
    assert any("INSECURE" in line and "run the tasks of this app" in line for line in lines)


def test_the_banner_of_a_sink(state, start):
    process = start("sink", "--realm", "thumbs", "--out", "out.jsonl", "-o", "json", *OPEN)
    assert json.loads(process.stdout.readline())["insecure"] is True


@pytest.mark.parametrize(
    ("node", "shown"),
    [
        ({"state": "serving"}, "serving"),
        ({"state": "leaving", "cause": "idle", "insecure": True}, "leaving (idle) INSECURE"),
        ({"insecure": True}, "INSECURE"),
        ({"insecure": "yes"}, None),
        ({}, None),
    ],
)
def test_the_state_of_a_node(node, shown):
    assert _state(node) == shown


def test_a_secure_node_has_no_such_line():
    assert insecurity(SimpleNamespace(insecure=False, danger="x")) == []
