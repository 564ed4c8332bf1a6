"""The pages of the patterns say what is: their table, their code, the tests that they name."""

from __future__ import annotations

import re
from importlib import import_module

import pytest
from pattern_programs import HERE, ROOT

from zmqwork import patterns

PAGES = ROOT / "docs" / "patterns"
NAMES = ["fanout", "freelance", "pirate", "scatter", "stages"]


def rows(text):
    """The table's rows, without its head; what is a link in one and code in the other is a name."""
    table = re.findall(r"^\|.*\|$", text, re.MULTILINE)[2:]
    return [re.sub(r"^\| (?:\[(\w+)\]\(\1\.md\)|`(\w+)`) \|", r"| \1\2 |", row) for row in table]


def test_the_table_is_that_of_the_package():
    table = rows((PAGES / "README.md").read_text("utf-8"))
    assert table == rows(patterns.__doc__)
    assert [row.split(" | ")[0].strip("| ") for row in table] == patterns.__all__
    assert all(row.count(" | ") == 3 for row in table)


def test_each_pattern_is_a_module_with_a_page_and_an_example():
    assert patterns.__all__ == sorted(patterns.__all__)
    assert set(NAMES) <= set(patterns.__all__)
    for name in patterns.__all__:
        assert (PAGES / f"{name}.md").is_file(), name
    for name in NAMES:
        assert (ROOT / "examples" / "patterns" / f"{name}.py").is_file(), name


@pytest.mark.parametrize("name", NAMES)
def test_each_module_opens_with_what_it_is(name):
    text = import_module(f"zmqwork.patterns.{name}").__doc__
    picture, guarantee, use, origin = re.split(r"\n\n(?=\*\*)", text.split("::\n\n", 1)[1])
    assert picture.startswith("    ")
    assert guarantee.startswith("**Guarantee:** ")
    assert use.startswith("**Use it** ")
    assert origin.startswith("**From** the ZeroMQ guide, chapter ")


@pytest.mark.parametrize("name", NAMES)
def test_the_code_of_a_page_is_code_that_is_run(name):
    """Each block stands in the file that was named last before it."""
    text = (PAGES / f"{name}.md").read_text("utf-8")
    parts = re.split(r"^From \[[\w/.]+\]\(([\w/.]+)\):$", text, flags=re.MULTILINE)
    blocks = 0
    for path, part in zip(["nowhere", *parts[1::2]], parts[0::2], strict=True):
        for block in re.findall(r"^```python\n(.*?)^```$", part, re.MULTILINE | re.DOTALL):
            assert block in (PAGES / path).resolve().read_text("utf-8"), block
            blocks += 1
    assert blocks == text.count("\n```") // 2 >= 3


@pytest.mark.parametrize("name", NAMES)
def test_the_tests_of_a_page_exist(name):
    """One at least runs the raw form into its failure, and one runs ours through the same."""
    named = re.findall(r"`(test_\w+)`", (PAGES / f"{name}.md").read_text("utf-8"))
    tests = (HERE / f"test_{name}_pattern.py").read_text("utf-8")
    assert [test for test in named if f"def {test}(" not in tests] == []
    raw = [test for test in named if test.startswith("test_raw_")]
    assert raw
    assert len(raw) < len(named)
