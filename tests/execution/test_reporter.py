from __future__ import annotations

import pytest

from zmqwork.execution import reporter
from zmqwork.execution.reporter import Reporter


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(reporter, "perf_counter", lambda: now[0])
    return now


def test_a_look_while_the_first_attempt_runs_does_not_count_the_idle_time(clock):
    posted = []
    made = Reporter(posted.append, 0)
    made.begin("f")
    clock[0] += 0.5
    made.add((True, b""))
    clock[0] += 60.0  # nothing to do
    made.begin("f")
    clock[0] += 0.01
    made.post()  # the lookout finds nothing yet
    clock[0] += 0.02
    made.add((True, b""))
    assert [event.seconds for event in posted] == pytest.approx([0.5, 0.03])
