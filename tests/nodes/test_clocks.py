from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest
from work_app import context, echo, tell_deadline

SHIFTED = """
import time

_time, _time_ns = time.time, time.time_ns
time.time = lambda: _time() + {seconds}
time.time_ns = lambda: _time_ns() + {seconds} * 10**9
"""


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_the_clocks_of_two_hosts_need_not_agree(
    producer, start_worker, tmp_path, monkeypatch, seconds
):
    """Producer and worker are an hour apart, by the wall: nothing changes."""
    (tmp_path / "sitecustomize.py").write_text(SHIFTED.format(seconds=seconds))
    path = os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])
    monkeypatch.setenv("PYTHONPATH", path)
    start_worker()
    assert echo.using(expires=30).submit(1).result(30) == 1
    assert 0 < tell_deadline.using(expires=30).submit().result(30) <= 30
    due = datetime.now(UTC) + timedelta(seconds=0.2)
    assert context.using(eta=due, deadline=due + timedelta(seconds=30)).submit().result(30)
    assert datetime.now(UTC) >= due
    assert echo.using(timeout=30).submit(2).result(30) == 2
    assert producer.status()["workers"]
