from __future__ import annotations

import os

import pytest

from zmqwork.errors import DecodeError
from zmqwork.execution.frames import FrameReader
from zmqwork.execution.page import CANCELLED, FULL_BYTES, TAKEN, WANTED, Page, new_page
from zmqwork.wire import channel


@pytest.fixture
def sides():
    ours, descriptor = new_page()
    theirs = Page(descriptor)
    os.close(descriptor)
    yield ours, theirs
    ours.close()
    theirs.close()


def entry(number):
    return channel.OutcomePacker().entry((True, b"%d" % number))


def numbers(outcomes):
    return [int(value) for _, value in outcomes]


def test_what_is_begun_is_seen(sides):
    ours, theirs = sides
    assert ours.begun == 0
    theirs.begin(41)
    assert ours.begun == 42


def test_outcomes_are_seen_before_they_are_sent(sides):
    ours, theirs = sides
    for number in range(3):
        theirs.add(entry(number), 0.5 * number)
    base, seconds, outcomes = ours.outcomes()
    assert (base, seconds, numbers(outcomes)) == (0, 1.0, [0, 1, 2])


def test_they_are_a_frame_as_they_stand(sides):
    _, theirs = sides
    theirs.add(entry(7), 0.25)
    data = theirs.frame()
    reader = FrameReader()
    reader.room()[: len(data)] = data
    [frame] = reader.received(len(data))
    data.release()
    base, seconds, outcomes = channel.unpack_outcomes(frame)
    assert (base, seconds, numbers(outcomes)) == (0, 0.25, [7])


def test_sent_ones_are_gone_and_counted(sides):
    ours, theirs = sides
    theirs.add(entry(1), 0.1)
    theirs.add(entry(2), 0.1)
    theirs.sent(theirs.count)
    assert ours.outcomes() == (2, 0.0, [])
    theirs.add(entry(3), 0.1)
    base, _, outcomes = ours.outcomes()
    assert (base, numbers(outcomes)) == (2, [3])


def test_the_largest_entry_fits(sides):
    ours, theirs = sides
    theirs.add(b"\xc5\xff\xfc" + bytes(FULL_BYTES - 4), 0.1)
    assert theirs.size_bytes < FULL_BYTES
    theirs.add(b"\xc5\xff\xfd" + bytes(FULL_BYTES - 3), 0.1)
    assert [len(value) for _, value in ours.outcomes()[2]] == [FULL_BYTES - 4, FULL_BYTES - 3]


def test_flags(sides):
    ours, theirs = sides
    ours.flag(100_003, CANCELLED)
    assert theirs.is_cancelled(100_003)
    assert not theirs.is_cancelled(100_004)
    ours.flag(100_003, WANTED)
    assert not theirs.is_cancelled(100_003)


def flags(page, first, end):
    return [page.flags[index] for index in range(first, end)]


def test_what_was_not_begun_is_taken_back(sides):
    ours, theirs = sides
    theirs.begin(4)
    assert ours.take_back(4, 8) == 5
    assert flags(theirs, 4, 9) == [WANTED, TAKEN, TAKEN, TAKEN, WANTED]


def test_an_idle_child_has_begun_nothing_of_it(sides):
    ours, theirs = sides
    theirs.begin(3)
    assert ours.take_back(4, 6) == 4
    assert flags(theirs, 4, 6) == [TAKEN, TAKEN]


def test_all_of_it_may_have_been_begun(sides):
    ours, theirs = sides
    theirs.begin(7)
    assert ours.take_back(4, 6) == 6
    assert flags(theirs, 4, 6) == [WANTED, WANTED]


def test_taking_back_leaves_a_cancellation_where_it_is(sides):
    ours, theirs = sides
    theirs.begin(4)
    ours.flag(4, CANCELLED)
    assert ours.take_back(4, 6) == 5
    assert theirs.is_cancelled(4)
    assert list(theirs.flags[4:7]) == [CANCELLED, TAKEN, WANTED]


def test_what_was_taken_back_stays_so_when_the_child_is_just_coming_to_it(sides, monkeypatch):
    """It runs elsewhere by now; here its outcome would be taken for that of the next one."""
    ours, theirs = sides
    theirs.begin(0)
    assert ours.take_back(0, 3) == 1
    # The child ends the first one, and is about to look at the flag of the second.
    begun = iter([1, 2])
    monkeypatch.setattr(Page, "begun", property(lambda _: next(begun, 2)))
    ours.take_back(0, 4)
    assert list(theirs.flags[:4]) == [WANTED, TAKEN, TAKEN, TAKEN]


def test_rubbish_in_the_page_is_an_error(sides):
    ours, theirs = sides
    theirs.add(b"\xc1\xc1\xc1", 0.1)
    with pytest.raises(DecodeError):
        ours.outcomes()
    theirs._words[2] = 1 << 32 | 2**31
    with pytest.raises(DecodeError):
        ours.outcomes()
