"""Bugs of queues and priorities."""

from __future__ import annotations

from collections import deque

from zmqwork.core.books import Books
from zmqwork.core.lanes import Lane
from zmqwork.core.pauses import Pauses
from zmqwork.core.ready import Ready

from .bug import Bug


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


BUGS = [
    Bug(forget_priorities, {"the_larger_goes_first"}),
    Bug(dispatch_what_is_paused, {"nothing_paused_is_dispatched"}),
    Bug(recall_nothing, {"what_is_paused_is_recalled"}),
    Bug(begin_as_it_came, {"what_waits_begins_in_order"}),
]
