from __future__ import annotations

import os
import time

import pytest

from zmqwork.discovery import stamp as module
from zmqwork.discovery.stamp import Stamp


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves: ``clock[0] += 1.0``."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def set_time(path, value):
    os.utime(path, ns=(value, value))


def test_it_has_changed_before_it_was_read(tmp_path):
    assert Stamp(tmp_path).changed()


def test_a_second_change_under_the_same_stamp_is_seen(tmp_path, clock):
    set_time(tmp_path, 1_000_000_001)
    stamp = Stamp(tmp_path)
    stamp.note()
    assert stamp.changed()
    clock[0] += 0.04
    stamp.note()
    assert stamp.changed()
    clock[0] += 0.04
    stamp.note()
    assert not stamp.changed()
    set_time(tmp_path, 1_000_000_002)
    assert stamp.changed()


def test_whole_seconds_take_longer_to_settle(tmp_path, clock):
    set_time(tmp_path, 1_000_000_000)
    stamp = Stamp(tmp_path)
    stamp.note()
    clock[0] += 2.0
    stamp.note()
    assert stamp.changed()
    clock[0] += 0.2
    stamp.note()
    assert not stamp.changed()


def test_a_directory_that_vanishes_or_comes_has_changed(tmp_path, clock):
    path = tmp_path / "directory"
    stamp = Stamp(path)
    for change in (lambda: None, path.mkdir, path.rmdir):
        change()
        assert stamp.changed()
        stamp.note()
        clock[0] += 3
        stamp.note()
        assert not stamp.changed()


def test_real_time_stamps_never_hide_a_file(tmp_path):
    """The file is made right after the names were read, within the tick as often as not."""
    stamp = Stamp(tmp_path)
    deadline = time.monotonic() + 0.3
    for number in range(2_000):
        stamp.note()
        names = {path.name for path in tmp_path.iterdir()}
        (tmp_path / str(number)).touch()
        assert stamp.changed()
        assert str(number) not in names
        if time.monotonic() > deadline:
            break
