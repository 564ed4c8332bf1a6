"""Tasks with `validate=True` on the command line: the argument is named, and the record's line."""

from __future__ import annotations

import json

import pytest

SHOP = """
from typing import NamedTuple

import zmqwork

app = zmqwork.App("shop", validate=True)

class Place(NamedTuple):
    row: int
    column: int

@app.task(max_retries=0)
def sell(item: str, count: int = 1, place: Place | None = None) -> str:
    return f"{count} {item} {place}"

@app.task
def note(text: str, stars: int): ...
"""

COUNT = "sell: argument 'count' must be int, and is str ('two')"


@pytest.fixture
def shop(project):
    (project / "shop.py").write_text(SHOP)
    return project


@pytest.fixture
def serving(shop, start):
    """A worker of the shop."""
    process = start("worker", "shop:app", "-c", "1", "-o", "json")
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return process


def test_call_names_the_argument_and_sends_nothing(shop, zmqwork):
    for words in (("apple", "two"), ("apple", "--kwargs", '{"count": "two"}')):
        done = zmqwork("call", "shop:app", "sell", *words)
        assert (done.stdout, done.returncode) == ("", 2)
        assert done.stderr.strip().endswith(COUNT)


def test_call_of_what_fits(serving, zmqwork):
    done = zmqwork("call", "shop:app", "sell", "apple", "2", "[3, 4]")
    assert (done.stdout, done.returncode) == ("2 apple Place(row=3, column=4)\n", 0)


def vent(zmqwork, shop, name, text, *words):
    (shop / name).write_text(text)
    option = f"--{name.rpartition('.')[2]}"
    return zmqwork("ventilator", "shop:app", "sell", option, name, *words, "--no-sink")


LINES = '{"item": "apple"}\n{"item": "pear", "count": "two"}\n["plum", 3]\n'


def test_a_record_that_does_not_fit_is_named_by_its_line(serving, shop, zmqwork):
    done = vent(zmqwork, shop, "sales.jsonl", LINES)
    assert done.returncode == 65
    assert f"sales.jsonl, line 2: {COUNT}" in done.stderr
    assert '{"item": "pear", "count": "two"}' in done.stderr
    assert "Traceback" not in done.stderr


def test_it_is_left_out_if_that_is_wanted(serving, shop, zmqwork):
    done = vent(
        zmqwork, shop, "sales.jsonl", LINES, "--skip-bad", "--errors", "bad.jsonl", "-o", "json"
    )
    assert done.returncode == 1
    ended = json.loads(done.stdout.splitlines()[-1])
    assert (ended["read"], ended["bad"], ended["succeeded"]) == (3, 1, 2)
    assert (shop / "bad.jsonl").read_text() == LINES.splitlines(keepends=True)[1]


def test_a_dry_run_finds_it_too(shop, zmqwork):
    done = vent(zmqwork, shop, "sales.jsonl", LINES, "--dry-run")
    assert done.returncode == 65
    assert f"line 2: {COUNT}" in done.stderr


def test_so_it_is_with_csv(serving, shop, zmqwork):
    """Its cells become what is annotated; what they cannot become is said by the column."""
    (shop / "notes.csv").write_text("text,stars\ngood,5\n")
    done = zmqwork("ventilator", "shop:app", "note", "--csv", "notes.csv", "--no-sink")
    assert done.returncode == 0, done.stderr
    (shop / "notes.csv").write_text("text,stars\ngood,many\n")
    done = zmqwork("ventilator", "shop:app", "note", "--csv", "notes.csv", "--no-sink")
    assert done.returncode == 65
    assert "line 2, column 'stars'" in done.stderr
