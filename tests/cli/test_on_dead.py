"""``--on-dead CMD``: who is told of dead letters, and that nothing waits for it."""

from __future__ import annotations

import json
import logging
import os
import shlex
import sys

import pytest

from zmqwork.cli.on_dead import OnDead, letter_of
from zmqwork.errors import TaskFailed, TaskLost, UsageError
from zmqwork.run import Failure

KEEP = """
import json, os, sys
letter = json.load(sys.stdin)
own = {name: os.environ[name] for name in ("ZMQWORK_TASK_ID", "ZMQWORK_TASK")}
with open(sys.argv[1], "a") as kept:
    kept.write(json.dumps(letter | own) + "\\n")
"""


def python(code, *words):
    return shlex.join([sys.executable, "-c", code, *map(str, words)])


def letter(number=0, error=None):
    error = error or TaskFailed(f"3fa94c1e-{number}", "ValueError", "no", "Traceback ...", 4)
    failure = Failure(number, (1, b"a"), "failed", error, "fetch")
    return letter_of(failure, run="monday", line=3, record="a.jpg")


def told(caplog):
    return [record.getMessage() for record in caplog.records]


def test_a_letter_has_all_that_is_known():
    assert letter(17) == {
        "task_id": "3fa94c1e-17",
        "task": "fetch",
        "state": "failed",
        "attempts": 4,
        "error": {"type": "ValueError", "text": "no", "traceback": "Traceback ..."},
        "run": "monday",
        "number": 17,
        "line": 3,
        "record": "a.jpg",
    }
    lost = letter(error=TaskLost("3fa94c1e-1", "3 of its attempts ended in a crash"))
    assert lost["error"] == {"type": "TaskLost", "text": "3 of its attempts ended in a crash"}
    assert lost["attempts"] is None


def test_the_command_gets_the_letter(tmp_path):
    on_dead = OnDead(python(KEEP, tmp_path / "kept"))
    for number in range(6):
        on_dead.add(letter(number))
    on_dead.close()
    kept = [json.loads(line) for line in (tmp_path / "kept").read_text().splitlines()]
    assert sorted(one["number"] for one in kept) == list(range(6))
    own = {"ZMQWORK_TASK_ID": "3fa94c1e-0", "ZMQWORK_TASK": "fetch"}
    (first,) = [one for one in kept if one["number"] == 0]
    assert first == letter() | own


def test_no_more_wait_than_may(tmp_path, caplog):
    go = tmp_path / "go"
    waits = "import sys; sys.stdin.read(); open(sys.argv[1]).read()"
    os.mkfifo(go)
    on_dead = OnDead(python(waits, go), running_max=1, waiting_max=2)
    on_dead.add(letter(1))
    # One runs, or is about to; what is added fills the room, and is dropped then.
    with caplog.at_level(logging.WARNING):
        for number in range(2, 7):
            on_dead.add(letter(number))
        on_dead.close(0)
    assert sum("wait for the command already" in text for text in told(caplog)) == 1
    assert "--on-dead: 6 dead letters were not told of" in told(caplog)


def test_a_command_that_fails_is_told(caplog):
    on_dead = OnDead(python("import sys; sys.exit('no mail today')"))
    with caplog.at_level(logging.WARNING):
        for number in range(12):
            on_dead.add(letter(number))
        on_dead.close()
    failures = [text for text in told(caplog) if "exit code 1: no mail today" in text]
    assert len(failures) == 10
    assert told(caplog)[-1] == "--on-dead: the command failed 12 times"


def test_a_command_that_hangs_is_ended(caplog):
    hangs = "import signal, sys; sys.stdin.read(); signal.pause()"
    on_dead = OnDead(python(hangs), timeout=0.2)
    with caplog.at_level(logging.WARNING):
        on_dead.add(letter())
        on_dead.close(30)
    (text,) = told(caplog)
    assert "it took more than 0.2 s, and was ended" in text


def test_a_command_that_reads_nothing_is_none_the_worse(caplog):
    on_dead = OnDead("true")
    with caplog.at_level(logging.WARNING):
        on_dead.add(letter(error=TaskFailed("3fa94c1e-1", "E", "x" * 1_000_000)))
        on_dead.close()
    assert told(caplog) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "needs a command"),
        ("echo 'x", "No closing quotation"),
        ("no-such-program-at-all x", "there is no program 'no-such-program-at-all'"),
    ],
)
def test_what_is_no_command(text, why):
    with pytest.raises(UsageError, match=why):
        OnDead(text)


def test_a_ventilator_runs_it(worker, zmqwork, project):
    worker("--pool", "thread")
    (project / "in.txt").write_text("a\nb\n")
    kept = project / "kept"
    words = ["ventilator", "thumbs:app", "fail", "--lines", "in.txt", "--no-sink"]
    ran = zmqwork(*words, "--on-dead", python(KEEP, kept))
    assert ran.returncode == 1, ran.stderr
    letters = [json.loads(line) for line in kept.read_text().splitlines()]
    assert {(one["record"], one["line"], one["error"]["text"]) for one in letters} == {
        ("a", 1, "a"), ("b", 2, "b"),
    }  # fmt: skip
    assert all(one["ZMQWORK_TASK"] == "fail" == one["task"] for one in letters)
    refused = zmqwork(*words, "--on-dead", "no-such-program-at-all")
    assert (refused.returncode, "there is no program" in refused.stderr) == (2, True)
