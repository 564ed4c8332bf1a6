"""Which places are none for a store, and why one cannot be written."""

from __future__ import annotations

import errno
import logging
import sqlite3
from pathlib import Path

from zmqwork.disk import MEMORY, is_network, kind_of, reason
from zmqwork.errors import StoreError
from zmqwork.lock import Lock, LockHeld
from zmqwork.sqlite_errors import PRIMARY

_log = logging.getLogger("zmqwork")

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def check_file_system(path: Path, *, shared: bool) -> None:
    """Refuse, or warn of, a place that cannot keep what it is given.

    Args:
        path: absolute, without links.
        shared: other processes may read the database while we write it.

    Raises:
        StoreError: it is shared, and the file system is another machine's.
    """
    kind = kind_of(path)
    if shared and is_network(kind):
        raise StoreError(
            f"{path} is on a network file system ({kind}), where SQLite's log cannot be shared: "
            "choose a disk of this machine, or a store that writes a file (out.jsonl, out.csv)"
        )
    if kind in MEMORY:
        _log.warning(
            "%s is in memory (%s): what is stored there does not outlive this machine's power",
            path, kind,
        )  # fmt: skip


def failure(
    path: Path, error: OSError | sqlite3.Error, safe_count: int | None = None
) -> StoreError:
    """The error of a place that cannot be written or opened, and what to do.

    Args:
        path: the place.
        error: what the system, or SQLite, said.
        safe_count: how many results are stored there for good; None: it is not open.
    """
    code = getattr(error, "sqlite_errorcode", 0) & PRIMARY
    is_full = code == sqlite3.SQLITE_FULL or getattr(error, "errno", None) in _FULL
    text = f"{path}: {reason(error)}"
    if safe_count is not None:
        text += f". {_safe(safe_count)}"
    if is_full:
        text += ". Make room, and start again: it goes on where it stopped"
    return StoreError(text)


def lock(path: Path, shown: Path) -> Lock:
    """Keep others out of a store.

    Args:
        path: what is locked.
        shown: what people know it by.

    Raises:
        StoreError: another process, or another store of this one, holds it; or the file of the
            lock cannot be made.
    """
    try:
        return Lock(path)
    except LockHeld as held:
        who = f" (process {held.pid})" if held.pid else ""
        raise StoreError(
            f"{shown} is in use by another sink{who}: one sink at a time. Stop that one, or give "
            "this one another file"
        ) from held
    except OSError as error:
        raise failure(path.with_name(path.name + ".lock"), error) from error


def check_parent(path: Path) -> None:
    """Refuse a place whose directory is missing: a typing error, as often as not.

    Raises:
        StoreError: there is none, or it is a file.
    """
    parent = path.parent
    try:
        is_directory = parent.is_dir()
        is_there = parent.exists()
    except OSError:  # whoever opens the file learns what it is
        return
    if not is_there:
        raise StoreError(
            f"{path}: there is no directory {parent}: make it first (mkdir -p), or choose another "
            "place"
        )
    if not is_directory:
        raise StoreError(f"{path}: {parent} is no directory: choose another place")


def _safe(count: int) -> str:
    return "1 result in it is safe" if count == 1 else f"{count:,} results in it are safe"
