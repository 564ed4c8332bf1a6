from __future__ import annotations

import pytest

from zmqwork.core.window import Window, share


def test_nothing_is_hoarded_while_run_times_are_unknown_or_long():
    window = Window(4, 1000)
    assert window.total() == 4
    window.ran(1, 0.2)
    assert window.total() == 4


def test_short_tasks_are_fetched_ahead_for_the_round_trip():
    window = Window(2, 1000)
    window.ran(10, 0.01)  # 1 ms each
    window.acked(0.008, 1.0)
    # 16 ms ahead: 16 per slot, as the next power of two.
    assert window.round_trip == pytest.approx(0.008)
    assert window.total() == 2 + 2 * 16


def test_prefetch_is_bounded():
    window = Window(2, 100)
    window.ran(1_000_000, 1e-3)
    window.acked(5.0, 1.0)
    assert window.total() == 102
    nothing = Window(2, 0)
    nothing.ran(1_000_000, 1e-3)
    assert nothing.total() == 2


def test_it_does_not_flicker():
    window = Window(1, 10_000)
    window.ran(1000, 1.0)
    window.acked(0.1, 0.0)
    high = window.total()
    window.ran(1000, 2.0)  # twice as long each: half as many would do
    assert window.total() == high
    window.ran(1_000_000, 100_000.0)
    assert window.total() < high / 4


def test_a_long_mean_forgets_the_prefetch():
    window = Window(1, 100)
    window.ran(1, 0.001)
    assert window.total() > 1
    window.ran(1_000_000, 1_000_000.0)
    assert window.total() == 1


@pytest.mark.parametrize(
    ("total", "claims", "shares"),
    [
        (8, [], []),
        (8, [(False, 0)], [8]),
        (8, [(False, 0), (False, 0)], [4, 4]),
        (8, [(False, 3), (False, 0)], [8, 0]),
        (9, [(False, 3), (False, 1)], [5, 4]),
        (8, [(True, 8), (True, 0)], [4, 4]),
        (7, [(True, 0), (True, 0), (True, 0)], [3, 2, 2]),
        (1, [(True, 1), (True, 0)], [1, 0]),
        # Whoever waits gets what the others do not use.
        (4, [(False, 1), (True, 2)], [1, 3]),
        (4, [(False, 9), (True, 0)], [4, 0]),
        (9, [(False, 2), (True, 0), (False, 0), (True, 5)], [2, 4, 0, 3]),
    ],
)
def test_share(total, claims, shares):
    assert share(total, claims) == shares
    assert sum(shares) <= total
