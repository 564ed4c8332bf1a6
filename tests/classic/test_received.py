import random

import pytest

from zmqwork.classic.received import Received


def test_in_order():
    received = Received()
    for first in range(0, 1000, 10):
        received.add(first, 10)
    assert (received.count, received.duplicates) == (1000, 0)
    assert received.ranges() == ((0, 1000),)


def test_gaps_are_named_and_filled():
    received = Received()
    received.add(10, 5)
    received.add(30, 5)
    assert received.ranges() == ((10, 15), (30, 35))
    received.add(15, 15)  # touches both
    assert received.ranges() == ((10, 35),)
    assert (received.count, received.duplicates) == (25, 0)


@pytest.mark.parametrize("first", range(8))
@pytest.mark.parametrize("count", range(1, 9))
def test_what_came_before_is_a_duplicate(first, count):
    received = Received()
    received.add(2, 2)
    received.add(5, 1)
    before = {2, 3, 5}
    received.add(first, count)
    now = set(range(first, first + count))
    assert received.count == len(before | now)
    assert received.duplicates == len(before & now)


@pytest.mark.parametrize("seed", range(20))
def test_any_order(seed):
    chooser = random.Random(seed)
    received, seen, duplicates = Received(), set(), 0
    for _ in range(200):
        first, count = chooser.randrange(300), chooser.randrange(1, 12)
        numbers = set(range(first, first + count))
        duplicates += len(numbers & seen)
        seen |= numbers
        received.add(first, count)
    assert received.count == len(seen)
    assert received.duplicates == duplicates
    assert {n for first, end in received.ranges() for n in range(first, end)} == seen
    starts = [first for first, _ in received.ranges()]
    assert starts == sorted(starts)


def test_gaps_are_bounded():
    received = Received(gaps_max=3)
    for first in range(0, 20, 2):
        received.add(first, 1)
    assert len(received.ranges()) == 4  # three gaps
    assert received.count == 10  # what was in the others is not said to have come
    received.add(1, 1)
    assert (received.count, received.duplicates) == (10, 1)
