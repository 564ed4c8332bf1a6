from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from pathlib import Path

import pytest

import zmqwork
from zmqwork.cli import main
from zmqwork.core.ledger import TaskSpec
from zmqwork.core.records import Batch, Filed, Letter, Trial
from zmqwork.journal.folder import Folder
from zmqwork.journal.machine import machine_id
from zmqwork.journal.sqlite import Sizes, SqliteJournal
from zmqwork.options import TaskOptions
from zmqwork.wire.values import encode_call

SIZES = Sizes(reserve_bytes=0)
SPEC = TaskSpec("thumbs.make", "", TaskOptions(queue="images"))
TO_INBOX = TaskSpec("store", "", TaskOptions(inbox="orders"), 1, "orders")
ERROR = {"type": "ValueError", "text": "no\x1b[31m such", "traceback": "", "attempts": 1}


def make(folder, *, realm="pics", machine="m"):
    """A journal with a bit of everything; open."""
    journal = Folder(folder, realm, machine=machine, sizes=SIZES).take()
    journal.load()
    args = [encode_call(("a.jpg",), {"width": width}) for width in (100, 200)]
    journal.write(
        [Batch(filed=[Filed(SPEC, [1, 2], args), Filed(TO_INBOX, [3, 4], [b"\xc1"] * 2, [7, 8])])]
    )
    journal.write([Batch(trials=[Trial(1, 2, 1, 1, 5.0)], letters=[Letter(2, "dead", ERROR)])])
    journal.write([Batch(settled={"succeeded": [3]}, workers=("ab" * 16,), removed=[77])])
    return journal


@pytest.fixture
def journal(tmp_path):
    """The file of one that is closed."""
    journal = make(tmp_path / "j")
    journal.close()
    return journal.name


def run(capsys, *words):
    code = main(["journal", *map(str, words)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def told(capsys, *words):
    code, out, err = run(capsys, *words, "-o", "json")
    assert (code, err) == (0, "")
    return [json.loads(line) for line in out.splitlines()]


def damage(path, number):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE log SET crc = crc + 1 WHERE number = ?", (number,))


def test_ls_asks_a_producer_that_runs(tmp_path, capsys, monkeypatch):
    place = tmp_path / "run"
    place.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    app = zmqwork.App("asked")
    task = app.task(noop)
    with app.producer(journal=tmp_path / "j") as producer:
        for _ in range(3):
            task.submit()
        assert producer.flush(30)
        ((listed),) = told(capsys, "ls", tmp_path / "j")
        producer.stop()
    (line,) = listed["journals"]
    assert line["state"] == f"in use by {os.getpid()}"
    assert (line["realm"], line["tasks"], line["letters"], line["newest"]) == ("asked", 3, 0, 3)


def noop():
    """A task."""


def test_ls(journal, tmp_path, capsys):
    other = make(tmp_path / "j")  # takes the one that is free; another is made
    second = Folder(tmp_path / "j", "pics", machine="m", sizes=SIZES).take()
    other.close()
    (tmp_path / "j" / "zz.db").write_bytes(b"x" * 5000)
    ((listed),) = told(capsys, "ls", tmp_path / "j")
    by_path = {line["path"]: line for line in listed["journals"]}
    first = by_path[journal]
    assert first.pop("bytes") > 0
    assert first.pop("created_at") > 1e9
    assert first == {
        "path": journal, "realm": "pics", "producer_id": other.producer_id, "epoch": 2, "state": "free",
        "tasks": 2, "letters": 1, "newest": 4, "settled": {"succeeded": 2, "dead": 2},
    }  # fmt: skip
    assert by_path[second.name]["state"] == f"in use by {os.getpid()}"
    assert by_path[str(tmp_path / "j" / "zz.db")]["state"] == "unreadable"
    code, out, err = run(capsys, "ls", tmp_path / "j")
    assert code == 0
    assert out.split()[1:3] == ["REALM", "STATE"]
    assert "zz.db is damaged, or no journal" in err
    second.close()
    damage(journal, 2)
    assert told(capsys, "ls", journal)[0]["journals"][0]["state"] == "damaged"


def test_verify(journal, tmp_path, capsys):
    assert run(capsys, "verify", tmp_path / "j") == (
        0,
        "1 journal can be read to the last row\n",
        "",
    )
    damage(journal, 1)
    damage(journal, 3)
    after = Path(journal).read_bytes()
    code, out, err = run(capsys, "verify", journal)
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        f"{journal} is damaged in row {row} (its checksum is wrong)" for row in (1, 3)
    ]
    assert Path(journal).read_bytes() == after


def test_one_that_is_in_use(journal, tmp_path, capsys):
    held = SqliteJournal(Path(journal), sizes=SIZES)
    for action in ("verify", "tail", "export", "compact", "adopt"):
        code, out, err = run(capsys, action, journal)
        assert (code, out) == (74, "")
        assert err.startswith(f"zmqwork journal: {journal} is in use by process {os.getpid()}")
    code, out, err = run(capsys, "verify", tmp_path / "j")
    assert code == 0
    assert err.endswith("; left out\n")
    held.close()


def test_tail(journal, capsys):
    lines = told(capsys, "tail", journal, "-n", "2")
    assert {line["row"] for line in lines} == {2, 3}
    assert [line["record"] for line in told(capsys, "tail", journal)] == [
        "2 tasks thumbs.make: 1 to 2",
        "2 tasks store: 3 to 4",
        "task 1: 2 failed, 1 crashed, 1 lost; again after 5 s",
        "task 2 dead: ValueError: no\x1b[31m such",
        "1 task succeeded: 3",
        "1 dead letter removed: 77",
        "1 worker may hold some",
    ]
    code, out, _ = run(capsys, "tail", journal)
    assert code == 0
    assert "\\x1b[31m such" in out


def test_export(journal, capsys):
    code, out, err = run(capsys, "export", journal)
    assert (code, err) == (0, "")
    lines = [json.loads(line) for line in out.splitlines()]
    assert all(line.pop("submitted_at").endswith("+00:00") for line in lines)
    who = Path(journal).stem
    assert lines == [
        {"task_id": f"{who}-1", "task": "thumbs.make", "state": "unsettled", "args": ["a.jpg"],
         "kwargs": {"width": 100}, "options": {"queue": "images"}, "failures": 2, "crashes": 1, "losses": 1},
        {"task_id": f"{who}-2", "task": "thumbs.make", "state": "dead", "args": ["a.jpg"],
         "kwargs": {"width": 200}, "options": {"queue": "images"}, "error": ERROR},
        {"task_id": f"{who}-4", "task": "store", "state": "unsettled", "encoded": "c1",
         "options": {"inbox": ["orders"]}, "inbox": "orders", "sink_seq": 8},
    ]  # fmt: skip
    damage(journal, 2)
    code, out, err = run(capsys, "export", journal)
    assert code == 1
    assert [json.loads(line)["state"] for line in out.splitlines()] == ["unsettled"] * 3
    assert "left out" in err
    assert "row 2" in err


def test_compact(journal, capsys):
    ((line),) = told(capsys, "compact", journal)
    assert (line["tasks"], line["letters"], line["dropped"]) == (2, 1, [])
    records = [line["record"] for line in told(capsys, "tail", journal)]
    assert records == [
        "2 tasks thumbs.make: 1 to 2",
        "1 task store: 4",
        "task 1: 2 failed, 1 crashed, 1 lost; again after 5 s",
        "task 2 dead: ValueError: no\x1b[31m such",
    ]


def test_compact_drops_what_is_damaged_if_it_is_told_to(journal, capsys):
    damage(journal, 2)
    code, out, err = run(capsys, "compact", journal)
    assert (code, out) == (74, "")
    assert "row 2" in err
    code, out, err = run(capsys, "compact", "--drop-damaged", journal)
    assert code == 0
    assert out.endswith(" bytes: 3 tasks, 0 dead letters\n")
    assert err == f"{journal}: dropped 1 row: [2]\n"
    assert run(capsys, "verify", journal)[0] == 0


def test_adopt(journal, tmp_path, capsys):
    code, out, _ = run(capsys, "adopt", journal)
    assert (code, out) == (0, f"{journal} is this machine's now\n")
    Folder(tmp_path / "j", "pics", machine=machine_id(), sizes=SIZES).take().close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["verfy", "."], "unknown ACTION 'verfy': did you mean verify?"),
        (["nothing", "."], "choose from ls, verify, tail, compact, export, adopt"),
        (["ls", ".", "--drop-damaged"], "--drop-damaged is for compact"),
    ],
)
def test_wrong_usage(words, said, capsys):
    code, _, err = run(capsys, *words)
    assert code == 2
    assert said in err


def test_no_journal(tmp_path, capsys):
    code, _, err = run(capsys, "verify", tmp_path / "no.db")
    assert code == 74
    assert err == f"zmqwork journal: there is no journal {tmp_path}/no.db\n"
    assert told(capsys, "ls", tmp_path) == [{"journals": []}]
    assert list(tmp_path.iterdir()) == []
