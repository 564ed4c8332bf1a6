"""What stores ask of a disk: what kind it is, that it has what was written, why it would not."""

from __future__ import annotations

import errno
import logging
import os
import re
import sqlite3
from pathlib import Path

from zmqwork.errors import StoreError

_log = logging.getLogger("zmqwork")

_MOUNTS = Path("/proc/self/mountinfo")
# They do not have what SQLite's WAL needs: memory that is shared by all who have the file open.
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre"}
_MEMORY = {"tmpfs", "ramfs"}

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
_PRIMARY = 0xFF
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

# fdatasync leaves out the times, not the length.
sync_data = getattr(os, "fdatasync", os.fsync)


def sync_directory(path: Path) -> None:
    """Let the names in a directory outlive a loss of power."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def file_system(path: Path, mounts: str) -> str:
    """The type of the file system that `path`, which is absolute and has no links, lies on.

    Args:
        path: a file or a directory; it need not exist.
        mounts: the text of ``/proc/self/mountinfo``.

    Returns:
        `ext4`, `nfs4`, `fuse.sshfs`; empty if that is not known.
    """
    found, depth = "", -1
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split()
        if len(fields) < 5 or not right:
            continue
        # Blanks in it are written as \040.
        point = Path(re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), fields[4]))
        # Of two on one place, the later one lies on top.
        if len(point.parts) >= depth and path.is_relative_to(point):
            found, depth = right.split()[0], len(point.parts)
    return found


def check_file_system(path: Path, *, shared: bool) -> None:
    """Refuse, or warn of, a place that cannot keep what it is given.

    Args:
        path: absolute, without links.
        shared: other processes may read the database while we write it.

    Raises:
        StoreError: it is shared, and the file system is another machine's.
    """
    try:
        kind = file_system(path, _MOUNTS.read_text("utf-8", "replace"))
    except OSError:  # not Linux, or no /proc
        return
    if shared and (kind in _NETWORK or kind.startswith("fuse.ssh")):
        raise StoreError(
            f"{path} is on a network file system ({kind}), where SQLite's log cannot be shared: "
            "choose a disk of this machine, or a store that writes a file (out.jsonl, out.csv)"
        )
    if kind in _MEMORY:
        _log.warning(
            "%s is in memory (%s): what is stored there does not outlive this machine's power",
            path, kind,
        )  # fmt: skip


def is_of_the_disk(error: sqlite3.Error) -> bool:
    """Whether SQLite could not use its file; other errors are of a statement, or of a lock."""
    code = getattr(error, "sqlite_errorcode", None)  # not set on what Python itself raises
    return code is not None and code & _PRIMARY in _OF_THE_DISK


def failure(
    path: Path, error: OSError | sqlite3.Error, safe_count: int | None = None
) -> StoreError:
    """The error of a place that cannot be written or opened, and what to do.

    Args:
        path: the place.
        error: what the system, or SQLite, said.
        safe_count: how many results are stored there for good; None: it is not open.
    """
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    is_full = code == sqlite3.SQLITE_FULL or getattr(error, "errno", None) in _FULL
    text = f"{path}: {reason(error)}"
    if safe_count is not None:
        text += f". {_safe(safe_count)}"
    if is_full:
        text += ". Make room, and start again: it goes on where it stopped"
    return StoreError(text)


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


def reason(error: OSError | sqlite3.Error) -> str:
    """What the system, or SQLite, said."""
    return str(getattr(error, "strerror", None) or error)


def _safe(count: int) -> str:
    return "1 result in it is safe" if count == 1 else f"{count:,} results in it are safe"
