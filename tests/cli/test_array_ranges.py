from __future__ import annotations

from itertools import islice

import pytest

from zmqwork.cli.ranges import Ranges
from zmqwork.errors import UsageError


@pytest.mark.parametrize(
    ("text", "numbers", "shortest"),
    [
        ("7", [7], "7"),
        ("0-4", [0, 1, 2, 3, 4], "0-4"),
        ("0-2,20,30-39:4", [0, 1, 2, 20, 30, 34, 38], "0-2,20,30-38:4"),
        (" 3 , 1-2 ", [3, 1, 2], "3,1-2"),
        ("5,5,4-5", [5, 5, 4, 5], "5,5,4-5"),
        ("007-009", [7, 8, 9], "7-9"),
        ("8-8", [8], "8"),
        ("0-9:100", [0], "0"),
    ],
)
def test_numbers_and_ranges_in_the_order_they_were_written(text, numbers, shortest):
    ranges = Ranges.parse(text)
    assert list(ranges) == numbers
    assert ranges.count == len(numbers)
    assert str(ranges) == shortest
    assert list(Ranges.parse(shortest)) == numbers


def test_many_numbers_take_no_memory():
    ranges = Ranges.parse("0-999999999999999999,0-999999999999999999," * 20 + "1")
    assert ranges.count == 40 * 10**18 + 1
    assert list(islice(ranges, 3)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is no range of numbers: write numbers and ranges, as in 0-9,20,30-39:2"),
        ("1,,2", "'' is no range"),
        ("1,x", "'x' is no range"),
        ("0-9-3", "'0-9-3' is no range"),
        ("5:2", "'5:2' is no range"),
        ("-5", "numbers begin at 0"),
        ("1.5", "'1.5' is no range"),
        ("1_000", "'1_000' is no range"),
        ("\u0663", "is no range"),
        ("0-99%4", "how many run at a time is for --window to say"),
        ("9-0", "'9-0' ends before it begins"),
        ("0-9:0", "'0-9:0' never gets on"),
        ("9" * 19, "is no range"),
    ],
)
def test_what_is_no_range_is_named(text, said):
    with pytest.raises(UsageError) as caught:
        Ranges.parse(text)
    assert said in str(caught.value)
