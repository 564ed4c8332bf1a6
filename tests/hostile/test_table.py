"""The table of README.md has all forty cases, and names tests that exist."""

import ast
import re

from hostile_node import HERE, ROOT

TABLE = (HERE / "README.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| (H\d\d) \| .* \| (.*) \|$", TABLE, re.MULTILINE))


def test_all_forty_are_there():
    assert list(ROWS) == [f"H{number:02}" for number in range(1, 41)]


def test_each_names_tests_that_exist():
    missing, silent = [], []
    for case, cell in ROWS.items():
        named = re.findall(r"`([\w/]+\.py)::(\w+)`", cell)
        if not named:
            silent.append(case)
        missing += [f"{case}: {path}::{name}" for path, name in named if not defines(path, name)]
    assert silent == []
    assert missing == []


def defines(path, name):
    file = ROOT / path
    return file.is_file() and name in {
        node.name
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }


def test_what_is_here_is_in_the_table():
    """Each file named for a case is named by it."""
    named = set(re.findall(r"tests/hostile/(test_h\w+\.py)", TABLE))
    assert {path.name for path in HERE.glob("test_h[0-9]*.py")} == named
