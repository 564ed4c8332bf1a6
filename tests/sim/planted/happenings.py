"""Bugs in what is told to those who listen."""

from __future__ import annotations

from zmqwork.core.books import Books
from zmqwork.core.happenings import RESUBMITTED, Happenings

from .bug import Bug


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


BUGS = [
    Bug(keep_quiet_of_losses, {"what_is_counted_is_told"}),
    Bug(forget_who_it_was, {"who_failed_a_task_is_told"}),
    Bug(keep_what_was_told, {"who_failed_a_task_is_told"}),
]
