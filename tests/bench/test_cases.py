from __future__ import annotations

import pytest

from zmqwork.bench.cases import FLYING_BYTES_MAX, KINDS, Case, cases, size
from zmqwork.errors import UsageError

MIB = 1024 * 1024


def test_every_combination_once_and_in_order():
    found = cases(["request", "map"], "echo", [0, 1024], [1, 100])
    assert [(c.form, c.payload_bytes, c.in_flight) for c in found] == [
        ("request", 0, 1),
        ("request", 0, 100),
        ("request", 1024, 1),
        ("request", 1024, 100),
        ("map", 0, 0),
        ("map", 1024, 0),
    ]


def test_large_payloads_in_flight_are_bounded_and_measured_once():
    found = cases(["request"], "echo", [MIB, 0], [1, 100, 1000])
    assert [(c.payload_bytes, c.in_flight) for c in found] == [
        (MIB, 1), (MIB, 64), (0, 1), (0, 100), (0, 1000),
    ]  # fmt: skip
    assert all(c.payload_bytes * c.in_flight <= FLYING_BYTES_MAX for c in found)
    (huge,) = cases(["request"], "noop", [2 * FLYING_BYTES_MAX], [5])
    assert huge.in_flight == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_answer_is_what_the_task_returns(kind):
    lasting = kind in ("sleep", "cpu")
    case = Case("request", kind, 0 if lasting else 3, 1, 0.001 if lasting else 0.0)
    assert case.task.name == kind
    assert case.task(case.argument) == case.answer


def test_what_crosses_the_network():
    moved = {kind: Case("request", kind, 10, 1, 0.0).moved_bytes for kind in ("echo", "noop")}
    assert moved == {"echo": 20, "noop": 10}
    assert Case("request", "sleep", 0, 1, 0.1).moved_bytes == 0


def test_what_contradicts_itself_is_refused():
    with pytest.raises(UsageError, match="--length, and no --payload"):
        cases(["request"], "sleep", [1024], [1], 0.1)
    with pytest.raises(UsageError, match="--payload, and no --length"):
        cases(["request"], "echo", [0], [1], 0.1)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (1000, "1000"), (1024, "1k"), (65_536, "64k"), (MIB, "1M"), (3 << 30, "3G")],
)
def test_sizes_are_told_as_they_are_given(count, text):
    assert size(count) == text
