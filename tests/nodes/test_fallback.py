from __future__ import annotations

import threading

import pytest
from work_app import app, choosy, echo, lean, plainly, twice_removed, wait_for_lean

from zmqwork.errors import ConfigError, TaskExpired, TaskFailed


@pytest.fixture
def served(producer, start_worker):
    start_worker()
    return producer


def test_another_task_takes_its_place(served):
    future = lean.submit("no")
    assert future.result(30) == "lean on no"
    assert (future.degraded, future.ran) == (True, "echo_back")
    assert served.status()["degraded"] == {"lean": 1}
    fine = lean.submit("yes")
    assert fine.result(30) == "yes"
    assert (fine.degraded, fine.ran) == (False, "")
    # A person should hear of it all the same.
    assert [letter.task for letter in app.deadletters] == ["lean"]
    assert served.drain(30)


def test_a_chain_of_them(served):
    future = twice_removed.submit("no")
    assert future.result(30) == "lean on no"
    assert future.ran == "echo_back"
    assert served.status()["degraded"] == {"twice_removed": 1, "lean": 1}


def test_a_function_is_called_here(served):
    future = plainly.submit("no")
    assert future.result(30) == "here: no"
    assert (future.degraded, future.ran) == (True, "at_home")
    with pytest.raises(TaskFailed, match="not even here"):
        plainly.submit("never").result(30)


def test_only_after_some_exceptions(served):
    assert choosy.submit("key").result(30) == "lean on key"
    with pytest.raises(TaskFailed, match="value"):
        choosy.submit("value").result(30)


def test_when_no_worker_comes(producer):
    del producer
    future = plainly.using(expires=0.1).submit("no")
    assert future.result(30) == "here: no"
    with pytest.raises(TaskExpired):
        choosy.using(expires=0.1).submit("key").result(30)


def test_items_of_a_map(served):
    assert list(lean.map(["yes", "no", "yes"])) == ["yes", "lean on no", "yes"]
    assert served.drain(30)


def test_what_was_cancelled_stays_so(producer):
    future = lean.submit("no")
    assert future.cancel()
    assert not future.degraded
    assert producer.drain(30)


@pytest.mark.parametrize(
    ("fallback", "on", "what"),
    [("no", Exception, "a task or a function"), (echo, "x", "classes"), (echo, (), "names no")],
)
def test_what_cannot_be(fallback, on, what):
    with pytest.raises(ConfigError, match=what):
        app.task(fallback=fallback, fallback_on=on)


def test_inside_a_task_that_waits(served):
    assert wait_for_lean.submit("no").result(30) == ["lean on no", True]


def test_a_function_that_has_not_ended_is_waited_for(served, tmp_path):
    """In the callback thread, where another one stands before it."""
    gate = threading.Event()
    future = plainly.submit("no")
    other = echo.submit(1)
    other.add_done_callback(lambda _: gate.wait(30))
    assert other.result(30) == 1
    assert not served.drain(0.3) or future.done()
    gate.set()
    assert served.drain(30)
    assert future.done()
    del tmp_path
