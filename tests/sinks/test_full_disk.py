"""A disk that is full, or fails: what was acked is safe, it is said how much, and it goes on."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def numbers(texts):
    return [int(text.split(":")[0]) for text in texts]


def in_json_lines(path):
    return numbers(json.loads(line)["result"] for line in path.read_text().splitlines())


def in_csv(path):
    return numbers(line.split(",")[-1] for line in path.read_text().splitlines()[1:])


def in_files(path):
    return numbers(f.read_text() for f in path.iterdir() if not f.name.startswith("."))


def in_database(path):
    with closing(sqlite3.connect(path)) as connection:
        return numbers(text for (text,) in connection.execute("SELECT result FROM results"))


@pytest.fixture
def unshared():
    """How to start a program that may mount."""
    for words in (["unshare", "-m"], ["unshare", "-rm"]):
        if shutil.which("unshare") and not subprocess.run(
            [*words, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
        ).returncode:  # fmt: skip
            return words
    pytest.skip("no mount namespace can be had here")


@pytest.mark.parametrize(
    ("kind", "look", "payload"),
    [
        ("jsonl", in_json_lines, 2000),  # the file meets the end of the disk,
        ("jsonl", in_json_lines, 1),  # the database beside it,
        ("csv", in_csv, 500),
        ("table", in_database, 200),
        ("files", in_files, 3000),
    ],
)
def test_the_disk_is_full(private_environment, unshared, tmp_path, kind, look, payload):
    disk = tmp_path / "disk"
    disk.mkdir()
    ended = subprocess.run(
        [*unshared, sys.executable, "full_disk.py", kind, disk, tmp_path, str(payload)],
        cwd=HERE, env=private_environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    acked, remembered = told["acked"], told["remembered"]
    assert acked
    assert str(disk / "out") in told["said"]
    assert "No space left on device" in told["said"] or "disk is full" in told["said"]
    assert f"{len(acked):,} results in it are safe. Make room, and start again" in told["said"]
    # What was acked is there after the error; and, if the last transaction was in doubt, its batch.
    assert remembered[: len(acked)] == acked
    assert len(remembered) - len(acked) in (0, 20)
    assert sorted(look(tmp_path / "full"))[: len(acked)] == acked
    assert sorted(look(tmp_path / "done")) == list(range(1, told["total"] + 1))


FAILING = """
import sys
sys.path.insert(0, {here!r})
from store_batches import batch
from zmqwork.errors import StoreError
from zmqwork.sinks import JsonLines
store = JsonLines("out.jsonl")
store.open()
store.store(batch([1, 2]))
for _ in range(2):
    try:
        store.store(batch([3]))
    except StoreError as error:
        print(error)
store.close()
again = JsonLines("out.jsonl")
print(again.open())
again.store(batch([3]))
again.close()
"""


@pytest.fixture
def strace():
    found = shutil.which("strace")
    if not found or subprocess.run([found, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace cannot be used here")
    return found


def test_a_disk_that_fails_to_sync(private_environment, strace, tmp_path):
    """The third sync of the file: after those of opening it and of the first batch."""
    here = str(HERE)
    ended = subprocess.run(
        [strace, "-qq", "-o", "log", "-P", tmp_path / "out.jsonl", "-e", "trace=fdatasync",
         "-e", "inject=fdatasync:error=EIO:when=3", sys.executable, "-c", FAILING.format(here=here)],
        cwd=tmp_path, env=private_environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    first, second, taken = ended.stdout.splitlines()
    assert first == f"{tmp_path}/out.jsonl: Input/output error. 2 results in it are safe"
    assert second.endswith("an earlier batch failed; start again")
    assert taken == "{'run-1': [(1, 2)]}"
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["result"] for line in lines] == [1, 2, 3]


ORDER = """
import os, sys
sys.path.insert(0, {here!r})
from store_batches import batch
from zmqwork.sinks import Files, JsonLines, SqliteTable
acks = os.open("acks", os.O_WRONLY | os.O_CREAT)
for kind, path in ((JsonLines, "out.jsonl"), (SqliteTable, "out.db"), (Files, "out")):
    store = kind(path)
    store.open()
    store.store(batch([1]))
    os.write(acks, b"begin")
    store.store(batch([2]))
    os.write(acks, b"end")
    store.close()
"""

WORDS = {"pwrite64": "write", "fdatasync": "sync", "fsync": "sync"}


def test_all_is_synced_in_order_before_it_is_acked(private_environment, strace, tmp_path):
    """A loss of power is no more than a loss of what was not synced."""
    ended = subprocess.run(
        [strace, "-qq", "-y", "-o", "log", "-e", "trace=pwrite64,write,fdatasync,fsync,rename",
         sys.executable, "-c", ORDER.format(here=str(HERE))],
        cwd=tmp_path, env=private_environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    log = (tmp_path / "log").read_text().replace(f"{tmp_path}/", "")
    log = re.sub(r"parts/\d+", "parts/batch", log)
    batches = re.findall(r'"begin".*?\n(.*?)\n[^\n]*"end"', log, re.DOTALL)
    assert [steps(batch) for batch in batches] == [
        ["write out.jsonl", "sync out.jsonl", "write out.jsonl.inbox-wal", "sync out.jsonl.inbox-wal"],
        ["write out.db-wal", "sync out.db-wal"],
        ["write out/.zmqwork-parts/batch/run-1-2", "sync out/.zmqwork-parts/batch/run-1-2",
         "sync out/.zmqwork-parts/batch", "sync out/.zmqwork-parts",
         "write out/.zmqwork-inbox-wal", "sync out/.zmqwork-inbox-wal",
         "rename out/.zmqwork-parts/batch/run-1-2", "sync out"],
    ]  # fmt: skip


def steps(log):
    """The calls and what they were about; each once where it follows itself."""
    found = re.findall(r'^(\w+)\((?:\d+<([^>]*)>|"([^"]*)")', log, re.MULTILINE)
    done = [f"{WORDS.get(call, call)} {file or name}" for call, file, name in found]
    return [step for at, step in enumerate(done) if done[at - 1 : at] != [step]]
