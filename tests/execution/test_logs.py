"""What is logged says which task it is about."""

from __future__ import annotations

import json
import logging
import sys

from zmqwork.core.effects import Notice
from zmqwork.execution.context import running
from zmqwork.execution.helping import LentItem
from zmqwork.execution.logs import JsonFormatter, LogContext
from zmqwork.nodes.notices import log_notice

ITEM = LentItem("thumbnail", b"", 17, 2, {}, "3fa94c1e" * 4, None)


def record(message="hello %s", *args, **extra):
    made = logging.getLogger("mine").makeRecord(
        "mine", logging.INFO, "f.py", 1, message, args or ("you",), None, extra=extra or None
    )
    assert LogContext().filter(made)
    return made


def parsed(made):
    line = JsonFormatter().format(made)
    assert "\n" not in line
    return json.loads(line)


def test_outside_of_a_task_nothing_is_said_of_one():
    made = record()
    assert (made.task_id, made.task, made.attempt) == ("", "", "")
    line = parsed(made)
    assert line.pop("time").endswith("Z")
    assert line == {"level": "INFO", "logger": "mine", "message": "hello you"}


def test_inside_of_a_task_its_name_is_known():
    token = running.set(ITEM)
    try:
        made = record()
    finally:
        running.reset(token)
    known = {"task_id": "3fa94c1e-17", "task": "thumbnail", "attempt": 2}
    assert known.items() <= parsed(made).items()
    assert logging.Formatter("[%(task_id)s] %(message)s").format(made) == "[3fa94c1e-17] hello you"


def test_what_a_record_says_of_itself_stays():
    token = running.set(ITEM)
    try:
        line = parsed(record(task_id="other-1", customer="c"))
    finally:
        running.reset(token)
    assert (line["task_id"], line["customer"]) == ("other-1", "c")
    assert "attempt" not in line


def test_exceptions_and_hostile_values():
    class Hostile:
        def __str__(self):
            raise ValueError

    made = record("two\nlines %s", "\udcff", odd=Hostile(), nested={"a": {1, 2}})
    try:
        raise KeyError("no")
    except KeyError:
        made.exc_info = sys.exc_info()
    line = parsed(made)
    assert line["message"].startswith("two\nlines")
    assert "Hostile" in line["odd"]
    assert "KeyError: 'no'" in line["exception"]


def test_notices_have_what_they_know(caplog):
    with caplog.at_level(logging.DEBUG, "zmqwork"):
        log_notice(Notice("resumed", "it goes on", {"seq": 3, "attempt": 2}), "ab" * 16)
        log_notice(Notice("peer_gone", "w is lost", {"node_id": "c" * 32, "name": "w"}), "ab" * 16)
    resumed, gone = caplog.records
    assert (resumed.task_id, resumed.attempt, resumed.notice) == ("abababab-3", 2, "resumed")
    assert (gone.peer, gone.peer_name, gone.node) == ("c" * 32, "w", "ab" * 16)
