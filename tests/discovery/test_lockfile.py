from __future__ import annotations

import fcntl
import os

import pytest

from zmqwork.discovery import lockfile
from zmqwork.discovery.lockfile import is_free, open_to_watch, publish, remove_if_same
from zmqwork.errors import TransportError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.node"


def test_it_appears_complete_and_locked(path):
    held = publish(path, b"content")
    reader = open_to_watch(path)
    assert os.read(reader, 99) == b"content"
    assert not is_free(reader)
    os.close(held)
    assert is_free(reader)
    os.close(reader)
    assert [p.name for p in path.parent.iterdir()] == ["x.node"]


def test_two_readers_do_not_take_one_another_for_the_maker(path):
    os.close(publish(path, b""))
    first, second = open_to_watch(path), open_to_watch(path)
    assert is_free(first)
    assert is_free(second)
    os.close(first)
    os.close(second)


def test_only_the_file_that_was_found_free_is_removed(path):
    os.close(publish(path, b"old"))
    reader = open_to_watch(path)
    assert is_free(reader)
    held = publish(path, b"new")
    remove_if_same(path, reader)
    assert path.read_bytes() == b"new"
    os.close(reader)
    os.close(held)
    reader = open_to_watch(path)
    remove_if_same(path, reader)
    remove_if_same(path, reader)
    assert not path.exists()
    os.close(reader)


@pytest.mark.parametrize("moment", ["before the lock", "after the lock"])
def test_a_reader_that_removes_the_temporary_file_costs_one_more_try(path, moment, monkeypatch):
    lock_new, tries = lockfile._lock_new, []

    def disturbed(temporary):
        tries.append(temporary)
        if len(tries) > 1:
            return lock_new(temporary)
        if moment == "before the lock":
            temporary.touch()
            reader = os.open(temporary, os.O_RDONLY)
            fcntl.flock(reader, fcntl.LOCK_SH)
            temporary.unlink()
            os.close(reader)
            raise BlockingIOError
        fd = lock_new(temporary)
        temporary.unlink()
        return fd

    monkeypatch.setattr(lockfile, "_lock_new", disturbed)
    held = publish(path, b"content")
    assert len(tries) == 2
    assert path.read_bytes() == b"content"
    os.close(held)


def test_a_file_system_without_locks_is_an_error(path, monkeypatch):
    def flock(fd, operation):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(TransportError, match="Operation not supported"):
        publish(path, b"")
    assert not list(path.parent.iterdir())


def test_a_directory_that_is_missing_is_an_error(path):
    with pytest.raises(TransportError, match="cannot announce"):
        publish(path / "x.node", b"")


def test_a_file_that_is_missing_is_none(path):
    assert open_to_watch(path) is None
