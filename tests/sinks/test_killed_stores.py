"""A process that stores is killed at random moments: each number is there exactly once in the end.

The oracle reads what is on the disk, and knows nothing of zmqwork.
"""

from __future__ import annotations

import csv
import json
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def in_json_lines(path):
    return [json.loads(line)["result"] for line in path.read_text().splitlines()]


def in_csv(path):
    with path.open(newline="") as file:
        return [int(row["result"]) for row in csv.DictReader(file)]


def in_files(path):
    shown = [file for file in path.iterdir() if not file.name.startswith(".")]
    assert all(file.name == f"run-1-{file.read_text()}" for file in shown)
    return [int(file.read_text()) for file in shown]


def in_database(path):
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [number for (number,) in connection.execute("SELECT seq FROM results")]


def taken(path):
    with closing(sqlite3.connect(path)) as connection:
        ranges = connection.execute("SELECT first, last FROM zmqwork_taken").fetchall()
    return [number for first, last in ranges for number in range(first, last + 1)]


@pytest.mark.parametrize(
    ("kind", "look", "memory", "total", "kills"),
    [
        ("inbox", in_database, "out", 800, 30),
        ("table", in_database, "out", 300, 8),
        ("jsonl", in_json_lines, "out.inbox", 500, 20),
        ("csv", in_csv, "out.inbox", 300, 8),
        ("files", in_files, "out/.zmqwork-inbox", 300, 10),
    ],
)
def test_each_number_exactly_once(private_environment, tmp_path, kind, look, memory, total, kills):
    seed = str(random.randrange(2**32))
    print("seed", seed)
    ended = subprocess.run(
        [sys.executable, "killed_store.py", kind, tmp_path / "out", str(total), str(kills), seed],
        cwd=HERE, env=private_environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    children = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [child["status"] for child in children if not child["killed"]][-1] == 0
    # Those that were done before they could be killed show nothing.
    assert sum(child["killed"] for child in children) > kills / 2
    acked = [number for child in children for number in child["acked"]]
    assert len(set(acked)) == len(acked)
    found = look(tmp_path / "out")
    assert sorted(found) == sorted(taken(tmp_path / memory)) == list(range(1, total + 1))
