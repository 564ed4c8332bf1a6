from __future__ import annotations

import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest
from contract import STEPS, Contract, JournalMachine, Place

from zmqwork.journal.sqlite import Sizes, SqliteJournal

KIB = 1024


class Failing:
    """A connection whose disk can fail, by a real error of SQLite's."""

    def __init__(self, path):
        self.real = sqlite3.connect(path, isolation_level=None)
        self.is_broken = False

    def execute(self, statement, values=()):
        if self.is_broken and statement.startswith(("INSERT", "COMMIT", "BEGIN")):
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error
        return self.real.execute(statement, values)

    def close(self):
        self.real.close()


class OnDisk(Place):
    def __init__(self, folder, **sizes):
        self.path = Path(folder) / "journal.db"
        self.sizes = {"reserve_bytes": 512 * KIB} | sizes
        self.connections = []

    def connect(self, path):
        self.connections.append(Failing(path))
        return self.connections[-1]

    def open(self):
        sizes = Sizes(bytes_max=self.bytes_max, **self.sizes)
        return SqliteJournal(self.path, connect=self.connect, clock=lambda: self.now, sizes=sizes)

    def kill(self, journal):
        """What the disk has is all that is left, and the lock is free."""
        copy = self.path.with_name("copy")
        copy.mkdir()
        for file in self.path.parent.glob("journal.db*"):
            if not file.name.endswith(".lock"):
                shutil.copy(file, copy)
        journal.close()
        for file in self.path.parent.glob("journal.db*"):
            file.unlink()
        for file in copy.iterdir():
            file.rename(self.path.parent / file.name)
        copy.rmdir()

    def fail(self, journal):
        self.connections[-1].is_broken = True

    def exists(self):
        return self.path.exists()


class TestSqliteJournal(Contract):
    @pytest.fixture
    def place(self, tmp_path):
        return OnDisk(tmp_path)


class TestSmallSqliteJournal(Contract):
    """One that is compacted after nearly every write."""

    @pytest.fixture
    def place(self, tmp_path):
        return OnDisk(tmp_path, garbage_bytes=0, checkpoint_bytes=1)


class SqliteMachine(JournalMachine):
    garbage_bytes = 300

    def make_place(self):
        # In memory, where syncing costs nothing: only the order of things is tested here.
        memory = Path("/dev/shm")
        self.folder = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
        return OnDisk(self.folder.name, garbage_bytes=self.garbage_bytes, reserve_bytes=0)

    def compact(self, journal):
        journal.compact()

    def teardown(self):
        super().teardown()
        if hasattr(self, "folder"):
            self.folder.cleanup()


TestSqliteMachine = SqliteMachine.TestCase
TestSqliteMachine.settings = STEPS
