from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from zmqwork.cli.output import Output, complain, jsonable, plain_table, printable, width


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("gpu-1", "gpu-1"),
        ("größe \u5de5", "größe \u5de5"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\r\x07", "a\\nb\\r\\x07"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\x9b31m", "\\x9b31m"),
        (7, "7"),
    ],
)
def test_nothing_from_elsewhere_steers_the_terminal(text, shown):
    assert printable(text) == shown


def test_columns_of_wide_and_combining_characters():
    assert [width(text) for text in ("abc", "\u5de5\u4f5c", "e\u0301")] == [3, 4, 1]


def test_a_plain_table_is_aligned_numbers_to_the_right():
    table = plain_table(
        ("NODE", "BUSY", "TASKS"), [["\u5de5", "3", "a, b"], ["long-name", "12", ""]]
    )
    assert table == [
        "NODE       BUSY  TASKS",
        "\u5de5            3  a, b",
        "long-name    12",
    ]


def test_an_empty_table_is_its_head():
    assert plain_table(("A", "B"), []) == ["A  B"]


def test_each_form_prints_its_own_and_nothing_else(capsys):
    printed = {}
    for form in ("table", "json", "quiet"):
        output = Output(form)
        output.line("a line")
        output.lines([("name", "value")])
        output.table(("A",), [["x"], [None]])
        output.json({"a": {1, 2}})
        printed[form] = capsys.readouterr().out
    assert printed["table"] == "a line\n  name  value\nA\nx\n\n"
    assert json.loads(printed["json"]) == {"a": [1, 2]}
    assert printed["quiet"] == ""


def test_complaints_keep_their_lines_and_lose_their_escapes(capsys):
    complain("one\n\ttwo \x1b[0m")
    assert capsys.readouterr() == ("", "one\n    two \\x1b[0m\n")


def circle():
    it = []
    it.append(it)
    return it


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        ({"a": (1, b"x")}, {"a": [1, "b'x'"]}),
        ({1: 2}, {"1": 2}),
        ({(1, 2): 3}, "{(1, 2): 3}"),
        (circle(), "[[...]]"),
    ],
)
def test_every_value_becomes_some_json(value, becomes):
    from zmqwork.cli.output import plain

    assert json.loads(json.dumps(jsonable(value), default=plain)) == becomes


SCRIPT = """
from zmqwork.cli.output import Output
Output("table").table(("NODE", "BUSY"), [["[red]x\\x1b[2J", 3]])
"""


@pytest.mark.parametrize("with_rich", [True, False])
def test_on_a_terminal_with_and_without_rich(with_rich, tmp_path):
    if not with_rich:
        (tmp_path / "rich.py").write_text("raise ImportError")
    else:
        pytest.importorskip("rich")
    main, child = pty.openpty()
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{Path.cwd()}", "TERM": "xterm"}
    subprocess.run([sys.executable, "-c", SCRIPT], stdout=child, env=environment, check=True)
    os.close(child)
    shown = os.read(main, 10_000).decode()
    os.close(main)
    assert "[red]x\\x1b[2J" in shown
    assert "\x1b[2J" not in shown
    assert ("─" in shown) is with_rich
