from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqwork.bench.histogram import Histogram

seconds = st.floats(min_value=1e-9, max_value=1e6)


def histogram(values):
    made = Histogram()
    for value in values:
        made.add(value)
    return made


def nearest_rank(values, share):
    """By sorting them all."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


@given(st.lists(seconds, min_size=1), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))
def test_a_percentile_is_known_to_two_per_cent(values, share):
    told = histogram(values).percentile(share)
    assert told == pytest.approx(nearest_rank(values, share), rel=0.016)
    assert min(values) <= told <= max(values)


@given(st.lists(seconds), st.lists(seconds))
def test_two_that_are_merged_are_one_of_all(some, others):
    made = histogram(some)
    made.merge(histogram(others))
    both = histogram(some + others)
    assert made.plain() | {"total": 0} == both.plain() | {"total": 0}
    assert made.total == pytest.approx(both.total)


@given(st.lists(seconds))
def test_it_is_the_same_when_it_is_read_again(values):
    made = histogram(values)
    again = Histogram.of(json.loads(json.dumps(made.plain())))
    assert json.dumps(again.plain()) == json.dumps(made.plain())


def test_the_extremes_are_exact():
    made = histogram([0.0123, 4.0, 0.0001, 3.99])
    assert (made.least, made.most, made.count) == (0.0001, 4.0, 4)
    assert made.percentile(1.0) == 4.0
    assert made.percentile(0.0) == pytest.approx(0.0001, rel=0.016)


def test_an_empty_one_knows_nothing():
    assert Histogram().percentile(0.5) is None


def test_no_time_at_all_is_counted():
    made = histogram([0.0, 0.0])
    assert (made.percentile(0.5), made.count) == (0.0, 2)


def test_many_values_take_little_room():
    chance = random.Random(1)
    made = histogram(chance.lognormvariate(-7, 1) for _ in range(20_000))
    assert len(made.plain()["buckets"]) < 1_000


@pytest.mark.parametrize(
    "change",
    [
        {"per_octave": 32},
        {"count": 3},
        {"buckets": [[1, -2], [2, 4]], "count": 2},
        {"buckets": "many"},
        {"least": None},
    ],
)
def test_what_is_none_is_refused(change):
    plain = histogram([0.5, 0.7]).plain()
    with pytest.raises((KeyError, TypeError, ValueError)):
        Histogram.of(plain | change)
