from __future__ import annotations

from random import Random

import pytest

from zmqwork.config import TaskOptions
from zmqwork.core.retry import retry_delay


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
