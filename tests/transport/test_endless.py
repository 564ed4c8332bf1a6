"""Who sends without end: decided by counts alone."""

import pytest

from zmqwork.transport.endless import MESSAGE_BYTES_MAX, UNREAD_BYTES_MAX, Endless
from zmqwork.wire.limits import FRAMES_BYTES_MAX, HEADER_BYTES_MAX

MUCH = MESSAGE_BYTES_MAX


@pytest.fixture
def endless():
    made = Endless()
    made.opened(7)
    return made


def test_the_largest_message_is_none():
    assert MUCH > HEADER_BYTES_MAX + FRAMES_BYTES_MAX


def test_nobody_is_suspected_who_sends_little(endless):
    assert endless.look({7: MUCH}, all_read=True) == []
    assert not endless.suspects


def test_who_sends_much_is_watched_first_and_guilty_with_as_much_again(endless):
    assert endless.look({7: MUCH + 1}, all_read=True) == []
    assert endless.suspects == {7: MUCH + 1}
    assert endless.look({7: 2 * MUCH + 1}, all_read=True) == []
    assert endless.look({7: 2 * MUCH + 2}, all_read=True) == [7]


def test_slowly_is_as_bad_as_at_once(endless):
    found, count = [], 0
    while not found:
        count += MUCH // 100
        assert count < 3 * MUCH
        found = endless.look({7: count}, all_read=True)


def test_a_message_clears_and_the_count_begins_anew(endless):
    endless.look({7: 2 * MUCH}, all_read=True)
    endless.heard(7)
    assert not endless.suspects
    assert (
        endless.look({7: 10 * MUCH}, all_read=True) == []
    )  # all of that was before, for all we know
    assert endless.look({7: 11 * MUCH}, all_read=True) == []
    assert not endless.suspects
    endless.look({7: 12 * MUCH}, all_read=True)
    assert endless.suspects


def test_messages_that_were_not_read_yet_are_waited_for(endless):
    endless.look({7: 2 * MUCH}, all_read=False)
    assert endless.look({7: 2 * MUCH + UNREAD_BYTES_MAX}, all_read=False) == []
    assert endless.look({7: 2 * MUCH + UNREAD_BYTES_MAX + 1}, all_read=False) == [7]


def test_a_new_connection_under_an_old_number_is_not_to_blame(endless):
    endless.look({7: 2 * MUCH}, all_read=True)
    endless.closed(7)
    endless.opened(7)
    assert endless.look({7: MUCH}, all_read=True) == []
    assert not endless.suspects


def test_messages_of_others_do_not_clear_it(endless):
    endless.opened(8)
    endless.look({7: 2 * MUCH, 8: 0}, all_read=True)
    endless.heard(8)
    assert endless.look({7: 4 * MUCH, 8: 100}, all_read=True) == [7]
