"""A node that others on a network reach without keys says so: in the log, the audit log, its status."""

from __future__ import annotations

import logging

import pytest

from zmqwork import App
from zmqwork.config import ProducerConfig
from zmqwork.discovery.sources import Discovery
from zmqwork.nodes.producer import Producer
from zmqwork.security.chain import read
from zmqwork.transport import exposure as module
from zmqwork.transport.exposure import Exposure

OPEN = {"bind": ["tcp://0.0.0.0:*"], "insecure_lan": True, "discovery": "local"}


@pytest.fixture
def audit_path(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "zmqwork" / "audit.jsonl"


def app_with_task():
    app = App("exposed")
    app.task(name="echo")(lambda value: value)
    return app


def noted(path):
    return [read(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def test_it_is_said_at_once_and_again_and_again(caplog):
    now, later = [100.0], []

    def call_later(delay, callback):
        later.append((now[0] + delay, callback))

    Exposure(["tcp://0.0.0.0:7071"], "run the tasks").stay(lambda: now[0], call_later)
    for _ in range(3):
        at, callback = later.pop()
        assert not later
        assert at == now[0] + module.INTERVAL == now[0] + 600
        now[0] = at
        callback()
    said = [record.getMessage() for record in caplog.records]
    assert said == ["INSECURE: whoever reaches tcp://0.0.0.0:7071 can run the tasks"] * 4


def test_who_looks_often_hears_it_as_seldom(caplog):
    exposure = Exposure(["tcp://0.0.0.0:7071"], "run the tasks")
    for now in range(0, 1300, 10):
        exposure.look(float(now))
    assert len(caplog.records) == 3


def test_what_is_for_this_machine_says_nothing(caplog):
    quiet = Exposure((), "run the tasks")
    quiet.stay(lambda: 0.0, lambda *_: pytest.fail("it calls later"))
    quiet.look(1e9)
    assert caplog.records == []


def test_a_worker(runtime, audit_path, caplog):
    with app_with_task().worker(1, "inline", name="open", **OPEN) as worker:
        status = worker.status()
        assert worker.insecure
        assert status["insecure"] is True
        tcp = [endpoint for endpoint in worker.endpoints if endpoint.startswith("tcp")]
    assert "INSECURE: whoever reaches tcp://0.0.0.0:* can run" in caplog.text
    (record,) = noted(audit_path)
    assert record["kind"] == "insecure.start"
    assert record["endpoints"] == tcp
    assert record["node"] == {
        "id": worker.node_id, "name": "open", "role": "worker", "pid": status["pid"],
    }  # fmt: skip
    assert "run the tasks of this app" in record["reason"]


def test_a_sink(runtime, audit_path):
    app = App("exposed")
    with app.sink(print).start(**OPEN) as sink:
        assert sink.status()["insecure"] is True
    assert [record["kind"] for record in noted(audit_path)] == ["insecure.start"]


def producer(default_bind):
    config = ProducerConfig(node_id="ab" * 16, name="desk", realm="exposed")
    discovery = Discovery("exposed", peers=(), default_bind=default_bind)
    return Producer(config, discovery=discovery, settle=list, mark_running=list)


def test_a_producer(runtime, audit_path, caplog):
    made = producer(("tcp://0.0.0.0:*",))
    assert made.status()["insecure"] is True
    assert made.status()["audit"]["suppressed"] == 0
    made.stop()
    (record,) = noted(audit_path)
    assert (record["kind"], record["node"]["role"]) == ("insecure.start", "producer")
    assert "offer itself as a worker" in caplog.text


def test_a_producer_that_speaks_to_this_machine_alone(runtime, audit_path, caplog):
    made = producer(("tcp://127.0.0.1:*",))
    assert made.status()["insecure"] is False
    made.stop()
    assert noted(audit_path) == []
    assert "INSECURE" not in caplog.text


def test_it_is_said_on_the_loops_own_thread(runtime, audit_path, monkeypatch, caplog, wait_until):
    monkeypatch.setattr(module.Exposure.__init__, "__defaults__", (0.001,))
    made = producer(("tcp://0.0.0.0:*",))
    wait_until(lambda: caplog.text.count("INSECURE") >= 4, "it is said again")
    made.stop()
    threads = {r.threadName for r in caplog.records if "INSECURE" in r.getMessage()}
    assert f"zmqwork-producer-{made.node_id[:4]}" in threads


def test_a_secure_worker_notes_nothing(runtime, audit_path, caplog):
    caplog.set_level(logging.WARNING)
    with app_with_task().worker(1, "inline") as worker:
        status = worker.status()
        assert (worker.insecure, status["insecure"]) == (False, False)
        assert "audit" not in status
    assert not audit_path.parent.exists()
    assert caplog.records == []
