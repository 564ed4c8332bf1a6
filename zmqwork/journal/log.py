"""The tables of a journal: a log of rows, each with its checksum, and what is said of all."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from zmqwork.core.records import Batch
from zmqwork.errors import DecodeError, JournalError
from zmqwork.journal.database import Connect, Database
from zmqwork.wire.recording import SCHEMA, decode

# "zmqw": `file` and SQLite's own tools show it, and foreign databases do not have it.
APPLICATION_ID = 0x7A6D7177

# Of a row: the size of each record, when it was written, and what it is.
Parts = list[tuple[int, float, Batch]]

_TABLES = (
    "PRAGMA synchronous = FULL",
    f"PRAGMA application_id = {APPLICATION_ID}",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE log (
        number INTEGER PRIMARY KEY, written_at REAL NOT NULL, crc INTEGER NOT NULL,
        body BLOB NOT NULL
    )""",
)


def create(path: Path, connect: Connect, meta: dict[str, Any]) -> None:
    """Make an empty journal in a file of its own, complete when this returns.

    Raises:
        JournalError: it cannot be made.
    """
    database = Database(path, connect)
    try:
        for statement in _TABLES:
            database.execute(statement)
        Log(database).note({"schema": SCHEMA, **meta})
    finally:
        database.close()


class Log:
    """The rows and notes in a database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.name = database.name

    def meta(self) -> dict[str, Any]:
        """What is noted.

        Raises:
            JournalError: this is no journal, or one of a newer zmqwork.
        """
        if self.database.execute("PRAGMA application_id") != [(APPLICATION_ID,)]:
            raise JournalError(f"{self.name} is no journal of zmqwork: give another file")
        try:
            meta = {
                key: json.loads(value)
                for key, value in self.database.execute("SELECT key, value FROM meta")
            }
        except ValueError as error:
            raise JournalError(f"{self.name} is damaged: its notes are no JSON") from error
        if meta.get("schema") != SCHEMA:
            raise JournalError(
                f"{self.name} has schema {meta.get('schema')}, and this zmqwork knows {SCHEMA}: "
                "open it with the version that wrote it"
            )
        return meta

    def note(self, meta: dict[str, Any]) -> None:
        """Note these, beside what is noted under other keys."""
        marks = ", ".join(["(?, ?)"] * len(meta))
        values = [word for key, value in meta.items() for word in (key, json.dumps(value))]
        self.database.execute(f"INSERT OR REPLACE INTO meta VALUES {marks}", values)  # noqa: S608

    def append(self, rows: Sequence[tuple[int, bytes]], at: float) -> None:
        """Add rows of a number and a body, all or none.

        It is one statement: each one gives the GIL away, and has to get it back.
        """
        marks = ", ".join(["(?, ?, ?, ?)"] * len(rows))
        values = [word for number, body in rows for word in (number, at, zlib.crc32(body), body)]
        self.database.execute(f"INSERT INTO log VALUES {marks}", values)  # noqa: S608

    def rows(self, first: int = 0, last: int = 2**63 - 1) -> Iterator[tuple[int, float, bytes]]:
        """Number, time and body of the rows from `first` to `last`.

        Raises:
            JournalError: the checksum of a row is wrong.
        """
        for number, at, crc, body in self.database.rows(
            "SELECT number, written_at, crc, body FROM log WHERE number BETWEEN ? AND ? "
            "ORDER BY number",
            (first, last),
        ):
            if zlib.crc32(body) != crc:
                raise self.damage(number, "its checksum is wrong")
            yield number, at, body

    def parts(self, first: int = 0, last: int = 2**63 - 1) -> Iterator[tuple[int, float, Parts]]:
        """Number, time and records of the rows from `first` to `last`.

        Raises:
            JournalError: a row is damaged.
        """
        for number, at, body in self.rows(first, last):
            try:
                yield number, at, list(decode(body))
            except DecodeError as error:
                raise self.damage(number, str(error)) from error

    def damaged(self) -> Iterator[tuple[int, JournalError]]:
        """The numbers of all rows that cannot be read, and why each cannot."""
        for number, _ in self.sizes():
            try:
                for _ in self.parts(number, number):
                    pass
            except JournalError as error:
                yield number, error

    def sizes(self) -> list[tuple[int, int]]:
        """Number and length of each row."""
        return self.database.execute("SELECT number, length(body) FROM log ORDER BY number")

    def delete(self, first: int, last: int) -> None:
        """Delete the rows with these numbers and those between them."""
        self.database.execute("DELETE FROM log WHERE number BETWEEN ? AND ?", (first, last))

    def damage(self, number: int, why: str) -> JournalError:
        """The error of a row that cannot be read."""
        return JournalError(f"{self.name} is damaged in row {number} ({why}){self.advice}")

    @property
    def advice(self) -> str:
        """What to do about rows that cannot be read: the end of each such error."""
        return (
            f". `zmqwork journal verify {self.name}` names all such rows, `zmqwork journal export` "
            "saves what the others have, and `zmqwork journal compact --drop-damaged` gives the "
            "tasks in these up"
        )
