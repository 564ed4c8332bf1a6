"""Which columns there are, and what goes where."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from zmqwork.errors import ConfigError, StoreError
from zmqwork.nodes.store import Record
from zmqwork.sinks.csv_rows import CsvRows, split


@dataclass
class Size:
    width: int
    height: int


def written(rows, *results):
    records = [Record(f"p-{n}", "f", "p", n, result) for n, result in enumerate(results, 1)]
    lines = rows.lines(records)
    return rows.header() + lines


@pytest.mark.parametrize(
    ("columns", "results", "text"),
    [
        (None, [{"b": 1, "a": [2]}, {"a": True}], "task_id,task,b,a\np-1,f,1,[2]\np-2,f,,true\n"),
        (None, [{"task": "own"}], "task_id,task\np-1,own\n"),
        (None, [Size(3, 4)], "task_id,task,width,height\np-1,f,3,4\n"),
        (None, [5, (1, 2), {"x": 1}], 'task_id,task,result\np-1,f,5\np-2,f,"[1, 2]"\np-3,f,"{""x"": 1}"\n'),
        (None, [None], "task_id,task,result\np-1,f,\n"),
        (["n"], [5, {"n": 6}], "n\n5\n6\n"),
        (["h", "task_id", "w"], [(1, 2), [3, 4]], "h,task_id,w\n1,p-1,2\n3,p-2,4\n"),
        (["b", "a"], [{"a": 1}], "b,a\n,1\n"),
        (["x"], ["a,b", 'say "hi"', "two\nlines", "cr\rlf", "", "é"], 'x\n"a,b"\n"say ""hi"""\n"two\nlines"\n"cr\rlf"\n""\né\n'),
    ],
)  # fmt: skip
def test_what_goes_where(columns, results, text):
    assert written(CsvRows(columns), *results) == text


def test_what_does_not_fit():
    rows = CsvRows(["a", "b"])
    with pytest.raises(StoreError, match=r"p-1 \(f\) has the key 'c'; the columns are a, b\. Name"):
        written(rows, {"a": 1, "c": 2})
    with pytest.raises(StoreError, match="is of type tuple with 3 items, not a dict"):
        written(rows, (1, 2, 3))
    with pytest.raises(StoreError, match="is of type int, not a dict"):
        written(rows, 5)
    assert written(CsvRows(["a", "b"], "drop"), {"a": 1, "c": 2}) == "a,b\n1,\n"


@pytest.mark.parametrize("unknown", ["refuse", "drop"])
def test_two_keys_that_are_one_column(unknown):
    """Else the second would take the place of the first."""
    for columns in (None, ["a", "1"]):
        with pytest.raises(StoreError, match=r"p-2 \(f\) has two keys for the column '1', as 1"):
            written(CsvRows(columns, unknown), {"a": 0, 1: 1}, {"a": 0, 1: 1, "1": 2})


@pytest.mark.parametrize("columns", [[], "ab", ["a", ""], ["a", 1], ["a", "a"]])
def test_columns_that_are_none(columns):
    with pytest.raises(ConfigError, match="columns"):
        CsvRows(columns)


def test_an_option_that_is_none():
    with pytest.raises(ConfigError, match="'refuse' or 'drop'"):
        CsvRows(None, "keep")


def test_split():
    assert split('a,"b,c"') == ["a", "b,c"]
    assert split("") == []
