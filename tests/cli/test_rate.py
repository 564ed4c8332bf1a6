from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqwork.cli.rate import Bucket, parse_rate
from zmqwork.errors import UsageError


@pytest.mark.parametrize(
    ("text", "per_second"),
    [
        ("100/s", 100.0),
        ("100", 100.0),
        ("2.5", 2.5),
        (".5/s", 0.5),
        ("6/m", 0.1),
        ("6/min", 0.1),
        ("3600/h", 1.0),
        ("3600/hour", 1.0),
        ("86400/d", 1.0),
        (" 10/S ", 10.0),
    ],
)
def test_rates(text, per_second):
    assert parse_rate(text) == pytest.approx(per_second)


@pytest.mark.parametrize(
    "text", ["", "fast", "100/", "/s", "100/week", "-5/s", "1e3", "nan", "inf", "5 / s", "5/5s"]
)
def test_what_is_no_rate_is_said_with_what_is(text):
    with pytest.raises(UsageError, match="is no rate: write 100/s, 5/m, 1000/h"):
        parse_rate(text)


@pytest.mark.parametrize("text", ["0", "0/s", "9999999999/s", "0.000001/d", "9" * 400])
def test_a_rate_that_nobody_can_keep(text):
    with pytest.raises(UsageError, match="that can be kept"):
        parse_rate(text)


def test_without_a_burst_tokens_come_one_by_one():
    bucket = Bucket(10.0, burst=1)
    assert bucket.take(5.0) == 0.0
    assert bucket.take(5.0) == pytest.approx(0.1)
    assert bucket.take(5.0) == pytest.approx(0.2)
    assert bucket.take(5.25) == pytest.approx(0.05)
    assert bucket.take(9.0) == 0.0
    assert bucket.take(9.05) == pytest.approx(0.05)


def test_a_pause_saves_up_no_more_than_a_burst():
    bucket = Bucket(10.0, burst=3)
    for _ in range(2):
        now = 100.0
        assert [round(bucket.take(now), 6) for _ in range(5)] == [0.0, 0.0, 0.0, 0.1, 0.2]
        bucket = Bucket(10.0, burst=3)
        bucket.take(0.0)


def test_being_late_by_less_than_the_burst_costs_nothing():
    bucket = Bucket(100.0)  # a burst of 10
    for _ in range(10):
        assert bucket.take(0.0) == 0.0
    assert bucket.take(0.0) == pytest.approx(0.01)
    # The 50 ms that nobody looked are made up for.
    assert [bucket.take(0.06) for _ in range(5)] == [0.0] * 5
    assert bucket.take(0.06) == pytest.approx(0.01)


def test_the_burst_is_a_tenth_of_a_second():
    for per_second, burst in ((100.0, 10), (5.0, 1), (0.01, 1), (25_000.0, 2_500)):
        bucket = Bucket(per_second)
        taken = [bucket.take(0.0) for _ in range(burst + 1)]
        assert taken[:burst] == [0.0] * burst
        assert taken[burst] == pytest.approx(1 / per_second)


@given(
    st.floats(0.1, 10_000),
    st.integers(1, 20),
    st.lists(st.floats(0, 2), min_size=2, max_size=60),
)
def test_no_span_of_time_sees_more_than_its_share(per_second, burst, pauses):
    bucket = Bucket(per_second, burst)
    now, went_at = 0.0, []
    for pause in pauses:
        now += pause
        now += bucket.take(now)
        went_at.append(now)
    for first, begun_at in enumerate(went_at):
        for last, ended_at in enumerate(went_at[first:], first):
            assert last - first + 1 <= per_second * (ended_at - begun_at) + burst + 1e-6
