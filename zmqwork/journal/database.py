"""One SQLite database that only we have open, and what its errors mean."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from zmqwork.errors import JournalError, JournalFull
from zmqwork.sqlite_errors import PRIMARY


class Cursor(Protocol):
    """What is used of a cursor."""

    def __iter__(self) -> Iterator[Any]: ...

    def close(self) -> None:
        """End the statement."""
        ...


class Connection(Protocol):
    """What is used of a connection: that of `sqlite3`, or of `apsw`."""

    def execute(self, statement: str, values: Any = ..., /) -> Cursor:
        """Run a statement."""
        ...

    def close(self) -> None:
        """Close the database."""
        ...


Connect = Callable[[str], Connection]


def connect(path: str) -> Connection:
    """The standard library's connection: every statement commits, and no thread owns it."""
    # Opened by one thread and written by another, never by two at a time.
    return sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)


class Database:
    """A connection that has its file for itself. It changes nothing until it is told to.

    Args:
        path: the file; it must be there.
        connect: makes the connection.

    Raises:
        JournalError: it cannot be opened, or is open elsewhere.

    Attributes:
        name: the path, for people.
        is_ours: False in a forked child, where it must not even be closed.
        failed: how errors are raised that are not about room: `JournalError` as long as it is
            being opened, later `JournalBroken`.
    """

    def __init__(self, path: Path, connect: Connect) -> None:
        self.name = str(path)
        self.is_ours = True
        self.failed: type[JournalError] = JournalError
        with self._translated():
            self._connection = connect(self.name)
        _databases.add(self)
        # Nobody else reads the log of a database in this mode, so it needs no shared memory.
        self.execute("PRAGMA locking_mode = EXCLUSIVE")

    def write_ahead(self) -> None:
        """From now on there is a log beside it, which is synced at each commit."""
        self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = FULL")
        # Checkpoints are made by us, so that their errors are heard of.
        self.execute("PRAGMA wal_autocheckpoint = 0")

    def execute(self, statement: str, values: Any = ()) -> list[Any]:
        """Run a statement to its end; its rows."""
        with self._translated():
            return list(self._connection.execute(statement, values))

    def rows(self, statement: str, values: Any = ()) -> Iterator[Any]:
        """The rows of a statement, one after the other; nothing else may be run meanwhile."""
        with self._translated():
            cursor = self._connection.execute(statement, values)
        with contextlib.closing(cursor):
            more = iter(cursor)
            while True:
                with self._translated():
                    row = next(more, None)
                if row is None:
                    return
                yield row

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is executed within it, or nothing."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            # SQLite may have done it already, and cannot do it on a disk that failed.
            with contextlib.suppress(JournalError):
                self.execute("ROLLBACK")
            raise

    def checkpoint(self) -> None:
        """Move what is in the log into the database; the log begins anew.

        Raises:
            JournalFull: there is no room for it; the log has it still.
        """
        self.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _abandon(self) -> None:
        """In a forked child: what is left of the connection stays as it is, for ever.

        SQLite takes the parent's locks for its own: when the connection is closed, which Python
        does when the child ends, it would delete the log that the parent goes on writing.
        """
        if self.is_ours:
            self.is_ours = False
            with contextlib.suppress(ImportError):
                import ctypes  # noqa: PLC0415  # not every Python has it

                ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._connection))

    def close(self) -> None:
        """Close it. May be called again."""
        if not self.is_ours:
            return
        with contextlib.suppress(Exception):  # what was to be durable is so already
            self._connection.close()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        if not self.is_ours:
            raise self.failed(
                f"{self.name} was opened before this process was forked: open another"
            )
        try:
            yield
        except JournalError:
            raise
        except Exception as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> JournalError:
        code = getattr(error, "sqlite_errorcode", None)  # of sqlite3, or of apsw:
        primary = (getattr(error, "result", 0) if code is None else code) & PRIMARY
        if primary == sqlite3.SQLITE_FULL:
            return JournalFull(
                f"{self.name} has no room ({error}): make some on the disk, or give the journal "
                "more; nothing of what it has is lost"
            )
        if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return self.failed(
                f"{self.name} is open in another program ({error}): it must be closed there"
            )
        if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return self.failed(
                f"{self.name} is damaged, or no journal ({error}): see `zmqwork journal verify`; "
                "what can be read of it comes out of `zmqwork journal export`"
            )
        return self.failed(f"{self.name}: {error}")


_databases: weakref.WeakSet[Database] = weakref.WeakSet()


def _abandon_in_child() -> None:
    for database in list(_databases):
        database._abandon()


os.register_at_fork(after_in_child=_abandon_in_child)
