"""The table of taken numbers says the same as a set of them."""

from __future__ import annotations

import itertools
import sqlite3
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_batches import batch

from zmqwork.sinks import taken

numbers = st.lists(st.integers(1, 40), min_size=1, max_size=12, unique=True)
steps = st.lists(
    st.tuples(st.sampled_from("ab"), numbers, st.dictionaries(st.sampled_from("abc"), st.integers(0, 50), max_size=2)),
    max_size=10,
)  # fmt: skip


@pytest.fixture(scope="module")
def connection():
    connection = sqlite3.connect(":memory:")
    for statement in taken.TABLES:
        connection.execute(statement)
    yield connection
    connection.close()


@given(steps)
def test_it_is_a_set_of_numbers(connection, steps):
    cursor = connection.cursor()
    cursor.execute("DELETE FROM zmqwork_taken")
    cursor.execute("DELETE FROM zmqwork_producers")
    model, order, results = {}, [], Counter()
    for at, (producer_id, fresh, floors) in enumerate(steps, 1):
        taken.record(cursor, batch(fresh, producer_id=producer_id, floors=floors), at)
        heard = [name for name, floor in floors.items() if floor > 1] + [producer_id]
        for name in heard:
            model.setdefault(name, set()).update(range(1, floors.get(name, 0)))
        model[producer_id] |= set(fresh)
        results[producer_id] += len(fresh)
        order = [name for name in order if name not in heard] + sorted(set(heard))
    ranges, counts, number = taken.load(cursor)
    assert {name: expand(pairs) for name, pairs in ranges.items()} == {
        name: sorted(held) for name, held in model.items()
    }
    assert counts == {name: results[name] for name in model}, "a floor brings no results"
    for pairs in ranges.values():
        assert all(a[1] + 1 < b[0] for a, b in itertools.pairwise(pairs))
    assert number == len(steps)
    if order:
        heard_last = set(heard)
        assert list(ranges)[-1] in heard_last


def expand(pairs):
    return [number for first, last in pairs for number in range(first, last + 1)]


def test_a_batch_of_many_holes_becomes_one_range(connection):
    cursor = connection.cursor()
    taken.record(cursor, batch(range(1, 2000, 2), producer_id="x"), 1)
    taken.record(cursor, batch(range(2, 2000, 2), producer_id="x"), 2)
    assert taken.load(cursor)[0]["x"] == [(1, 1999)]
