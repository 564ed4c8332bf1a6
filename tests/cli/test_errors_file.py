from __future__ import annotations

import contextlib
import io
import os
import resource
import stat
import subprocess
import sys
import threading

import pytest

from zmqwork.cli.errors_file import ErrorsFile
from zmqwork.cli.formats import PlainLines
from zmqwork.cli.inputs import open_input
from zmqwork.cli.output import OutputFailed
from zmqwork.cli.rows import Rows
from zmqwork.errors import UsageError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "failed"


def lines(separator=b"\n"):
    return PlainLines(io.BytesIO(b"").read, separator)


def table():
    class Columns:
        def value(self, cells):
            return cells

    form = Rows("FILE", io.BytesIO(b"a,b\r\n1,2\r\n").read, lambda names: Columns())
    assert len(list(form.records())) == 1
    return form


def refused(path, **options):
    with pytest.raises(UsageError) as caught:
        ErrorsFile(str(path), **options)
    return str(caught.value)


def test_the_file_is_made_when_the_first_input_has_failed(path):
    with ErrorsFile(str(path)) as errors:
        assert not path.exists()
        errors.add(lines(), b"a.jpg\r")
        assert path.read_bytes() == b"a.jpg\r\n"
        errors.add(lines(), b"")
        assert path.read_bytes() == b"a.jpg\r\n\n"
        assert errors.count == 2
    with ErrorsFile(str(path.with_name("other"))):
        pass
    assert not path.with_name("other").exists()
    assert stat.S_IMODE(path.stat().st_mode) & 0o111 == 0


def test_each_format_can_be_fed_again(path):
    with ErrorsFile(str(path)) as errors:
        errors.add(table(), b'"x\n1",2\r')
        errors.add(table(), b"3,4\r")
    assert path.read_bytes() == b'a,b\r\n"x\n1",2\r\n3,4\r\n'
    path.unlink()
    with ErrorsFile(str(path)) as errors:
        errors.add(lines(b"\0"), b"a\nb")
        errors.add(lines(b"\0"), b"c")
    assert path.read_bytes() == b"a\nb\0c\0"


def test_what_fails_after_the_end_is_not_written(path):
    errors = ErrorsFile(str(path))
    errors.close()
    errors.add(lines(), b"a")
    assert not path.exists()
    errors.close()


def test_what_is_there_is_not_overwritten_unasked(path):
    path.write_bytes(b"1\n2\n")
    assert refused(path) == (
        f"--errors {path}: there is such a file, with 4 bytes: are they still needed? Name another "
        "file, or say --overwrite-errors"
    )
    assert path.read_bytes() == b"1\n2\n"
    with ErrorsFile(str(path), overwrite=True) as errors:
        # Nothing of an earlier run is left to be taken for what failed in this one.
        assert not path.exists()
        errors.add(lines(), b"3")
    assert path.read_bytes() == b"3\n"


def test_an_empty_file_is_nothing(path):
    path.touch()
    with ErrorsFile(str(path)) as errors:
        errors.add(table(), b"1,2")
    assert path.read_bytes() == b"a,b\r\n1,2\n"


def test_the_input_is_not_written_to(path):
    path.write_bytes(b"1\n")
    (path.parent / "link").symlink_to(path)
    with open_input(str(path)) as source:
        for name in (path, path.parent / "link"):
            for overwrite in (True, False):
                assert "this is the input" in refused(name, source=source, overwrite=overwrite)
    assert path.read_bytes() == b"1\n"


def test_places_where_no_file_can_be(path):
    assert refused(path.parent).endswith("it is a directory")
    assert refused(path / "x").endswith(f"there is no directory '{path}'")
    path.touch()
    assert refused(path / "x").endswith("Not a directory")
    assert "embedded null" in refused("a\0b")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_directory_that_may_not_be_written_to(path):
    path.parent.chmod(0o500)
    assert refused(path).endswith(f"no file can be made in '{path.parent}'")


def test_a_file_that_cannot_be_made_after_all(path):
    directory = path.parent / "gone"
    directory.mkdir()
    errors = ErrorsFile(str(directory / "failed"))
    directory.rmdir()
    with pytest.raises(OutputFailed, match=r"No such file or directory \(0 failed records in it"):
        errors.add(lines(), b"a")


def test_a_full_disk():
    with ErrorsFile("/dev/full") as errors, pytest.raises(OutputFailed) as caught:
        errors.add(lines(), b"a")
    assert str(caught.value) == (
        "--errors /dev/full cannot be written: No space left on device (0 failed records in it)"
    )


@contextlib.contextmanager
def room(size_bytes):
    """Within it, no file grows larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_in_the_middle_of_a_record_leaves_whole_ones(path):
    form = table()
    with ErrorsFile(str(path)) as errors:
        with room(3), pytest.raises(OutputFailed, match="0 failed records in it"):
            errors.add(form, b"1,2")
        assert path.read_bytes() == b""
        errors.add(form, b"1,2")
        with room(11), pytest.raises(OutputFailed, match="1 failed record in it"):
            errors.add(form, b"3,4444")
        assert path.read_bytes() == b"a,b\r\n1,2\n"
        errors.add(form, b"5,6")
    assert path.read_bytes() == b"a,b\r\n1,2\n5,6\n"


def test_a_pipe_gets_the_records_as_well(path):
    os.mkfifo(path)
    read = []
    thread = threading.Thread(target=lambda: read.append(path.read_bytes()))
    thread.start()
    with ErrorsFile(str(path)) as errors:
        errors.add(lines(), b"a")
        errors.add(lines(), b"b")
    thread.join(30)
    assert read == [b"a\nb\n"]


KILLED = """
import io, os, signal, sys
from zmqwork.cli.errors_file import ErrorsFile
from zmqwork.cli.formats import PlainLines
errors = ErrorsFile(sys.argv[1])
for number in range(3):
    errors.add(PlainLines(io.BytesIO().read), b"x" * 10_000 + b"%d" % number)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_is_killed_leaves_what_it_has_written(path, runtime):
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, timeout=60)
    assert [line[-1:] for line in path.read_bytes().split(b"\n")] == [b"0", b"1", b"2", b""]


def test_threads_do_not_mix_their_records(path):
    form = lines()
    with ErrorsFile(str(path)) as errors:
        threads = [
            threading.Thread(target=lambda c=c: [errors.add(form, c * 5_000) for _ in range(50)])
            for c in (b"a", b"b", b"c")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors.count == 150
    assert {line for line in path.read_bytes().split(b"\n") if line} == {
        b"a" * 5_000,
        b"b" * 5_000,
        b"c" * 5_000,
    }
