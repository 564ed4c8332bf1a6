from __future__ import annotations

from zmqwork.core.numbering import FRESH, GAP, OLD, Numbering


def test_the_two_directions_count_by_themselves():
    numbers = Numbering()
    assert [numbers.next(), numbers.next()] == [1, 2]
    assert numbers.judge(1) == FRESH
    assert numbers.next() == 3


def test_each_number_is_taken_once_and_in_order():
    numbers = Numbering()
    assert [numbers.judge(n) for n in (1, 2, 2, 1, 4, 3, 4)] == [
        FRESH, FRESH, OLD, OLD, GAP, FRESH, FRESH,
    ]  # fmt: skip
    assert numbers.judge(0) == OLD
    assert numbers.judge(-5) == OLD
