from __future__ import annotations

import pytest
from desks import node_id, parcel
from hypothesis import given, settings
from hypothesis import strategies as st

from zmqwork.core.collected import Collected, spans_of
from zmqwork.core.delivery import HAS_HOLDING, HAS_NOT, HAS_TAKEN, End
from zmqwork.core.ranges import Ranges


@pytest.fixture
def collected():
    return Collected(node_id("p"))


def test_what_is_new_is_kept_as_it_came(collected):
    for came in (parcel(1, 2, 3), parcel(9, 7), parcel(5)):
        assert collected.receive(came) is came
    assert collected.states([0, 1, 4, 5, 7, 8, 9]) == [
        HAS_NOT, HAS_HOLDING, HAS_NOT, HAS_HOLDING, HAS_HOLDING, HAS_NOT, HAS_HOLDING,
    ]  # fmt: skip
    collected.store([1, 2, 9])
    assert collected.states([1, 3, 9]) == [HAS_TAKEN, HAS_HOLDING, HAS_TAKEN]
    assert (collected.received, collected.stored, len(collected.held)) == (6, 3, 3)
    assert list(collected.taken()) == [(1, 2), (9, 9)]
    assert repr(collected) == "<Collected 00000000, 3 stored, 3 held>"


def test_nothing_new_is_nothing(collected):
    collected.receive(parcel(1, 2))
    assert collected.receive(parcel(2, 1)) is None
    assert collected.receive(parcel()) is None
    assert collected.received == 2


def test_of_a_parcel_the_new_ones_are_kept_with_their_values(collected):
    collected.receive(parcel(2, 4))
    came = parcel(1, 2, 3, 4, 5)
    came.values = [b"1", b"2", b"3", b"4", b"5"]
    kept = collected.receive(came)
    assert (kept.sink_seqs, kept.seqs) == ([1, 3, 5], [101, 103, 105])
    assert (kept.values, kept.name, kept.producer_id) == ([b"1", b"3", b"5"], "f", node_id("p"))


@pytest.mark.parametrize("before", [(), (7,)])
def test_a_number_twice_in_one_parcel_counts_once(collected, before):
    collected.receive(parcel(*before))
    kept = collected.receive(parcel(4, 5, 4, *before))
    assert sorted(kept.sink_seqs) == [4, 5]
    assert collected.received == 2 + len(before)


def test_below_the_floor_all_is_taken(collected):
    collected.receive(parcel(1, 4))
    assert not collected.raise_floor(1)
    assert collected.raise_floor(4)
    assert not collected.raise_floor(3)
    assert collected.states([1, 2, 3, 4, 5]) == [
        HAS_TAKEN, HAS_TAKEN, HAS_TAKEN, HAS_HOLDING, HAS_NOT,
    ]  # fmt: skip
    assert list(collected.taken()) == [(1, 3)]
    assert collected.receive(parcel(2, 3)) is None
    assert collected.stored == 0, "numbers without a result are not counted as results"


def test_the_end(collected):
    collected.receive(parcel(1, 2, 5))
    collected.store([1, 2, 5])
    end = End(6, 4)
    collected.finish(end, node_id("p"))
    assert collected.ended(end).missing == [[3, 4], [6, 6]]
    assert collected.ended(end).taken == 3
    assert collected.lacking(end) == 1, "two of the three holes have failed"
    assert collected.lacking(End(5, 2)) == 0


def test_whoever_goes_on_has_not_ended(collected):
    collected.finish(End(2, 2), node_id("p"))
    collected.receive(parcel(1, 2))
    assert collected.end == End(2, 2)
    collected.receive(parcel(3))
    assert collected.end is None


def test_an_inbox_remembers():
    collected = Collected("run", Ranges([(1, 3), (7, 7)]), 3)
    assert collected.stored == 3, "a floor may have closed a hole"
    assert collected.receive(parcel(3, 7)) is None
    assert collected.states([3, 4]) == [HAS_TAKEN, HAS_NOT]


def test_idle_is_who_is_gone_and_owed_nothing(collected):
    assert collected.is_idle
    collected.receive(parcel(1))
    assert not collected.is_idle
    collected.store([1])
    collected.finish(End(1, 1), node_id("p"))
    assert not collected.is_idle
    collected.ending.clear()
    collected.sessions = 1
    assert not collected.is_idle


def test_numbers_in_any_order_are_ranges_in_order():
    assert spans_of([3, 4, 5]) == [(3, 5)]
    assert spans_of([5, 1, 3, 2]) == [(1, 3), (5, 5)]


def test_what_is_missing_of_several_spans(collected):
    collected.receive(parcel(1, 2, 4, 101, 103))
    collected.store([1, 2, 4, 101, 103])
    end = End(104, 7, [[1, 4], [101, 104]])
    assert end.given == 8
    assert collected.ended(end).missing == [[3, 3], [102, 102], [104, 104]]
    assert collected.lacking(end) == 2


parcels = st.lists(st.lists(st.integers(1, 12), max_size=6), max_size=8)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(parcels, st.sets(st.integers(1, 12)), st.integers(0, 8))
def test_each_number_is_kept_once(came, stored, floor):
    collected = Collected(node_id("p"))
    seen = set()
    for numbers in came:
        kept = collected.receive(parcel(*numbers))
        new = set(numbers) - seen
        assert sorted(kept.sink_seqs if kept else []) == sorted(new)
        seen |= new
    stored &= seen
    collected.store(sorted(stored))
    if floor > 1:
        collected.raise_floor(floor)
    taken = stored | set(range(1, floor))
    found = [n for first, last in collected.taken() for n in range(first, last + 1)]
    assert found == sorted(taken)
    states = [HAS_TAKEN if n in taken else HAS_HOLDING if n in seen else HAS_NOT for n in range(15)]
    assert collected.states(list(range(15))) == states
