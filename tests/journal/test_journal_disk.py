"""Real disks: one that is full, one that fails to sync, and the order of syncs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from zmqwork.journal.sqlite import Sizes, SqliteJournal

HERE = Path(__file__).parent


@pytest.fixture
def unshared():
    """How to start a program that may mount."""
    for words in (["unshare", "-m"], ["unshare", "-rm"]):
        if shutil.which("unshare") and not subprocess.run(
            [*words, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
        ).returncode:  # fmt: skip
            return words
    pytest.skip("no mount namespace can be had here")


@pytest.fixture
def strace():
    found = shutil.which("strace")
    if not found or subprocess.run([found, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace cannot be used here")
    return found


def run(words, environment, folder=HERE):
    ended = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_disk_is_full(private_environment, unshared, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    program = [sys.executable, "full_disk_journal.py", disk, tmp_path]
    told = json.loads(run([*unshared, *program], private_environment))
    refused = told["refused"]
    assert refused > 100
    assert re.match(
        rf"{disk}/journal/\w+\.db has no room \(database or disk is full\)", told["said"]
    )
    assert told["again"] == refused
    # There was room for all settlements, and afterwards for tasks again, with the reserve whole.
    assert told["settled"] == {"succeeded": refused // 2}
    assert told["later"] > refused
    assert told["tasks"] == [*range(2, refused, 2), *range(refused, told["later"])]
    assert told["reserve"] == 512 * 1024
    # And if the process had ended then:
    (path,) = (tmp_path / "full").glob("*.db")
    journal = SqliteJournal(path, sizes=Sizes(reserve_bytes=0))
    assert [task.seq for task in journal.load().tasks] == [*range(2, refused, 2)]
    journal.close()


PROGRAM = """
import os, sys
from zmqwork.core.ledger import TaskSpec
from zmqwork.core.records import Batch, Filed
from zmqwork.errors import JournalBroken
from zmqwork.journal.sqlite import Sizes, SqliteJournal
from zmqwork.options import TaskOptions
from pathlib import Path
spec = TaskSpec("f", "", TaskOptions())
journal = SqliteJournal(Path("j.db").resolve(), producer_id="x", sizes=Sizes(reserve_bytes=0))
journal.load()
for seq in (1, 2, 3):
    os.write(1, b"begin %d\\n" % seq)
    try:
        journal.write([Batch(filed=[Filed(spec, [seq], [b"x"])])])
    except JournalBroken as error:
        os.write(1, b"broken %d %s\\n" % (seq, str(error).encode()))
    os.write(1, b"end %d\\n" % seq)
journal.close()
"""


def test_a_disk_that_fails_to_sync(private_environment, strace, tmp_path):
    """The second write's sync fails, and the third is not tried."""
    begun = run(
        [strace, "-qq", "-o", "log", "-P", tmp_path / "j.db-wal", "-e", "trace=fdatasync",
         sys.executable, "-c", PROGRAM], private_environment, tmp_path,
    )  # fmt: skip
    assert "broken" not in begun
    syncs = (tmp_path / "log").read_text().count("fdatasync")
    (tmp_path / "j.db").unlink()
    # Three writes, and the end: one less before the second write.
    said = run(
        [strace, "-qq", "-o", "log", "-P", tmp_path / "j.db-wal", "-e", "trace=fdatasync", "-e",
         f"inject=fdatasync:error=EIO:when={syncs - 2}", sys.executable, "-c", PROGRAM],
        private_environment, tmp_path,
    )  # fmt: skip
    lines = said.splitlines()
    assert lines[:3] == ["begin 1", "end 1", "begin 2"]
    assert lines[3] == f"broken 2 {tmp_path}/j.db: disk I/O error"
    assert lines[5:7] == ["begin 3", f"broken 3 {tmp_path}/j.db: disk I/O error"]
    journal = SqliteJournal(tmp_path / "j.db", sizes=Sizes(reserve_bytes=0))
    assert 1 in [task.seq for task in journal.load().tasks]
    journal.close()


def test_a_write_is_one_sync_before_it_returns(private_environment, strace, tmp_path):
    run(
        [strace, "-qq", "-y", "-o", "log", "-e", "trace=pwrite64,write,fdatasync,fsync",
         sys.executable, "-c", PROGRAM], private_environment, tmp_path,
    )  # fmt: skip
    log = (tmp_path / "log").read_text()
    write = re.search(r'"begin 3.*?\n(.*?)\n[^\n]*"end 3', log, re.DOTALL)[1]
    calls = [re.match(r"(\w+)\(\d+<([^>]*)>", line).groups() for line in write.splitlines()]
    wal = f"{tmp_path}/j.db-wal"
    assert calls[-1] == ("fdatasync", wal)
    assert set(calls[:-1]) == {("pwrite64", wal)}
