"""Sets of numbers as ranges, against Python's own sets."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from zmqwork.core.ranges import Ranges, runs

pairs = st.tuples(st.integers(0, 40), st.integers(0, 6)).map(lambda p: (p[0], p[0] + p[1]))
numbers = st.lists(st.integers(0, 50), max_size=20)


def members(pairs):
    return {n for first, last in pairs for n in range(first, last + 1)}


@given(st.lists(pairs, max_size=12))
def test_is_the_set_of_all_that_was_added(pairs):
    ranges = Ranges(pairs)
    expected = members(pairs)
    assert {n for n in range(60) if n in ranges} == expected
    assert ranges.count == len(expected)
    assert ranges.end == max(expected, default=-1) + 1
    found = list(ranges)
    assert members(found) == expected
    assert len(ranges) == len(found)
    assert all(a[1] + 1 < b[0] for a, b in itertools.pairwise(found))


@given(st.lists(pairs, max_size=8), st.integers(0, 50), st.integers(0, 50), st.integers(0, 5))
def test_gaps_are_the_rest(pairs, first, last, count_max):
    ranges = Ranges(pairs)
    gaps = ranges.gaps(first, last, 100)
    assert members(gaps) == set(range(first, last + 1)) - members(pairs)
    assert ranges.gaps(first, last, count_max) == gaps[:count_max]


@given(numbers)
def test_runs_are_the_numbers_in_their_order(numbers):
    assert [n for first, last in runs(numbers) for n in range(first, last + 1)] == numbers


@given(numbers, numbers)
def test_adding_numbers_and_asking_for_some(there, asked):
    ranges = Ranges()
    ranges.add_all(there)
    assert members(ranges) == set(there)
    assert ranges.lack(asked) == set(there).isdisjoint(asked)


def test_what_comes_in_order_is_one_range():
    ranges = Ranges()
    for start in range(1, 10_000, 100):
        ranges.add_all(range(start, start + 100))
    assert repr(ranges) == "<Ranges [(1, 10000)]>"


@given(st.lists(pairs, max_size=12), pairs)
def test_lacks_all_of_a_range(there, asked):
    expected = not members([asked]) & members(there)
    assert Ranges(there).lack_all(*asked) == expected
