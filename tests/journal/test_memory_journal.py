from __future__ import annotations

import pytest
from contract import STEPS, Contract, JournalMachine, Place, filed

from zmqwork.core.records import Batch
from zmqwork.errors import JournalBroken, JournalError, JournalFull
from zmqwork.testing import MemoryJournal


class Memory(Place):
    def __init__(self):
        self.journal = None

    def open(self):
        if self.journal is None:
            self.journal = MemoryJournal(clock=lambda: self.now, bytes_max=self.bytes_max)
        return self.journal

    def kill(self, journal):
        journal.crash()

    def fail(self, journal):
        journal.failures.append(JournalBroken(f"{journal.name}: the disk failed"))

    def exists(self):
        return self.journal is not None and not self.journal.is_removed


class TestMemoryJournal(Contract):
    @pytest.fixture
    def place(self):
        return Memory()


class MemoryMachine(JournalMachine):
    def make_place(self):
        return Memory()


TestMemoryMachine = MemoryMachine.TestCase
TestMemoryMachine.settings = STEPS


def test_failures_come_one_by_one_and_write_nothing():
    journal = MemoryJournal()
    journal.load()
    journal.failures += [JournalFull("no room"), JournalError("odd")]
    for kind in (JournalFull, JournalError):
        with pytest.raises(kind):
            journal.write([Batch(filed=[filed(1)])])
    assert journal.written == 0
    journal.write([Batch(filed=[filed(2)]), Batch(filed=[filed(3)])])
    journal.crash()
    assert [task.seq for task in journal.load().tasks] == [2, 3]
    assert journal.written == 2
