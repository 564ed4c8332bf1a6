"""What a node notes in the audit log: tasks that killed their workers, and what peers may not."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
import work_app as w

from zmqwork import TaskFailed, TaskLost
from zmqwork.config import ProducerConfig
from zmqwork.core.effects import Notice
from zmqwork.core.lifecycle import DEAD, SUCCEEDED
from zmqwork.core.trouble import Trouble
from zmqwork.nodes.auditing import Auditing, audit_of
from zmqwork.security.chain import read

PATIENCE = 60.0


@pytest.fixture
def audit_path(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "zmqwork" / "audit.jsonl"


@pytest.fixture
def audited(audit_path, producer):
    """A producer that notes, as one with keys does."""
    node = producer._node
    node.auditing.audit = audit_of(node.node_id, "desk", "producer")
    return producer


def noted(path):
    return [read(line) for line in path.read_bytes().splitlines()]


def test_a_task_that_kills_its_workers_is_noted(audited, audit_path, start_worker):
    start_worker("-c", "1", "--unfit-after", "0")
    poison = w.segfault.submit()
    assert isinstance(poison.exception(PATIENCE), TaskLost)
    assert isinstance(w.raise_value_error.submit("on purpose").exception(PATIENCE), TaskFailed)
    assert w.echo.submit(7).result(PATIENCE) == 7
    audited.stop()
    (record,) = noted(audit_path)
    assert record["kind"] == "task.quarantine"
    assert (record["task"], record["task_id"], record["crashes"]) == ("segfault", poison.id, 3)
    assert "SIGSEGV" in record["reason"]


def test_what_is_dead_for_another_reason_is_not(audit_path):
    """Rejected by its workers, which are well."""
    auditing = Auditing(
        ProducerConfig(node_id="ab" * 16, name="desk", realm="r"), "producer", (), ""
    )
    auditing.audit = audit_of("ab" * 16, "desk", "producer")
    entries = [
        SimpleNamespace(state=DEAD, trouble=Trouble(rejections=10), error={}),
        entry_of(DEAD),
    ]
    auditing.settled([*entries, entry_of(SUCCEEDED, crashes=2)])
    auditing.close()
    assert not audit_path.exists()


def entry_of(state, crashes=0):
    trouble = None if not crashes else Trouble(crashes=crashes)
    return SimpleNamespace(state=state, trouble=trouble, error=None)


class Elsewhere:
    """A source that was told of a node where nobody may be."""

    name, found = "elsewhere", 0

    def __init__(self):
        self.polled = threading.Event()
        self.misplaced = ["x.local is announced at 169.254.169.254"]

    def poll(self, now):
        self.polled.set()
        return []

    def take_misplaced(self):
        taken, self.misplaced = self.misplaced, []
        return taken

    def describe(self):
        return {"source": self.name, "state": "ok", "where": "", "found": 0}

    announce = withdraw = close = lambda *_: None


def test_who_is_announced_where_nobody_may_be_is_noted(audited, audit_path):
    source = Elsewhere()
    audited._node._discovery._others = (source,)
    assert source.polled.wait(PATIENCE)
    audited.stop()
    (record,) = noted(audit_path)
    assert (record["kind"], record["reason"]) == (
        "discovery.bad_endpoint",
        "x.local is announced at 169.254.169.254",
    )


def test_a_limit_is_noted_with_whose_key_it_was(audit_path):
    auditing = Auditing(
        ProducerConfig(node_id="ab" * 16, name="desk", realm="r"), "producer", (), ""
    )
    auditing.audit = audit_of("ab" * 16, "desk", "producer")
    data = {"limit": "requests", "fingerprint": "cd" * 8, "member": "node7"}
    auditing.noticed(Notice("limit", "asks for more than is answered", data))
    auditing.noticed(Notice("no_worker", "no worker was found", {}))
    auditing.close()
    (record,) = noted(audit_path)
    assert {key: record[key] for key in data} == data
    assert (record["kind"], record["reason"]) == ("limit.hit", "asks for more than is answered")
