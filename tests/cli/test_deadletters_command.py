from __future__ import annotations

import argparse
import json

import pytest

from zmqwork.cli.parser import duration

PROGRAM = """
import sys
import zmqwork

app = zmqwork.App("thumbs", journal=sys.argv[2] if len(sys.argv) > 2 else None)

@app.task(max_retries=0)
def fail(text):
    pass

@app.task(max_retries=0)
def double(value, times=1):
    pass

futures = [fail.submit(text) for text in sys.argv[1].split(",") if text]
for future in futures:
    future.exception()
print(*[future.id for future in futures], flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def letters(project, start_python, worker):
    """A producer with dead letters; its process, and their ids."""
    (project / "program.py").write_text(PROGRAM)
    worker()

    def letters(*words):
        process = start_python("program.py", *words)
        return process, process.stdout.readline().split()

    return letters


@pytest.fixture
def said(zmqwork):
    def said(*words, code=0):
        done = zmqwork("deadletters", *words, "-o", "json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    return said


def ids(told):
    return [letter["id"] for letter in told["letters"]]


def test_they_are_listed_and_shown(letters, said, zmqwork):
    _, (one, two) = letters("one,two")
    assert ids(said("ls")) == [one, two]
    assert ids(said("ls", one, "--task", "fail", "--newer-than", "1h")) == [one]
    assert ids(said("ls", "--older-than", "1h")) == []
    done = zmqwork("deadletters", "ls", "--app", "thumbs:app")
    assert "ValueError: two" in done.stdout
    shown = said("show", one)
    assert (shown["args"], shown["kwargs"], shown["text"]) == (["one"], {}, "one")
    assert "Traceback" in shown["traceback"]
    done = zmqwork("deadletters", "show", one, f"{one[:8]}-99")
    assert done.returncode == 4
    assert "raise ValueError(text)" in done.stdout
    assert f"no dead letter {one[:8]}-99" in done.stderr


def test_they_are_revived_edited_and_removed(letters, said, zmqwork, until):
    _, (one, two, three) = letters("one,two,three")
    assert zmqwork("deadletters", "revive").returncode == 2
    assert said("revive", one) == {"revived": [one]}
    until(lambda: len(ids(said("ls"))) == 3)
    edited = said("edit", two, "other")
    assert edited == {"edited": two, "id": f"{one[:8]}-4"}
    until(lambda: edited["id"] in ids(said("ls")))
    assert said("show", edited["id"])["args"] == ["other"]
    assert zmqwork("deadletters", "edit", two, "x").returncode == 4
    assert said("rm", three, two, code=4) == {"removed": [three]}
    done = zmqwork("deadletters", "rm", "--all")
    assert (done.returncode, done.stdout) == (0, "2 dead letters removed\n")


def test_export_and_import(letters, zmqwork, project):
    _, (one,) = letters("one")
    done = zmqwork("deadletters", "export")
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert (told["id"], told["task"]) == (one, "fail")
    (project / "letters.jsonl").write_text(done.stdout)
    done = zmqwork("deadletters", "import", "letters.jsonl", "--app", "thumbs:app")
    assert (done.returncode, done.stdout) == (1, "0 succeeded, 1 failed, 0 had no worker\n")
    assert one in done.stderr
    told |= {"task": "double"}
    text = json.dumps(told)
    done = zmqwork("deadletters", "import", "-", "--app", "thumbs:app", input=text)
    assert (done.returncode, done.stdout) == (0, "1 succeeded, 0 failed, 0 had no worker\n")
    for text in ("{", "[]", '{"id": 1, "task": "fail", "payload": "kg=="}', '{"id": 1}'):
        done = zmqwork("deadletters", "import", "-", "--app", "thumbs:app", input=text)
        assert done.returncode == 65
        assert "line 1" in done.stderr


def test_in_a_journal(letters, said, zmqwork, project):
    journal = str(project / "journal")
    process, (one, two, three) = letters("one,two,three", journal)
    done = zmqwork("deadletters", "ls", "--journal", journal)
    assert done.returncode == 0
    assert "left out" in done.stderr
    process.communicate("\n")
    assert ids(said("ls", "--journal", journal)) == [one, two, three]
    assert said("show", two, "--journal", journal)["args"] == ["two"]
    assert said("revive", one, "--journal", journal) == {"revived": [one]}
    assert said("rm", two, "--journal", journal) == {"removed": [two]}
    assert ids(said("ls", "--journal", journal)) == [three]
    done = zmqwork("deadletters", "edit", three, "x", "--journal", journal)
    assert done.returncode == 2
    # The next process goes on with what was revived, which fails again.
    process, (four,) = letters("four", journal)
    process.communicate("\n")
    assert ids(said("ls", "--journal", journal)) == [one, three, four]


def test_what_is_wrong(zmqwork):
    assert "did you mean revive?" in zmqwork("deadletters", "reviv").stderr
    assert zmqwork("deadletters", "import", "x").returncode == 2
    done = zmqwork("deadletters", "ls")
    assert done.returncode == 3
    assert "no producer answered" in done.stderr


@pytest.mark.parametrize(
    ("text", "value"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("7d", 604_800)]
)
def test_durations(text, value):
    assert duration(text) == value


@pytest.mark.parametrize("text", ["", "m", "-1", "x", "nan", "1w", "99999d"])
def test_what_is_no_duration(text):
    with pytest.raises(argparse.ArgumentTypeError, match="no duration"):
        duration(text)
