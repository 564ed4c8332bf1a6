"""A table with a row per result, in one database with its inbox."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from zmqwork.errors import ConfigError, StoreError
from zmqwork.nodes.store import Results
from zmqwork.sinks.database import Database, as_path
from zmqwork.sinks.inbox import KIND, TransactionStore
from zmqwork.sinks.plain import cell, writable

COLUMNS = ("task_id", "task", "producer_id", "seq", "result")

_INTEGER_BITS = 63


class SqliteTable(TransactionStore):
    """Results as rows: `task_id`, `task`, `producer_id`, `seq`, `result`; each exactly once.

    Numbers, text, bytes and None are stored as SQLite's own types, all else as JSON text, which
    SQLite can take apart: ``SELECT result ->> 'width' FROM results``.

    Args:
        path: the database; made if it is missing.
        table: the table's name; made if it is missing.
        id: of the inbox, as for `SqliteInbox`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        table: str = "results",
        *,
        id: str | None = None,  # noqa: A002 - what it is
    ) -> None:
        if not table or table.lower().startswith(("sqlite_", "zmqwork_")) or "\0" in table:
            raise ConfigError(f"a table cannot be called {table!r}")
        self._table = table
        quoted = '"' + table.replace('"', '""') + '"'
        self._create = (
            f"CREATE TABLE IF NOT EXISTS {quoted} (task_id TEXT NOT NULL, task TEXT NOT NULL, "
            "producer_id TEXT NOT NULL, seq INTEGER NOT NULL, result)"
        )
        self._insert = f"INSERT INTO {quoted} ({', '.join(COLUMNS)}) VALUES (?, ?, ?, ?, ?)"  # noqa: S608
        super().__init__(Database(as_path(path), KIND, id), self._insert_all, self._make_table)

    def __repr__(self) -> str:
        return f"SqliteTable({str(self.path)!r}, {self._table!r})"

    @property
    def path(self) -> Path:
        """The database."""
        return self._database.path

    def _make_table(self, connection: sqlite3.Connection) -> None:
        with connection:
            connection.execute(self._create)
        rows = connection.execute("SELECT name FROM pragma_table_info(?)", (self._table,))
        names = {row[0] for row in rows}
        if not names >= set(COLUMNS):
            raise StoreError(
                f"{self.path} has a table {self._table!r} already, without the columns "
                f"{', '.join(sorted(set(COLUMNS) - names))}: name another table"
            )

    def _insert_all(self, results: Results, tx: sqlite3.Connection) -> None:
        tx.executemany(
            self._insert, [(*record[:4], sql_value(record.value)) for record in results.records]
        )


def sql_value(value: Any) -> Any:
    """The same of a type that SQLite has."""
    if value is None or isinstance(value, bool | bytes):
        return value
    if isinstance(value, int):
        return int(value) if value.bit_length() <= _INTEGER_BITS else cell(value)
    if isinstance(value, str):
        return writable(value)
    # NaN would become NULL.
    return value if isinstance(value, float) and value == value else cell(value)  # noqa: PLR0124
