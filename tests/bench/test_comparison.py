from __future__ import annotations

import pytest

from zmqwork.bench.cases import Case
from zmqwork.bench.comparison import compare, ratio


def test_what_is_in_both_is_divided(report, measurement):
    before = report(measurement(0.001, 0.004), measurement(payload_bytes=1024))
    after = report(measurement(0.002, 0.004, tasks=3000))
    found = compare(before, after)
    (pair,) = found.pairs
    assert pair.rate_ratio == 3
    assert pair.trip_ratio("p50") == pytest.approx(2, rel=0.032)
    assert pair.trip_ratio("p99") == 1
    plain = pair.plain()
    assert plain["tasks_per_second"] == {"before": 2000, "after": 6000, "ratio": 3}
    assert found.only_before == [Case("request", "echo", 1024, 100, 0.0)]
    assert found.only_after == []
    assert found.differences == []


def test_what_is_there_twice_is_taken_together(report, measurement):
    before = report(measurement(0.001), measurement(0.003, tasks=3000, call_seconds=None))
    (pair,) = compare(before, report(measurement())).pairs
    assert (pair.before.tasks, pair.before.seconds, pair.before.rate) == (4000, 1.0, 4000)
    assert (pair.before.trips.count, pair.before.trips.most) == (2, 0.003)
    assert pair.before.workers == {"anna-1#1a2b": 2000}
    assert before.measurements[0].trips.count == 1, "the measurements are what they were"


def test_what_else_differs_is_said(report, measurement, member):
    after = report(measurement(), members=[member(), member("b#1", "bert", slots=6)], keyed=True)
    said = compare(report(measurement()), after).differences
    assert said == [
        "transport: tcp, then tcp + CURVE",
        "hosts of workers: 1, then 2",
        "workers: 1, then 2",
        "slots: 2, then 8",
    ]


@pytest.mark.parametrize(
    ("after", "before", "told"),
    [(None, 1.0, None), (1.0, None, None), (1.0, 0.0, None), (3, 2, 1.5)],
)
def test_a_ratio_of_nothing_is_none(after, before, told):
    assert ratio(after, before) == told
