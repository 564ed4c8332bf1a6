"""An end of a classic pipeline that binds where others can reach says so, and notes it."""

from __future__ import annotations

import logging

import pytest

from zmqwork.classic.meeting import meet
from zmqwork.classic.places import Static
from zmqwork.classic.roles import CONTROL, VENTILATOR
from zmqwork.core.permissions import SINK
from zmqwork.security.chain import read


class Bound:
    """A socket that binds nothing."""

    def __init__(self):
        self.bound = []

    def bind(self, text):
        self.bound.append(text)

    def check(self):
        """As that of an end without keys."""


@pytest.fixture
def audit_path(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "zmqwork" / "audit.jsonl"


@pytest.mark.parametrize("role", [VENTILATOR, SINK, CONTROL])
def test_it_is_said_at_once_and_every_ten_minutes(role, audit_path, caplog, monkeypatch):
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr("zmqwork.classic.meeting.time.monotonic", lambda: 50.0)
    place = Static(**{role: "tcp://0.0.0.0:5557"}, insecure_lan=True)
    meeting = meet(place, role, raw=False)
    meeting.look(0.0)
    assert caplog.records == []
    meeting.bind(Bound())
    for now in range(50, 1300, 10):
        meeting.look(float(now))
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    assert said[0].startswith("INSECURE: whoever reaches tcp://0.0.0.0:5557 can ")
    (line,) = audit_path.read_bytes().splitlines()
    record = read(line)
    assert (record["kind"], record["node"]["role"]) == ("insecure.start", role)


def test_on_this_machine_nothing_is_said(audit_path, caplog):
    meeting = meet(Static(sink="tcp://127.0.0.1:5558"), SINK, raw=False)
    meeting.bind(Bound())
    meeting.look(1e9)
    assert caplog.records == []
    assert not audit_path.exists()
