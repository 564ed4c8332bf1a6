"""A child's interpreter that was started before anybody knew what for."""

from __future__ import annotations

import os

import pytest
from pool_bench import all_gone, descriptors

from zmqwork.execution import interpreter


@pytest.fixture(autouse=True)
def none_is_left():
    yield
    left = interpreter.take_early()
    if left is not None:
        left.discard()


def early_pid():
    (early,) = interpreter._early
    return early.child.process.pid


def test_the_first_child_is_the_one_that_was_started_early(processes, monkeypatch):
    interpreter.start_early()
    early = early_pid()
    # Its search path is told when the pool is known.
    monkeypatch.syspath_prepend("/nowhere/in/particular")
    bench = processes(slots=2)
    pids = {bench.call("pid", slot=slot) for slot in (0, 1)}
    assert early in pids
    assert len(pids) == 2
    assert interpreter.take_early() is None, "once"


@pytest.mark.parametrize("change", ["directory", "environment"])
def test_one_that_would_be_different_now_is_not_used(processes, monkeypatch, tmp_path, change):
    interpreter.start_early()
    early = early_pid()
    if change == "directory":
        monkeypatch.chdir(tmp_path)
    else:
        monkeypatch.setenv("SOMETHING", "else")
    bench = processes()
    assert bench.call("pid") != early
    assert all_gone([early])


def test_one_that_has_died_is_not_used(processes):
    interpreter.start_early()
    early = early_pid()
    os.kill(early, 9)
    assert all_gone([early])
    bench = processes()
    assert bench.call("pid") != early


def test_one_that_is_not_needed_leaves_nothing():
    count = descriptors()
    interpreter.start_early()
    early = interpreter.take_early()
    early.discard()
    assert all_gone([early.process.pid])
    assert descriptors() == count


def test_no_room_for_it_is_no_trouble_yet(monkeypatch):
    def fail(*_):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(interpreter, "_run", fail)
    count = descriptors()
    interpreter.start_early()
    assert interpreter.take_early() is None
    assert descriptors() == count


def test_a_fork_leaves_it_to_its_parent():
    interpreter.start_early()
    pid = os.fork()
    if not pid:
        os._exit(0 if interpreter.take_early() is None else 1)
    assert os.waitpid(pid, 0)[1] == 0
    early = interpreter.take_early()
    assert early is not None
    early.discard()
