from __future__ import annotations

import gc
import os
import resource
import threading
from pathlib import Path

import pytest

from zmqwork.discovery import directory as module
from zmqwork.discovery.directory import LocalDirectory
from zmqwork.discovery.record import decode_record

REALM = "test realm / with a slash"
A, B, C = "a" * 32, "b" * 32, "c" * 32


@pytest.fixture
def directory(runtime):
    directory = LocalDirectory(REALM)
    yield directory
    directory.close()


@pytest.fixture
def other(runtime):
    directory = LocalDirectory(REALM)
    yield directory
    directory.close()


def ids(directory):
    return {record.node_id for record in directory.scan()}


def files(directory):
    return sorted(path.suffix for path in directory.path.iterdir())


def names(directory):
    return [path.name for path in directory.path.iterdir()]


def descriptors():
    """How many are open here, without those of other tests' garbage."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def test_several_processes_are_seen_with_what_they_say(directory, announce):
    processes = announce(A, B, C)
    found = {record.node_id: record for record in directory.scan()}
    assert {A, B, C} == set(found)
    assert [found[i].pid for i in (A, B, C)] == [process.pid for process in processes]
    assert found[A].endpoints == (f"ipc://{directory.socket_path(A)}",)


def test_kill_9_makes_a_record_stale_and_a_reader_removes_it(directory, announce):
    first, _ = announce(A, B)
    assert ids(directory) == {A, B}
    assert directory.alive(A) is True
    first.kill()
    first.wait()
    assert directory.alive(A) is False
    assert ids(directory) == {B}
    assert files(directory) == [".node", ".sock"]
    assert not directory.socket_path(A).exists()
    assert directory.socket_path(B).exists()
    assert directory.alive(A) is False


def test_a_reader_that_never_saw_it_alive_removes_it_as_well(directory, announce):
    (process,) = announce(A)
    process.kill()
    process.wait()
    assert directory.alive(A) is False
    assert ids(directory) == set()
    assert files(directory) == []


def test_another_reader_s_removal_does_not_take_the_proof_away(directory, other, announce):
    (process,) = announce(A)
    assert ids(directory) == {A}
    process.kill()
    process.wait()
    assert ids(other) == set()
    assert files(directory) == []
    assert directory.alive(A) is False
    assert ids(directory) == set()
    assert directory.alive(A) is False


def test_readers_race_without_harm(directory, announce):
    """Two threads with readers of their own scan while processes are killed, one by one."""
    processes = announce(A, B, C)
    failures, stop = [], threading.Event()

    def read():
        reader = LocalDirectory(REALM)
        try:
            while not stop.is_set():
                reader.scan()
        except BaseException as error:
            failures.append(error)
        finally:
            reader.close()

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    left = {A, B, C}
    for node_id, process in zip((A, B, C), processes, strict=True):
        assert ids(directory) == left
        process.kill()
        process.wait()
        left.discard(node_id)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert ids(directory) == set()
    assert files(directory) == []


def test_announcing_under_the_eyes_of_readers_is_never_missed(directory, other, record):
    failures, stop = [], threading.Event()

    def read():
        try:
            while not stop.is_set():
                other.scan()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(300):
        directory.announce(record(A, endpoints=(f"tcp://127.0.0.1:{number + 1}",)))
        assert directory.announced()
        (seen,) = directory.scan()
        assert seen.endpoints == (f"tcp://127.0.0.1:{number + 1}",)
    stop.set()
    thread.join()
    assert failures == []
    assert files(directory) == [".node"]


def test_it_sees_itself_and_its_withdrawal(directory, other, record):
    directory.announce(record(A))
    assert ids(directory) == ids(other) == {A}
    directory.withdraw()
    assert not directory.announced()
    assert ids(directory) == ids(other) == set()
    assert other.alive(A) is True
    directory.close()
    assert other.alive(A) is False


def test_the_lock_of_an_earlier_announcement_is_kept(directory, other, record):
    """`other` still watches the first file when the second one takes its name, and vanishes."""
    directory.announce(record(A))
    assert ids(other) == {A}
    directory.announce(record(A, endpoints=("tcp://127.0.0.1:1",)))
    assert other.alive(A) is True
    directory.withdraw()
    assert other.alive(A) is True


def test_nothing_is_known_of_a_node_that_was_never_here(directory):
    assert directory.alive(A) is None


def test_changed_never_misses_an_announcement_right_after_a_scan(directory, other, record):
    for number in range(500):
        other.scan()
        directory.announce(record(A, endpoints=(f"tcp://127.0.0.1:{number + 1}",)))
        assert other.changed()


def test_realms_do_not_see_each_other(directory, runtime, record):
    stranger = LocalDirectory("another realm")
    stranger.announce(record(A, realm="another realm"))
    assert ids(directory) == set()
    stranger.close()


def test_a_child_that_outlives_its_parent_does_not_keep_it_alive(directory, announce):
    (process,) = announce(A)
    process.stdin.write("fork\n")
    child = int(process.stdout.readline())
    assert ids(directory) == {A}
    process.kill()
    process.wait()
    os.kill(child, 0)  # it is still there, and has inherited every descriptor
    assert directory.alive(A) is False


def test_rubbish_is_passed_over_and_stale_rubbish_removed(directory, other, record):
    directory.announce(record(A))
    (directory.path / "notes.txt").write_text("mine")
    (directory.path / "0123456789abcdef.node").write_bytes(b"\xff" * 1000)
    (directory.path / "dir.node").mkdir()
    (directory.path / "link.node").symlink_to("/etc/passwd")
    os.mkfifo(directory.path / "fifo.node")
    assert ids(other) == {A}
    assert "notes.txt" in names(directory)
    assert "0123456789abcdef.node" not in names(directory)
    assert ids(other) == {A}


def test_a_record_under_a_name_that_is_not_its_own_is_not_believed(directory, other, record):
    directory.announce(record(A))
    (own,) = directory.path.iterdir()
    own.rename(own.with_name("0" * 16 + ".node"))
    assert ids(other) == set()
    assert not directory.announced()


def test_a_locked_record_of_a_later_version_is_left_alone(directory, other, monkeypatch, record):
    later = record(A)
    monkeypatch.setattr(type(later), "encode", lambda self: b'{"version": 99}')
    directory.announce(later)
    assert ids(other) == set()
    assert directory.announced()


def test_a_temporary_file_left_behind_goes_at_the_second_look(directory):
    left = directory.path / "x-1-0.tmp"
    left.touch()
    directory.scan()
    assert left.exists()
    directory.scan()
    assert not left.exists()


def test_descriptors_are_given_back(directory, other, record):
    before = descriptors()
    for number in range(100):
        node = LocalDirectory(REALM)
        node.announce(record(f"{number:032x}"))
        node.announce(record(f"{number:032x}"))
        assert len(other.scan()) == 1
        node.close()
        assert other.scan() == []
    assert descriptors() == before


def test_announcing_again_and_again_is_bounded(directory, record):
    before = descriptors()
    for _ in range(100):
        directory.announce(record(A))
    assert descriptors() - before == module.ANNOUNCED_MAX


def test_beyond_the_watched_ones_all_are_found_still(directory, other, monkeypatch, record):
    monkeypatch.setattr(module, "WATCHED_MAX", 1)
    monkeypatch.setattr(module, "GONE_MAX", 1)
    third = LocalDirectory(REALM)
    directory.announce(record(A))
    third.announce(record(B))
    before = descriptors()
    for _ in range(3):
        assert ids(other) == {A, B}
    assert descriptors() - before == 1
    assert other.alive(A) is True
    assert other.alive(B) is True
    third.close()
    directory.close()
    assert ids(other) == set()
    assert len(other._gone) <= 1


def test_a_thousand_records_are_read_once(runtime, record, monkeypatch):
    """A look at 1,000 known nodes opens and reads nothing: it asks for their locks alone."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = 1000
    nodes = [LocalDirectory(REALM) for _ in range(count)]
    reader = LocalDirectory(REALM)
    for number, node in enumerate(nodes):
        node.announce(record(f"{number:032x}"))
    assert len(reader.scan()) == count

    opened = []
    with monkeypatch.context() as patch:
        patch.setattr(module, "open_to_watch", opened.append)
        patch.setattr(module, "decode_record", opened.append)
        assert len(reader.scan()) == count
    assert opened == []
    for node in nodes:
        node.close()
    assert reader.scan() == []
    reader.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_directory_that_was_removed_comes_back_with_the_next_announcement(
    directory, other, record
):
    directory.announce(record(A))
    for path in directory.path.iterdir():
        path.unlink()
    directory.path.rmdir()
    assert other.changed()
    assert other.scan() == []
    assert not directory.announced()
    directory.announce(record(A))
    assert ids(other) == {A}
    assert decode_record(next(directory.path.iterdir()).read_bytes()) == record(A)
