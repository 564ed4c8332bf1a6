from __future__ import annotations

import pytest

from zmqwork.bench.cases import Case
from zmqwork.bench.worth import plain_call, worth


@pytest.mark.parametrize("slots", [2, 3, 16])
def test_at_the_break_even_both_take_the_same(slots):
    there, here = 40e-6, 0.2e-6
    length = worth(there, here, 10e-6, slots).sooner
    assert here + length == pytest.approx(there + length / slots)
    longer = 1.1 * length
    assert here + longer > there + longer / slots


def test_on_one_slot_nothing_is_done_sooner_and_this_process_is_relieved_all_the_same():
    found = worth(40e-6, 0.2e-6, 10e-6, 1)
    assert found.sooner is None
    assert found.relief == pytest.approx(9.8e-6)


def test_no_length_is_negative():
    found = worth(1e-6, 5e-6, 1e-6, 4)
    assert (found.sooner, found.relief) == (0.0, 0.0)


def test_a_plain_call_is_one_that_takes_no_time_of_its_own():
    assert 0 < plain_call(Case("request", "echo", 10, 1, 0.0)) < 0.01
    assert plain_call(Case("request", "cpu", 0, 1, 0.1)) is None
