"""Whatever a result is, a line can be made of it, and a strict reader takes that line."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqwork.sinks.plain import cell, json_record, json_text, plain, raw


def strictly(text):
    def refuse(name):
        raise ValueError(name)

    return json.loads(text, parse_constant=refuse)


@dataclass
class Point:
    x: int
    label: bytes


class Odd:
    def __repr__(self):
        raise RuntimeError("no")


DEEP = []
for _ in range(100_000):
    DEEP = [DEEP]
CIRCLE = []
CIRCLE.append(CIRCLE)

KNOWN = [
    ({"a": [1, 2.5, None, True, "ü"]}, {"a": [1, 2.5, None, True, "ü"]}),
    ((1, (2, 3)), [1, [2, 3]]),
    ({3, 1, 2}, [1, 2, 3]),
    (frozenset({"a", 1}), ["a", 1]),
    (b"\xff\x00", "/wA="),
    (datetime(2026, 11, 26, 20, 15, tzinfo=UTC), "2026-11-26T20:15:00+00:00"),
    (date(2026, 11, 26), "2026-11-26"),
    (time(20, 15), "20:15:00"),
    (timedelta(minutes=1, milliseconds=500), 60.5),
    (Decimal("1.10"), "1.10"),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (Path("/tmp/a"), "/tmp/a"),
    (1 + 2j, [1.0, 2.0]),
    (math.nan, "NaN"),
    ([math.inf, {"x": -math.inf}], ["Infinity", {"x": "-Infinity"}]),
    ({1: "a", (1, b"x"): "b", None: "c"}, {"1": "a", '[1, "eA=="]': "b", "null": "c"}),
    ({1: math.nan, "1": 2}, {"$repr": "{1: nan, '1': 2}"}),
    (Point(1, b"x"), {"x": 1, "label": "eA=="}),
    ({(1,): Point(1, b"x")}, {"[1]": {"x": 1, "label": "eA=="}}),
    (2**70, 2**70),
    (1 << 20_000, hex(1 << 20_000)),
    ("a\nb\u2028\x00", "a\nb\u2028\x00"),
    (CIRCLE, {"$repr": "[[...]]"}),
]


@pytest.mark.parametrize(("value", "expected"), KNOWN, ids=lambda value: type(value).__name__)
def test_the_nearest_thing_that_json_has(value, expected):
    text = json_text(value)
    assert strictly(text) == expected
    assert "\n" not in text
    assert strictly(json_record("p-1", "f", value)) == {
        "task_id": "p-1",
        "task": "f",
        "result": expected,
    }


@pytest.mark.parametrize("value", [Odd(), DEEP, [Odd()], {"x": object}, object()])
def test_what_nobody_can_express_is_described(value):
    assert "$repr" in json_text(value)
    assert strictly(json_record("p-1", "f", value))["task_id"] == "p-1"


def test_halves_of_characters_are_escaped():
    name = b"a\xff".decode("utf-8", "surrogateescape")
    assert json_text([name, "é"]).encode() == rb'["a\udcff", "\u00e9"]'
    assert cell(name).encode() == rb"a\udcff"
    assert cell(Path(name)).encode() == rb"a\udcff"
    assert raw(name) == rb"a\udcff"


leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.datetimes(),
    st.decimals(allow_nan=False), st.complex_numbers(), st.timedeltas(),
)  # fmt: skip


def nested(keys):
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner), st.tuples(inner, inner), st.dictionaries(keys, inner), st.sets(leaves)
        ),
        max_leaves=12,
    )


@given(nested(leaves))
def test_every_line_can_be_read_strictly(value):
    strictly(json_text(value))
    assert strictly(json_record("p", "f", value))["result"] == strictly(json_text(value))
    cell(value).encode()


@given(nested(st.text()))
def test_both_ways_say_the_same(value):
    """The quick way, by json itself, and the careful one."""
    quick, careful = strictly(json_text(value)), strictly(json_text(plain(value)))
    assert quick == careful


@pytest.mark.parametrize(
    ("value", "text"),
    [("a,b", "a,b"), (None, ""), (True, "true"), (1.5, "1.5"), (b"x", "eA=="), ([1, "a"], '[1, "a"]'),
     (date(2026, 1, 2), "2026-01-02"), (math.nan, "NaN"), (Decimal("1.0"), "1.0")],
)  # fmt: skip
def test_a_cell(value, text):
    assert cell(value) == text


def test_raw():
    assert (raw(b"\xff"), raw("ü"), raw({"a": 1})) == (b"\xff", "ü".encode(), b'{"a": 1}')


def test_numpy_without_loading_it():
    numpy = pytest.importorskip("numpy")
    assert strictly(json_text({"a": numpy.arange(3), "b": numpy.float32(1.5)})) == {
        "a": [0, 1, 2],
        "b": 1.5,
    }
    assert strictly(json_text(numpy.array([[1.0, numpy.nan]]))) == [[1.0, "NaN"]]
    assert strictly(json_text(numpy.datetime64("2026-01-02T03:04:05.000000006"))) == (
        "2026-01-02T03:04:05.000000006"
    )
