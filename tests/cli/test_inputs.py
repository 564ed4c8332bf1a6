"""Opening what is to be read, and naming its run."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from zmqwork.cli import inputs
from zmqwork.cli.inputs import Input, open_input
from zmqwork.cli.runs import digest_of, find_run, run_id
from zmqwork.errors import UsageError


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tasks.txt"
    path.write_bytes(b"one\ntwo\n")
    return path


@pytest.fixture
def pipe():
    """The input at the end of a pipe, and the descriptor to write to."""
    reading, writing = os.pipe()
    with Input("a pipe", reading) as source:
        yield source, writing


def refused(path):
    with pytest.raises(UsageError) as caught:
        open_input(str(path))
    return str(caught.value)


def test_a_file(file):
    with open_input(str(file)) as source:
        assert (source.name, source.size_bytes, source.is_file) == (str(file), 8, True)
        assert not source.is_terminal
        assert source.read(5) == b"one\nt"
        assert source.read(99) == b"wo\n"
        assert source.read(99) == b""
    source.close()


def test_a_missing_file_is_said_with_the_nearest(file):
    assert refused(file.parent / "taks.txt") == (
        f"cannot read '{file.parent}/taks.txt': there is no such file: did you mean '{file}'?"
    )
    assert refused(file.parent / "x").endswith("there is no such file")
    assert refused(file.parent / "no" / "such").endswith("there is no such file")


def test_a_relative_name_is_suggested_as_it_was_written(file, monkeypatch):
    monkeypatch.chdir(file.parent)
    assert refused("task.txt").endswith(": did you mean 'tasks.txt'?")


def test_what_is_no_file(file):
    assert refused(file.parent) == f"cannot read '{file.parent}': it is a directory"
    assert refused(file / "x").endswith(": Not a directory")
    assert refused(file.parent / ("n" * 300)).endswith(": File name too long")
    assert "embedded null" in refused("a\0b")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read(file):
    file.chmod(0)
    assert refused(file).endswith(": Permission denied")


def test_a_pipe_ends_when_its_writer_leaves(pipe):
    source, writing = pipe
    assert (source.size_bytes, source.is_file) == (None, False)
    os.write(writing, b"one\n")
    assert source.read(99) == b"one\n"
    os.close(writing)
    assert source.read(99) == b""


def test_who_waits_for_a_pipe_can_be_told_to_stop(pipe):
    source, writing = pipe
    read = []
    thread = threading.Thread(target=lambda: read.append(source.read(99)))
    thread.start()
    source.stop()
    thread.join(30)
    assert read == [b""]
    os.close(writing)


def test_a_pipe_that_does_not_block_is_waited_for(pipe):
    class Late(Input):
        """Somebody else has read what was there when this was woken."""

        def _is_ready(self):
            if self.stolen:
                os.write(writing, b"late")
            self.stolen = True
            return True

    source, writing = pipe
    late = Late("late", os.dup(source._descriptor))
    late.stolen = False
    os.set_blocking(source._descriptor, False)
    with late:
        assert late.read(99) == b"late"
    os.close(writing)


def test_a_named_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(b"one\n"))
    writer.start()
    with open_input(str(path)) as source:
        assert (source.read(99), source.read(99)) == (b"one\n", b"")
    writer.join()


def test_a_file_can_be_read_again_from_where_it_began(file):
    descriptor = os.open(file, os.O_RDONLY)
    os.lseek(descriptor, 4, os.SEEK_SET)
    with Input("the rest", descriptor) as source:
        assert source.size_bytes == 4
        chunks = []
        source.for_each_chunk(chunks.append)
        assert chunks == [b"two\n"]
        assert source.read(99) == b"two\n"


def test_a_file_of_unknown_size():
    with open_input("/proc/self/status") as source:
        assert (source.size_bytes, source.is_file) == (None, True)
        assert source.read(5) == b"Name:"


def test_a_file_that_somebody_writes_to_has_changed(file):
    with open_input(str(file)) as source:
        assert not source.has_changed()
        with file.open("ab") as other:
            other.write(b"three\n")
        assert source.has_changed()


def test_the_same_file_by_another_name(file):
    os.link(file, file.parent / "linked")
    with open_input(str(file)) as source:
        assert source.is_same_file(str(file.parent / "linked"))
        assert not source.is_same_file(str(file.parent / "other"))
        assert not source.is_same_file("/dev/null")


SCRIPT = """
import sys
from zmqwork.cli.inputs import open_input
from zmqwork.cli.output import open_closed_streams
open_closed_streams()
with open_input("-") as source:
    print(source.name, source.is_file, source.size_bytes, source.is_terminal, source.read(99))
"""


@pytest.mark.parametrize(
    ("redirection", "said"),
    [
        ("< FILE", "standard input True 8 False b'one\\ntwo\\n'"),
        ("< /dev/null", "standard input False None False b''"),
        ("<&-", "cannot read standard input: whoever started this has closed it"),
    ],
)
def test_standard_input(file, runtime, redirection, said):
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -c "$1" {redirection.replace("FILE", str(file))}',
         sys.executable, SCRIPT],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert said in done.stdout + done.stderr


def test_an_error_while_reading_is_one_of_the_input(file):
    with Input("this", os.open(file.parent, os.O_RDONLY)) as source:
        with pytest.raises(UsageError, match="cannot read 'this': Is a directory"):
            source.read(99)
        assert not source.is_same_file(str(file.parent))


# --- runs


def test_run_ids_never_change():
    assert run_id("thumbnail", "--lines", b"content") == "85f3f8baf232f421bfa1"


def test_a_run_is_its_task_its_form_and_its_content():
    ids = {
        run_id(*words)
        for words in [
            ("a", "--lines", b"xy"),
            ("b", "--lines", b"xy"),
            ("a", "--jsonl", b"xy"),
            ("a", "--lines", b"xz"),
            ("a--", "lines", b"xy"),
            ("a", "--linesx", b"y"),
        ]
    }
    assert len(ids) == 6
    assert all(len(text) == 20 for text in ids)


def found(path, **words):
    with open_input(str(path)) as source:
        return find_run("a", "--lines", source, **{"name": None, "resume": False, **words})


def test_the_same_content_is_the_same_run_whatever_its_file_is_called(file):
    first = found(file)
    other = file.parent / "other"
    other.write_bytes(file.read_bytes())
    assert found(other) == first
    assert first[1] is True
    other.write_bytes(b"one\ntwo")
    assert found(other) != first


def test_content_is_hashed_in_pieces_and_can_be_read_afterwards(tmp_path, monkeypatch):
    path = tmp_path / "large"
    path.write_bytes(b"x" * 1_000_000)
    with open_input(str(path)) as source:
        whole = digest_of(source)
        assert source.read(3) == b"xxx"
    monkeypatch.setattr(inputs, "CHUNK_BYTES", 999)
    with open_input(str(path)) as source:
        assert digest_of(source) == whole


def test_a_name_wins_and_is_checked(file):
    assert found(file, name="monday", resume=True) == ("monday", True)
    with pytest.raises(UsageError, match="--run must be"):
        found(file, name="")


def test_numbers_are_known_by_their_text():
    first = find_run("a", "--array 0-9", "", name=None, resume=True)
    assert first == find_run("a", "--array 0-9", "", name=None, resume=False)
    assert first != find_run("a", "--array 0-8", "", name=None, resume=True)


def test_what_can_be_read_once_needs_a_name_to_be_resumed(pipe):
    source, writing = pipe
    with pytest.raises(UsageError, match=r"a pipe can be read only once.*with --run NAME"):
        find_run("a", "--lines", source, name=None, resume=True)
    (first, first_again), (second, _) = (
        find_run("a", "--lines", source, name=None, resume=False) for _ in range(2)
    )
    assert first != second
    assert first_again is False
    os.close(writing)
