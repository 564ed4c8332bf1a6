"""A SQLite file that remembers what was taken: the inbox itself, or what lies beside a file."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zmqwork.config import check_name
from zmqwork.errors import ConfigError, StoreError
from zmqwork.lock import Lock
from zmqwork.nodes.store import Batch
from zmqwork.sinks import taken
from zmqwork.sinks.disk import check_file_system, check_parent, failure, lock

VERSION = 2

_NOTES = "CREATE TABLE zmqwork_inbox (key TEXT PRIMARY KEY, value) WITHOUT ROWID"
# How long another process may have the database locked before a batch is refused, to come again.
_BUSY_TIMEOUT = 10.0
_ASKING_TIMEOUT = 1.0

Notes = Mapping[str, Any]


class Database:
    """One writing connection to one file, and what it keeps for us in tables called `zmqwork_*`.

    Args:
        path: the file.
        kind: what it belongs to, `sqlite` or `jsonl`: another kind is refused.
        inbox: the id that it must have; None: any, and a random one if it is new.
        beside: the file that it lies beside, and which nobody else opens: then SQLite needs no
            memory shared with others, it may lie on a network file system, and tables that are not
            ours are refused. None: the database is the user's, and others may read it.
    """

    def __init__(
        self, path: Path, kind: str, inbox: str | None, beside: Path | None = None
    ) -> None:
        self.path = path
        self._kind = kind
        self._id = None if inbox is None else check_name("inbox", inbox)
        self._beside = beside
        self._lock: Lock | None = None
        self._opened: sqlite3.Connection | None = None
        self._number = 0
        self.counts: Mapping[str, int] = {}
        self.results_count = 0

    @property
    def inbox(self) -> str:
        """The id of the inbox; a file that exists is asked for it, and else it is made up.

        Raises:
            StoreError: the file is none of ours, or somebody has it open for himself alone.
        """
        if self._id is None:
            self._id = self._id_in_file() or secrets.token_hex(16)
        return self._id

    @property
    def is_open(self) -> bool:
        """Between `open` and `close`."""
        return self._opened is not None

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, while it is open."""
        assert self._opened is not None
        return self._opened

    def lock(self) -> None:
        """Keep others out until `close`. StoreError: somebody has it, or may have it: see text."""
        shown = self._beside or self.path
        check_parent(shown)
        check_file_system(shown, shared=self._beside is None)
        self._lock = lock(self.path, shown)  # raises if it is held, by ourselves as well

    def exists(self) -> bool:
        """Whether the file is there and has our tables.

        Raises:
            StoreError: it is no SQLite database, or that of another store.
        """
        with self._translated():
            if not self.path.exists():
                return False
            with contextlib.closing(self._connect(_BUSY_TIMEOUT)) as connection:
                return self._is_ours(connection)

    def open(self, first_notes: Notes) -> dict[str, list[tuple[int, int]]]:
        """Open the file, or make it with these notes; `lock` first.

        Returns:
            What was taken, by producer.

        Raises:
            StoreError: it cannot be used; the text says why.
        """
        inbox = self.inbox
        with self._translated():
            self._opened = connection = self._connect(_BUSY_TIMEOUT)
            is_ours = self._is_ours(connection)
            _be_durable(connection, self.path)
            if not is_ours:
                self._create(inbox, first_notes)
            notes = self.notes()
            if notes["id"] != inbox:
                raise StoreError(
                    f"{self.path} is the inbox {notes['id']!r}, not {inbox!r}: name it so, or "
                    "choose another file"
                )
            found = taken.load(self._cursor())
        self._number = found.number
        self.counts = found.counts
        self.results_count = sum(found.counts.values())
        return found.ranges

    def notes(self) -> dict[str, Any]:
        """What was noted with the last batch."""
        return _notes(self._cursor())

    def note(self, notes: Notes) -> None:
        """Keep these for good. StoreError: that was not possible, or it is not known whether."""
        with self._translated(), self.transaction() as cursor:
            self.write_notes(cursor, notes)

    def next_number(self) -> int:
        """The number of the next batch: greater than that of any that was stored."""
        self._number += 1
        return self._number

    def record(self, batch: Batch, notes: Notes) -> None:
        """Keep the numbers of a batch, and these notes, for good. StoreError: as `note`."""
        with self._translated(), self.transaction() as cursor:
            self.write(cursor, batch, notes)
        self.results_count += len(batch.results)

    def write(self, cursor: sqlite3.Cursor, batch: Batch, notes: Notes) -> None:
        """What `record` writes, within somebody's transaction."""
        taken.record(cursor, batch, self.next_number())
        self.write_notes(cursor, notes)

    def write_notes(self, cursor: sqlite3.Cursor, notes: Notes) -> None:
        """Put notes in the place of those of the same name."""
        cursor.executemany("INSERT OR REPLACE INTO zmqwork_inbox VALUES (?, ?)", notes.items())

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Cursor]:
        """All that is done within it, or nothing."""
        cursor = self._cursor()
        cursor.execute("BEGIN IMMEDIATE")
        try:
            yield cursor
            cursor.execute("COMMIT")
        except BaseException:
            self.roll_back()
            raise

    def roll_back(self) -> None:
        """End a transaction without effect, however it stands."""
        # SQLite has ended it already after some errors, and ends it when the file is closed.
        with contextlib.suppress(sqlite3.Error):
            self.connection.rollback()

    def close(self) -> None:
        """Close the file, and let others have it. May be called again, and without `open`."""
        if self._opened is not None:
            with contextlib.suppress(sqlite3.Error):
                self._opened.close()
            self._opened = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _connect(self, timeout: float) -> sqlite3.Connection:
        # One thread uses it at a time; it need not be always the same.
        connection = sqlite3.connect(self.path, timeout=timeout, check_same_thread=False)
        if self._beside is not None:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        return connection

    def _cursor(self) -> sqlite3.Cursor:
        cursor = self.connection.cursor()
        cursor.row_factory = None  # users may set theirs on the connection
        return cursor

    def _is_ours(self, connection: sqlite3.Connection) -> bool:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        if "zmqwork_inbox" not in names:
            if names and self._beside is not None:
                raise StoreError(f"{self.path} is a database of something else: move it away")
            return False
        notes = _notes(connection.cursor())
        if notes.get("version") != VERSION:
            raise StoreError(
                f"{self.path} was written by another version of zmqwork (format "
                f"{notes.get('version')}; this one knows {VERSION})"
            )
        if notes["kind"] != self._kind:
            raise StoreError(
                f"{self.path} belongs to a store of another kind ({notes['kind']}, not "
                f"{self._kind}): choose another file"
            )
        return True

    def _create(self, inbox: str, notes: Notes) -> None:
        with self.transaction() as cursor:
            for statement in (_NOTES, *taken.TABLES):
                cursor.execute(statement)
            ours = {"version": VERSION, "kind": self._kind, "id": inbox}
            self.write_notes(cursor, {**ours, **notes})

    def _id_in_file(self) -> str | None:
        with self._translated():
            if not self.path.exists():
                return None
            with contextlib.ExitStack() as stack:
                if self._beside is not None and self._lock is None:
                    # Somebody who has it for himself alone would not let us read: he is named.
                    stack.callback(lock(self.path, self._beside).release)
                connection = stack.enter_context(contextlib.closing(self._connect(_ASKING_TIMEOUT)))
                if not self._is_ours(connection):
                    return None
                value: str = _notes(connection.cursor())["id"]
                return value

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what SQLite says of the file, or of who has it, into a `StoreError`."""
        try:
            yield
        except (OSError, sqlite3.DatabaseError) as error:
            raise failure(self.path, error, self._safe_count()) from error

    def _safe_count(self) -> int | None:
        return None if self._opened is None else self.results_count


class DatabaseStore:
    """A `Store` whose inbox is such a file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def inbox(self) -> str:
        """The id of the inbox. StoreError: what lies in its place is something else."""
        return self._database.inbox

    @property
    def counts(self) -> Mapping[str, int]:
        """As `Store.counts`."""
        return self._database.counts


def _notes(cursor: sqlite3.Cursor) -> dict[str, Any]:
    return dict(cursor.execute("SELECT key, value FROM zmqwork_inbox"))


def _be_durable(connection: sqlite3.Connection, path: Path) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(f"{path} cannot be switched to a write-ahead log (it is in mode {mode!r})")
    connection.execute("PRAGMA synchronous = FULL")
    # What a former process wrote and could not sync may be in the system's memory alone: it is
    # written once more, into the database itself.
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


def as_path(path: object) -> Path:
    """A path given by a user, absolute, and without links: a store has one name."""
    if not isinstance(path, str | Path) or not str(path):
        raise ConfigError(f"the path of a store must be a non-empty text or Path, not {path!r}")
    return Path(path).expanduser().resolve()
