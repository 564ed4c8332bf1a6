"""The table of threats in docs/security.md has all of them, and names tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "docs" / "security.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| (T\d+) \| .* \| (.*) \|$", TABLE, re.MULTILINE))


def test_all_of_them_are_there():
    assert list(ROWS) == [f"T{number}" for number in range(1, 19)]


def test_each_names_tests_that_exist():
    named = {threat: re.findall(r"`([\w/]+\.py)::(\w+)`", cell) for threat, cell in ROWS.items()}
    assert [threat for threat, tests in named.items() if not tests] == []
    assert [test for tests in named.values() for test in tests if not _defines(*test)] == []


def _defines(path: str, name: str) -> bool:
    file = ROOT / path
    return file.is_file() and name in {
        node.name
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
