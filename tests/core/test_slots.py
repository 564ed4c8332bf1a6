from __future__ import annotations

import pytest

from zmqwork.core.pace import Pace
from zmqwork.core.slots import CHUNK_SECONDS, Slot


class Given:
    def __init__(self, name="short"):
        self.name = name
        self.begun = False


@pytest.fixture
def pace():
    known = Pace()
    known.observe("short", 1, CHUNK_SECONDS / 100)
    known.observe("medium", 1, CHUNK_SECONDS)
    known.observe("long", 1, 1.0)
    return known


def slot(*given):
    made = Slot(0)
    made.ready = True
    made.given.extend(given)
    return made


@pytest.mark.parametrize(
    ("name", "room"), [("short", 100), ("medium", 2), ("long", 1), ("unknown", 1)]
)
def test_an_empty_slot_takes_a_chunk_of_short_tasks_and_one_other(pace, name, room):
    assert slot().room(name, pace, 512) == room


def test_a_slot_that_is_not_ready_takes_nothing(pace):
    assert Slot(0).room("short", pace, 512) == 0


def test_a_chunk_is_bounded(pace):
    assert slot().room("short", pace, 64) == 64


def test_a_slot_is_topped_up_when_half_is_gone(pace):
    assert slot(*[Given()] * 51).room("short", pace, 512) == 0
    assert slot(*[Given()] * 50).room("short", pace, 512) == 50


def test_nothing_goes_behind_or_in_front_of_a_long_task(pace):
    assert slot(Given("long")).room("short", pace, 512) == 0
    assert slot(Given("short")).room("long", pace, 512) == 0


def test_look_tells_of_a_new_head_once():
    one, other = Given(), Given()
    some = slot(one, other)
    assert some.look(1.0)
    assert one.begun
    assert not other.begun
    assert not some.look(2.0)
    some.said = True
    some.given.popleft()
    assert some.look(3.0)
    assert (some.head, some.head_at, some.said) == (other, 3.0, False)
    some.given.clear()
    assert not some.look(4.0)
    assert some.head is None
