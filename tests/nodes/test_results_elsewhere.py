from __future__ import annotations

import subprocess
import sys

import pytest
from work_app import app, echo, raise_value_error, wait_for_another  # noqa: F401

import zmqwork
from zmqwork.errors import ConfigError, TaskFailed, UsageError

ASK = """
import sys
import zmqwork

app = zmqwork.App(sys.argv[1])
try:
    print(app.result(sys.argv[2], 30))
except zmqwork.ZmqworkError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def elsewhere(producer, realm):
    """An app that has nothing but the realm."""
    del producer
    return zmqwork.App(realm)


def test_another_process_asks(producer, realm, start_worker):
    start_worker()
    future = echo.using(result_ttl=60).submit("there")
    command = [sys.executable, "-c", ASK, realm, future.id]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("there\n", "")
    assert producer.drain(30)


def test_what_is_asked_for(elsewhere, start_worker):
    start_worker()
    failed = raise_value_error.submit("one")
    with pytest.raises(TaskFailed, match="ValueError: one") as caught:
        elsewhere.result(failed.id, 30)
    assert caught.value.task_id == failed.id
    future = echo.using(result_ttl=60).submit({"a": (1, 2)})
    assert future.result(30) == {"a": (1, 2)}
    assert elsewhere.result(future.id) == {"a": (1, 2)}
    plain = echo.submit(1)
    assert plain.result(30) == 1
    with pytest.raises(UsageError, match="not kept"):
        elsewhere.result(plain.id)
    with pytest.raises(UsageError, match="never had it"):
        elsewhere.result(f"{plain.id[:8]}-99")
    with pytest.raises(UsageError, match="no id of a task"):
        elsewhere.result("17")


def test_nobody_runs_it(elsewhere):
    future = echo.submit(1)
    with pytest.raises(TimeoutError, match=r"waiting after 0\.1 s"):
        elsewhere.result(future.id, 0.1)
    assert elsewhere.cancel(future.id)
    assert future.cancelled()
    assert not elsewhere.cancel(future.id, running=True)
    with pytest.raises(zmqwork.TaskCancelled):
        elsewhere.result(future.id)


def test_its_producer_is_not_there(elsewhere, monkeypatch):
    monkeypatch.setattr("zmqwork.elsewhere.FIND_TIMEOUT", 0.2)
    with pytest.raises(UsageError, match="0badcafe could not be reached in time"):
        elsewhere.result("0badcafe-1")
    with pytest.raises(UsageError, match="its producer cannot be asked"):
        elsewhere.cancel("0badcafe-1")


def test_a_result_that_is_ignored(producer, start_worker):
    start_worker()
    ignoring = echo.using(ignore_result=True)
    assert ignoring.submit("x").result(30) is None
    with pytest.raises(UsageError, match="its results are ignored"):
        list(ignoring.map([1]))
    with pytest.raises(ConfigError, match="exclude each other"):
        echo.using(ignore_result=True, sink="default")
    assert producer.drain(30)
