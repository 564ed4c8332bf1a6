"""What an error of SQLite is about: the file and the disk, or a statement."""

from __future__ import annotations

import sqlite3

# Errors of SQLite that tell of the disk or the file, and not of a statement.
_OF_THE_DISK = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
}
# The part of SQLite's error codes that says what kind it is.
PRIMARY = 0xFF


def is_of_the_disk(error: sqlite3.Error) -> bool:
    """Whether SQLite could not use its file; other errors are of a statement, or of a lock."""
    code = getattr(error, "sqlite_errorcode", None)  # not set on what Python itself raises
    return code is not None and code & PRIMARY in _OF_THE_DISK
