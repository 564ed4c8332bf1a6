"""Bugs of streams and checkpoints."""

from __future__ import annotations

from zmqwork.core.advance import Advance
from zmqwork.core.advances import Advances
from zmqwork.core.clients import Account
from zmqwork.core.effects import AddParts
from zmqwork.core.progression import Headway, Progression

from .bug import Bug


def take_parts_as_they_come(monkeypatch):
    def parts(self, worker, message, now):
        entry = self._books.ledger.get(message.seq)
        if entry is not None:
            entry.headway = entry.headway or Headway()
            entry.headway.received += len(message.values)
            self._books.out.append(AddParts(entry, message.values))

    monkeypatch.setattr(Progression, "parts", parts)


def say_nothing_again(monkeypatch):
    monkeypatch.setattr(Advances, "resumed", lambda *_: None)


def keep_no_parts_behind_an_outcome(monkeypatch):
    def end(self, done):
        for seq in done.seqs:
            self.advances.pop(seq, None)

    monkeypatch.setattr(Account, "_end_advances", end)


def forget_what_was_sent(monkeypatch):
    next_parts = Advance.next_parts

    def sent(self):
        values = next_parts(self)
        for _ in values:
            self.parts.popleft()
            self.first += 1
        self.sent = self.first - len(values)
        return values

    monkeypatch.setattr(Advance, "next_parts", sent)


def begin_from_a_checkpoint_without_its_parts(monkeypatch):
    def options(self):
        return {**self.said, "part": 0} if "checkpoint" in self.said else {}

    monkeypatch.setattr(Headway, "next_options", property(options))


def take_parts_from_anybody(monkeypatch):
    """It was so: whoever said PARTS was believed."""
    monkeypatch.setattr(Progression, "_may_come_from", lambda *_: True)


BUGS = [
    Bug(take_parts_as_they_come, {"parts_come_once_in_order"}),
    Bug(say_nothing_again, {"no_part_is_missing"}),
    Bug(keep_no_parts_behind_an_outcome, {"no_part_is_missing"}),
    Bug(forget_what_was_sent, {"no_part_is_missing"}),
    Bug(begin_from_a_checkpoint_without_its_parts, {"a_checkpoint_counts_its_parts"}),
    Bug(take_parts_from_anybody, {"parts_come_once_in_order"}, "strangers"),
]
