from __future__ import annotations

from random import Random

import pytest

from zmqwork.core.ledger import TaskSpec
from zmqwork.core.retry import another_attempt, retry_delay
from zmqwork.options import TaskOptions


@pytest.mark.parametrize(
    ("failures", "ceiling"), [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 10.0), (10_000, 10.0)]
)
def test_full_jitter_below_a_doubling_ceiling(failures, ceiling):
    options = TaskOptions(retry_backoff=1.0, retry_backoff_max=10.0)
    random = Random(1)
    delays = [retry_delay(options, failures, random) for _ in range(200)]
    assert 0.0 <= min(delays) < 0.2 * ceiling
    assert 0.8 * ceiling < max(delays) <= ceiling


def test_no_backoff_means_at_once():
    assert retry_delay(TaskOptions(retry_backoff=0.0), 7, Random(1)) == 0.0


def test_the_same_seed_gives_the_same_delay():
    options = TaskOptions()
    assert retry_delay(options, 2, Random(5)) == retry_delay(options, 2, Random(5))


def test_without_jitter_it_is_the_ceiling():
    options = TaskOptions(retry_backoff=2.0, retry_backoff_max=10.0, retry_jitter=False)
    assert [retry_delay(options, n, Random(1)) for n in (1, 2, 3, 4)] == [2.0, 4.0, 8.0, 10.0]


def given(**options):
    return TaskSpec("f", "", TaskOptions(countdown=60.0, **options))


@pytest.mark.parametrize(
    ("retries", "error", "left", "countdown"),
    [
        (2, {}, 1, 0.0),
        (2, {"after": 5.0}, 1, 5.0),
        (1, {}, 0, 0.0),
        (0, {"after": 5.0, "snooze": True}, 0, 5.0),
    ],
)
def test_a_call_that_comes_back_from_outside_the_ledger(retries, error, left, countdown):
    again = another_attempt(given(max_retries=retries), error)
    assert (again.options.max_retries, again.options.countdown) == (left, countdown)


def test_a_call_that_does_not_come_back():
    assert another_attempt(given(max_retries=0), {}) is None
    assert another_attempt(given(max_retries=9), {"final": True}) is None


def test_calls_of_one_kind_come_back_as_one_kind():
    first = another_attempt(given(max_retries=2), {})
    assert another_attempt(given(max_retries=2), {"text": "another"}) is first
    assert another_attempt(given(max_retries=2), {"after": 1.0}) is not first
