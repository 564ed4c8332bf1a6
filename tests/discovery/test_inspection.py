from __future__ import annotations

import os
import resource
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from zmqwork.discovery.directory import LocalDirectory
from zmqwork.discovery.inspection import inspect, try_writing
from zmqwork.discovery.record import Record
from zmqwork.errors import TransportError


@pytest.fixture
def runtime(monkeypatch):
    """One with a path short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="zw-", dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    yield path
    shutil.rmtree(path)


def record(node_id):
    return Record(node_id, "worker", "w", "thumbs", ("ipc://x",), os.getpid(), "host")


def test_an_empty_one(runtime):
    found = inspect()
    assert found.path == runtime / "zmqwork"
    assert found.why == "in $XDG_RUNTIME_DIR"
    assert (found.owner, found.mode) == (os.getuid(), 0o700)
    assert (found.living, found.stale) == (0, 0)


def test_the_length_is_that_of_a_real_socket(runtime):
    directory = LocalDirectory("thumbs")
    path = directory.socket_path("0" * 32)
    directory.close()
    found = inspect()
    assert found.socket_bytes == len(os.fsencode(path))
    assert found.socket_bytes < found.socket_bytes_max


def test_the_living_and_what_the_dead_have_left(runtime):
    living, dead = LocalDirectory("thumbs"), LocalDirectory("thumbs")
    living.announce(record("1" * 32))
    dead.announce(record("2" * 32))
    path = dead.path / "0123456789abcdef.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert (inspect().living, inspect().stale) == (2, 1)
    dead._release()  # as the kernel does for a process that was killed
    assert (inspect().living, inspect().stale) == (1, 2)
    living.close()


def test_nothing_is_removed(runtime):
    dead = LocalDirectory("thumbs")
    dead.announce(record("2" * 32))
    dead._release()
    inspect()
    assert inspect().stale == 1


def test_a_variable_that_cannot_be_used_is_named(runtime, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime / "missing"))
    assert "missing') is not used: " in inspect().why
    assert inspect().passed_over
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert inspect().why == "$XDG_RUNTIME_DIR is not set"
    assert not inspect().passed_over


def test_one_that_others_may_enter_is_an_error(runtime):
    (runtime / "zmqwork").mkdir()
    (runtime / "zmqwork").chmod(0o755)
    with pytest.raises(TransportError, match="chmod 700"):
        inspect()


def test_what_can_be_written_is_tried_and_removed(runtime):
    assert try_writing() == ""
    assert list((runtime / "zmqwork").iterdir()) == []


@pytest.mark.parametrize("size", [0, 100])
def test_where_nothing_can_be_written_the_system_says_why(runtime, size):
    """As on a disk that is full, or almost."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        trouble = try_writing()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot announce in" in trouble
    assert ("No space left on device" if size else "File too large") in trouble
    assert list((runtime / "zmqwork").iterdir()) == []
