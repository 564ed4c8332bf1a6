"""The simulator finds bugs that are planted for it in what is told to those who listen."""

from __future__ import annotations

import pytest
from planting import is_found

from zmqwork.core.books import Books
from zmqwork.core.happenings import RESUBMITTED, Happenings

PLANTED_SEEDS = 100


def keep_quiet_of_losses(monkeypatch):
    tell = Happenings.tell

    def all_but(self, kind, *args, **more):
        if kind != RESUBMITTED:
            tell(self, kind, *args, **more)

    monkeypatch.setattr(Happenings, "tell", all_but)


def forget_who_it_was(monkeypatch):
    monkeypatch.setattr(Happenings, "ended", lambda *_: None)


def keep_what_was_told(monkeypatch):
    settlement = Books.settlement

    def keep(self):
        enders = dict(self.happenings.enders)
        settle = settlement(self)
        self.happenings.enders = enders
        return settle

    monkeypatch.setattr(Books, "settlement", keep)


# As in `test_sim`.
PLANTED = [
    (keep_quiet_of_losses, {"what_is_counted_is_told"}, 0),
    (forget_who_it_was, {"who_failed_a_task_is_told"}, 0),
    (keep_what_was_told, {"who_failed_a_task_is_told"}, 0),
]


@pytest.mark.parametrize(("plant", "promises", "first"), PLANTED)
def test_planted_bugs_are_found(monkeypatch, plant, promises, first):
    is_found(plant, promises, first, PLANTED_SEEDS, monkeypatch)
