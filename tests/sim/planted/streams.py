"""The simulator finds bugs of streams and checkpoints that are planted for it."""

from __future__ import annotations

import pytest
from planting import is_found

from zmqwork.core.advance import Advance
from zmqwork.core.advances import Advances
from zmqwork.core.clients import Account
from zmqwork.core.effects import AddParts
from zmqwork.core.progression import Headway, Progression

PLANTED_SEEDS = 400


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


# As in `test_sim`.
PLANTED = [
    (take_parts_as_they_come, {"parts_come_once_in_order"}, 3),
    (say_nothing_again, {"no_part_is_missing"}, 9),
    (keep_no_parts_behind_an_outcome, {"no_part_is_missing"}, 9),
    (forget_what_was_sent, {"no_part_is_missing"}, 9),
    (begin_from_a_checkpoint_without_its_parts, {"a_checkpoint_counts_its_parts"}, 3),
]


@pytest.mark.parametrize(("plant", "promises", "first"), PLANTED)
def test_planted_bugs_are_found(monkeypatch, plant, promises, first):
    is_found(plant, promises, first, PLANTED_SEEDS, monkeypatch)
