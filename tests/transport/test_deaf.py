"""Who takes in nothing: decided by counts and instants alone."""

import pytest

from zmqwork.transport.deaf import PATIENCE, WAITING_BYTES, Deaf

MUCH = WAITING_BYTES


@pytest.fixture
def deaf():
    made = Deaf()
    assert made.look({7: (100, MUCH)}, 0.0) == []
    return made


def test_who_takes_nothing_in_for_long_is_deaf(deaf):
    assert deaf.look({7: (100, MUCH)}, PATIENCE - 0.1) == []
    assert deaf.look({7: (100, MUCH)}, PATIENCE) == [7]


def test_next_to_nothing_is_nothing(deaf):
    assert deaf.look({7: (100 + MUCH - 1, 10 * MUCH)}, PATIENCE) == [7]


def test_who_takes_in_enough_has_time_again(deaf):
    assert deaf.look({7: (100 + MUCH, 10 * MUCH)}, PATIENCE) == []
    assert deaf.look({7: (100 + MUCH, 10 * MUCH)}, 2 * PATIENCE - 0.1) == []
    assert deaf.look({7: (100 + MUCH, 10 * MUCH)}, 2 * PATIENCE) == [7]


def test_a_little_may_wait_for_ever(deaf):
    assert deaf.look({7: (100, MUCH - 1)}, 100 * PATIENCE) == []


def test_a_new_connection_under_an_old_number_has_its_own_time(deaf):
    deaf.closed(7)
    assert deaf.look({7: (100, MUCH)}, PATIENCE) == []
