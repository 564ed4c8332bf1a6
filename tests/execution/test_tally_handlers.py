from __future__ import annotations

import os

import pytest

from zmqwork.execution.page import Page, new_page
from zmqwork.execution.tally import Tally


@pytest.fixture
def page():
    ours, descriptor = new_page()
    theirs = Page(descriptor)
    os.close(descriptor)
    yield theirs
    ours.close()
    theirs.close()


class Held:
    """Stands for an attempt."""


def test_an_outcome_of_what_was_taken_back_is_nobodys(page):
    """By what processors may reorder, a child could begin what its parent takes back."""
    tally = Tally(page)
    first, taken, last = Held(), Held(), Held()
    tally.give([first, taken])
    page.begin(0)
    assert tally.take_back() == [taken]
    tally.give([last])
    assert tally.take(0, 0.1, [(True, b"first"), (True, b"taken")]) == ([(True, b"first")], 0.1)
    assert tally.take(2, 0.1, [(True, b"last")]) == ([(True, b"last")], 0.1)
    assert (tally.finished, list(tally.given)) == (3, [])
