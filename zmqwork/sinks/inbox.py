"""An inbox in SQLite: what a handler writes, and that it was written, in one transaction."""

from __future__ import annotations

import contextlib
import inspect
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zmqwork.errors import ConfigError, UsageError
from zmqwork.nodes.store import Batch, Results
from zmqwork.sinks.database import Database, DatabaseStore, as_path
from zmqwork.sinks.disk import failure
from zmqwork.sqlite_errors import is_of_the_disk

Handler = Callable[[Results, sqlite3.Connection], Any]
Prepare = Callable[[sqlite3.Connection], None]

KIND = "sqlite"


class SqliteInbox:
    """A SQLite database in which each result takes effect once, whatever dies.

    ::

        inbox = SqliteInbox("orders.db", id="orders")


        @app.sink(batch=500, inbox=inbox)
        def book(results, tx):
            tx.executemany("INSERT INTO orders VALUES (?, ?)", results)

    An **inbox** is anything with an `id` and a `store(function)` that gives a `Store`; so a handler
    may as well get a transaction of another database.

    Args:
        path: the database; made if it is missing. It may have the user's own tables, is switched
            to a write-ahead log, and must be on a disk of this machine. Others may read it
            meanwhile; what they write holds up the sink.
        id: what producers name it by, `Task.using(inbox=...)`; else a random one, which is kept in
            the file. It belongs to the file: another one is refused later.
    """

    def __init__(self, path: str | os.PathLike[str], id: str | None = None) -> None:  # noqa: A002
        self.path: Path = as_path(path)
        self._database = Database(self.path, KIND, id)

    def __repr__(self) -> str:
        return f"SqliteInbox({str(self.path)!r})"

    @property
    def id(self) -> str:
        """What producers name it by. StoreError: the file is there, and cannot be used."""
        return self._database.inbox

    def store(self, function: Handler, prepare: Prepare | None = None) -> TransactionStore:
        """A `Store` that calls ``function(results, tx)`` in a transaction and commits it.

        Args:
            function: gets the results and a `sqlite3.Connection`. It writes; what it must not do is
                to begin or end a transaction. If it raises, nothing has happened.
            prepare: called once when the database is open, to make tables.

        Raises:
            UsageError: it is a coroutine function: a transaction belongs to one thread.
        """
        return TransactionStore(self._database, function, prepare)


class TransactionStore(DatabaseStore):
    """The store of a `SqliteInbox`: the handler's effect and the numbers go together."""

    def __init__(self, database: Database, function: Handler, prepare: Prepare | None) -> None:
        if inspect.iscoroutinefunction(function):
            raise UsageError(
                f"{_name(function)} must be a plain function, not async: its transaction "
                "belongs to one thread"
            )
        if not callable(function):
            raise ConfigError(f"the handler of an inbox must be a function, not {function!r}")
        super().__init__(database)
        self._function = function
        self._prepare = prepare
        self._is_open = False  # by us: another store may have the same inbox

    def open(self) -> dict[str, list[tuple[int, int]]]:
        """As `Store.open`."""
        database = self._database
        database.lock()
        self._is_open = True
        try:
            taken = database.open({})
            if self._prepare is not None:
                self._prepare(database.connection)
        except sqlite3.DatabaseError as error:
            self.close()
            raise failure(database.path, error) from error
        except BaseException:
            self.close()
            raise
        return taken

    def store(self, batch: Batch) -> None:
        """Let the handler write, and commit.

        Raises:
            StoreError: the database cannot be written.
            UsageError: the handler ended the transaction, or tried to: nothing has happened.
            Exception: what the handler raised, or what SQLite said of it at the commit.
        """
        database = self._database
        try:
            with database.transaction() as cursor:
                database.write(cursor, batch, {})
                self._call(batch.results)
        except sqlite3.Error as error:
            if not is_of_the_disk(error):
                raise
            raise failure(database.path, error, database.results_count) from error
        database.results_count += len(batch.results)

    def close(self) -> None:
        """As `Store.close`."""
        if self._is_open:
            self._database.close()
            self._is_open = False

    def _call(self, results: Results) -> None:
        """Call the handler so that the transaction stays ours."""
        connection = self._database.connection
        guard = _Guard()
        connection.set_authorizer(guard.allows)
        try:
            self._function(results, connection)
        except sqlite3.DatabaseError as error:
            if guard.refused:
                raise self._refused(guard, is_open=_is_in_transaction(connection)) from error
            raise
        finally:
            # It is closed already if the handler did that.
            with contextlib.suppress(sqlite3.ProgrammingError):
                connection.set_authorizer(None)
        if guard.refused or not _is_in_transaction(connection):
            raise self._refused(guard, is_open=_is_in_transaction(connection))

    def _refused(self, guard: _Guard, *, is_open: bool) -> UsageError:
        if is_open:
            what = f"called {guard.refused}"
        else:
            what = "went on after an error that had ended it, or closed the connection"
        return UsageError(
            f"{_name(self._function)} may not end its transaction, in which the results are also "
            f"recorded as stored; it {what}. Leave out commit(), rollback(), `with tx:`, "
            "executescript() and to_sql(): the sink commits when the handler returns. Nothing of "
            "this batch is stored"
        )


def _is_in_transaction(connection: sqlite3.Connection) -> bool:
    try:
        return connection.in_transaction
    except sqlite3.ProgrammingError:
        return False


class _Guard:
    """Tells SQLite what the handler's statements may do: all but begin and end transactions.

    With BEGIN refused, Python's own beginning of a transaction before each INSERT fails as well, so
    nothing can be written once an error has ended ours (a full disk, ON CONFLICT ROLLBACK).
    """

    def __init__(self) -> None:
        self.refused = ""

    def allows(self, action: int, what: str | None, *_: str | None) -> int:
        """SQLite's question, for each thing that a statement does."""
        if action != sqlite3.SQLITE_TRANSACTION:
            return sqlite3.SQLITE_OK
        self.refused = str(what)
        return sqlite3.SQLITE_DENY


def _name(function: object) -> str:
    return str(getattr(function, "__qualname__", function))
