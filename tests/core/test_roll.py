from __future__ import annotations

import pytest
from desks import parcel

from zmqwork.core.delivery import End
from zmqwork.core.ranges import Ranges
from zmqwork.core.roll import Roll


@pytest.fixture
def roll():
    return Roll({}, {}, 3)


def end(roll, producer_id):
    roll.of(producer_id).end = End(1, 1)
    roll.changed()


def names(roll):
    return [collected.producer_id for collected in roll]


def test_the_same_producer_is_the_same(roll):
    assert roll.of("a") is roll.of("a")
    assert roll.of("b") is not roll.of("a")
    assert len(roll) == 2


def test_those_that_are_gone_are_forgotten_beyond_the_bound(roll):
    for name in "abcd":
        roll.of(name)
    assert names(roll) == ["b", "c", "d"]
    assert list(roll.met) == ["b", "c", "d"]
    assert roll.forgotten == 1


def test_those_that_are_needed_are_kept_beyond_it(roll):
    roll.connect("node", "a", "name-a")
    roll.of("b").receive(parcel(1))
    for name in "cdefghij":
        roll.of(name)
        assert {"a", "b", name} <= set(names(roll))
        assert len(roll) <= 4, "passed over, they go to the end"
    assert set(roll.met) == set(names(roll))


def test_what_an_inbox_remembers_is_known():
    roll = Roll({"old": Ranges([(1, 9)]), "b": Ranges(), "c": Ranges([(1, 2)])}, {"c": 2}, 2)
    assert (names(roll), roll.forgotten) == (["b", "c"], 1)
    assert not roll.met
    assert roll.of("c").stored == 2
    assert roll.of("new").stored == 0
    assert names(roll) == ["c", "new"]


def test_nodes_and_their_producers(roll):
    made = roll.connect("node", "run", "name-1")
    assert roll.of_node("node") is made
    assert roll.connect("node", "run", "name-1") is made, "another session of it"
    assert (made.sessions, made.name) == (1, "name-1")
    other = roll.connect("node", "another", "name-1")
    assert (made.sessions, other.sessions) == (0, 1)
    roll.disconnect("node")
    roll.disconnect("node")
    assert (other.sessions, roll.of_node("node")) == (0, None)


def test_complete_is_when_all_that_were_met_have_ended(roll):
    assert not roll.is_complete
    roll.connect("1", "a", "a")
    roll.of("b")
    end(roll, "a")
    assert not roll.is_complete
    end(roll, "b")
    assert roll.is_complete
    roll.connect("1", "a", "a")
    assert roll.is_complete, "a new session of the same node ends nothing anew"
    roll.connect("2", "a", "a")
    assert not roll.is_complete, "another node goes on with the same run"


def test_nobody_waits_for_a_producer_that_had_nothing(roll):
    roll.connect("1", "a", "a")
    end(roll, "a")
    roll.connect("2", "b", "b")
    assert not roll.is_complete
    roll.disconnect("2")
    assert roll.is_complete
    roll.connect("3", "c", "c")
    roll.of("c").receive(parcel(1))
    roll.disconnect("3")
    assert not roll.is_complete, "it has more, or has failed"


def test_whoever_is_forgotten_is_not_waited_for(roll):
    roll.of("a")
    for name in "bcd":
        end(roll, name)
    assert roll.is_complete
