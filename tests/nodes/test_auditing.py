"""What a node notes of its tasks in the audit log: those that killed their workers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import work_app as w

from zmqwork import TaskFailed, TaskLost
from zmqwork.config import ProducerConfig
from zmqwork.core.ledger import Trouble
from zmqwork.core.lifecycle import DEAD, SUCCEEDED
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
