"""The simulator finds bugs of queues and priorities that are planted for it."""

from __future__ import annotations

from collections import deque

import pytest
from planting import is_found

from zmqwork.core.books import Books
from zmqwork.core.lanes import Lane
from zmqwork.core.pauses import Pauses
from zmqwork.core.ready import Ready

PLANTED_SEEDS = 400


def forget_priorities(monkeypatch):
    monkeypatch.setattr(Lane, "rank", lambda self: (self.first().since, self.first().seq))


def dispatch_what_is_paused(monkeypatch):
    def is_ready(self, lane):
        return lane.size > 0 and (not lane.to_sink or self.outlets.serves(lane))

    monkeypatch.setattr(Books, "is_ready", is_ready)


def recall_nothing(monkeypatch):
    monkeypatch.setattr(Pauses, "recall", lambda *_: None)


def begin_as_it_came(monkeypatch):
    monkeypatch.setattr(Ready, "add", deque.extend)


# As in `test_sim`.
PLANTED = [
    (forget_priorities, {"the_larger_goes_first"}, 17),
    (dispatch_what_is_paused, {"nothing_paused_is_dispatched"}, 3),
    (recall_nothing, {"what_is_paused_is_recalled"}, 3),
    (begin_as_it_came, {"what_waits_begins_in_order"}, 16),
]


@pytest.mark.parametrize(("plant", "promises", "first"), PLANTED)
def test_planted_bugs_are_found(monkeypatch, plant, promises, first):
    is_found(plant, promises, first, PLANTED_SEEDS, monkeypatch)
