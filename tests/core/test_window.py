from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqwork.core.window import Window, adjust, share


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


@pytest.mark.parametrize(
    ("total", "limits", "shares", "exact", "told"),
    [
        (8, [], [], False, []),
        (8, [-1], [8], False, [(0, 8)]),
        (8, [-1], [0], False, [(0, 0)]),
        (8, [8], [8], True, []),
        # Lowered ones first, and small changes only where each slot counts.
        (8, [0, 8], [4, 4], False, [(1, 4), (0, 4)]),
        (100, [50, 50], [55, 45], False, []),
        (100, [50, 50], [55, 45], True, [(1, 45), (0, 55)]),
        # The total sank: whoever is above its share gives, and nobody else is told anything.
        (90, [50, 50], [45, 45], False, [(0, 45), (1, 45)]),
        (90, [60, 40], [50, 40], False, [(0, 50)]),
        # One joins five that have all there is: a sixth of each is less than a quarter.
        (60, [12] * 5 + [-1], [10] * 6, False, [(n, 10) for n in range(6)]),
        (60, [12] * 5 + [0], [10] * 6, False, [(n, 10) for n in range(6)]),
        # One whose raise is not worth telling takes nothing from anybody.
        (60, [11, 9, 10, 10, 10, 10], [10] * 6, False, []),
        # As few are lowered as it takes.
        (60, [14, 12, 11, 11, 11, 0], [10, 10, 10, 10, 10, 1], False, [(0, 10), (5, 1)]),
    ],
)
def test_which_limits_are_told(total, limits, shares, exact, told):
    assert adjust(total, limits, shares, exact=exact) == told


@given(st.data())
def test_nobody_is_left_at_zero_for_what_others_have_too_much(data):
    total = data.draw(st.integers(1, 200))
    claims = data.draw(st.lists(st.tuples(st.booleans(), st.integers(0, 50)), max_size=9))
    shares = share(total, claims)
    limits, left = [], data.draw(st.sampled_from((total, 2 * total)))  # the total may have sunk
    for _ in claims:
        limits.append(data.draw(st.integers(-1, left)))
        left -= max(0, limits[-1])
    exact = data.draw(st.booleans())
    told = adjust(total, limits, shares, exact=exact)
    after = limits[:]
    for index, limit in told:
        after[index] = limit
        assert sum(max(0, n) for n in after) <= max(total, sum(max(0, n) for n in limits))
    assert sum(after) <= total
    assert all(after[n] > 0 for n, due in enumerate(shares) if due)
    # What was told is not told again: nothing flickers.
    assert adjust(total, after, shares, exact=exact) == []
