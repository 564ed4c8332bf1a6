from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from contract import filed

from zmqwork import disk
from zmqwork.core.records import Batch
from zmqwork.errors import ConfigError, JournalError
from zmqwork.journal.folder import Folder, check_place
from zmqwork.journal.sqlite import Sizes

SIZES = Sizes(reserve_bytes=4096)


@pytest.fixture
def folder(tmp_path):
    return lambda realm="app", machine="m1", **options: Folder(
        tmp_path / "j", realm, machine=machine, sizes=SIZES, **options
    )


def left_behind(folder, *seqs):
    """A journal whose process has ended; its file."""
    journal = folder().take()
    journal.load()
    journal.write([Batch(filed=[filed(*seqs)] if seqs else [], workers=())])
    journal.close()
    return journal.name


def test_a_process_has_its_own_and_the_next_one_takes_it(folder, tmp_path):
    first = folder().take()
    assert tmp_path.joinpath("j").stat().st_mode & 0o777 == 0o700
    assert first.name == str(tmp_path / "j" / f"{first.producer_id}.db")
    second = folder().take()
    assert second.name != first.name
    assert list(folder().orphans()) == []
    first.close()
    third = folder().take()
    assert third.producer_id == first.producer_id
    second.close()
    third.close()


def test_the_one_that_was_not_used_for_longest_comes_first(folder):
    names = []
    journals = [folder().take() for _ in range(3)]
    for age, journal in enumerate(journals):
        journal.load()
        journal.write([Batch(filed=[filed(1)])])
        journal.close()
        os.utime(journal.name, (1000 - age, 1000 - age))
        names.insert(0, journal.name)
    taken = folder().take()
    assert taken.name == names[0]
    rest = list(folder().orphans())
    assert [journal.name for journal in rest] == names[1:]
    assert list(folder().orphans()) == []  # they are locked
    for journal in [taken, *rest]:
        journal.close()


def test_orphans_that_are_empty_are_removed(folder, tmp_path):
    own, other = folder().take(), folder().take()
    other.load()
    other.close()
    assert list(folder().orphans()) == []
    own.close()
    left = {path.name for path in (tmp_path / "j").iterdir()}
    assert left == {f"{own.producer_id}.db", f"{own.producer_id}.reserve"}


def test_one_that_cannot_be_read_is_left_alone_and_told_of(folder, tmp_path, caplog):
    name = left_behind(folder, 1)
    bad = tmp_path / "j" / "bad.db"
    bad.write_bytes(b"")
    os.utime(bad, (1, 1))
    with caplog.at_level(logging.WARNING, "zmqwork"):
        journal = folder().take()
    assert journal.name == name
    assert f"a journal is left alone: {bad} is no journal" in caplog.text
    assert bad.exists()
    journal.close()
    place = folder()
    caplog.clear()
    for _ in range(3):
        place.take().close()
    assert caplog.text.count("left alone") == 1


def test_another_app(folder):
    name = left_behind(folder, 1)
    with pytest.raises(JournalError) as caught:
        folder("other").take()
    assert str(caught.value) == (
        f"{name} is a journal of the app 'app', not of 'other': each app needs a directory of its own"
    )
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again)) == (JournalError, str(caught.value))
    folder().take().close()  # it is not locked


def test_another_machine(folder):
    name = left_behind(folder, 1)
    with pytest.raises(JournalError, match=f"another machine.*zmqwork journal adopt {name}"):
        folder(machine="m2").take()
    with pytest.raises(JournalError, match="another machine"):
        list(folder(machine="m2").orphans())
    journal = folder(machine="").take()  # a container, which does not know
    journal.adopt("m2")
    journal.close()
    folder(machine="m2").take().close()


def test_what_a_killed_process_was_making_or_removing_is_removed(folder, tmp_path):
    own = folder().take()
    for name in ("abc.db.new", "abc.db.new-journal", "def.reserve"):
        (tmp_path / "j" / name).write_bytes(b"half")
    folder().take().close()
    left = {path.suffix for path in (tmp_path / "j").glob(f"{own.producer_id}*")}
    assert left >= {".db", ".lock", ".reserve"}
    assert not list((tmp_path / "j").glob("[ad][be][cf].*"))
    own.close()


AT_ONCE = """
import os, sys
from zmqwork.core.ledger import TaskSpec
from zmqwork.core.records import Batch, Filed
from zmqwork.journal.folder import Folder
from zmqwork.journal.sqlite import Sizes
from zmqwork.options import TaskOptions

folder = Folder("j", "app", machine="m1", allow_volatile=True, sizes=Sizes(reserve_bytes=0))
read, write = os.pipe()
for _ in range(8):
    if not os.fork():
        os.close(write)
        os.read(read, 1)
        journal = folder.take()
        seq = journal.load().newest + 1
        spec = TaskSpec("f", "", TaskOptions())
        journal.write([Batch(filed=[Filed(spec, [seq], [b""])])])
        os.write(1, f"{journal.producer_id} {seq}\\n".encode())
        os._exit(0)
os.close(read)
os.close(write)
for _ in range(8):
    os.wait()
"""


def test_processes_that_start_at_once(private_environment, folder, tmp_path):
    """Each has a journal for itself; some may have taken that of one that has ended already."""
    for _ in range(2):
        ended = subprocess.run(
            [sys.executable, "-c", AT_ONCE], cwd=tmp_path, env=private_environment,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (ended.returncode, ended.stderr) == (0, "")
        said = ended.stdout.split("\n")[:-1]
        assert len(set(said)) == len(said) == 8
    journals = list(folder().orphans())
    tasks = [len(journal.load().tasks) for journal in journals]
    assert sum(tasks) == 16
    for journal in journals:
        journal.close()


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("tmpfs", r"is in memory \(tmpfs\)"),
        ("nfs4", r"network file system \(nfs4\)"),
        ("fuse.sshfs", "network file system"),
    ],
)
def test_a_place_that_keeps_nothing(kind, why, tmp_path, monkeypatch):
    table = tmp_path / "mountinfo"
    table.write_text(f"22 1 0:1 / / rw - {kind} none rw\n")
    monkeypatch.setattr(disk, "_MOUNTS", table)
    with pytest.raises(ConfigError, match=f"{why}.*allow_volatile_journal=True, or --allow-vol"):
        Folder(tmp_path / "j", "app")
    assert not (tmp_path / "j").exists()
    Folder(tmp_path / "j", "app", allow_volatile=True)
    table.write_text("22 1 0:1 / / rw - ext4 none rw\n")
    check_place(tmp_path, allow_volatile=False)


def test_directories_that_are_none(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        JournalError, match=r"is no place for journals: (File exists|Not a directory)"
    ):
        Folder(tmp_path / "file", "app")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(ConfigError, match=r"written by everybody.*chmod o-w"):
        Folder(tmp_path / "open", "app")
    for path in ("", 5):
        with pytest.raises(ConfigError, match="must be the path"):
            Folder(path, "app")


def test_it_is_gone_when_it_is_opened(folder, monkeypatch, caplog):
    """Its owner removes it between the look and the opening."""
    name = left_behind(folder, 1)
    place = folder()
    files = place.files

    def seen():
        found = files()
        Path(name).unlink()
        return found

    monkeypatch.setattr(place, "files", seen)
    journal = place.take()
    assert journal.name != name
    assert caplog.text == ""
    journal.close()
