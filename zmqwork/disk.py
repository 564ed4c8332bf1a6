"""What is asked of a disk: what kind it is, that it has what was written, why it would not."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

_MOUNTS = Path("/proc/self/mountinfo")
# They do not have what SQLite's WAL needs: memory that is shared by all who have the file open.
NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre"}
MEMORY = {"tmpfs", "ramfs"}

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


def kind_of(path: Path) -> str:
    """The type of the file system that `path` lies on, as `file_system` has it."""
    try:
        return file_system(path, _MOUNTS.read_text("utf-8", "replace"))
    except OSError:  # not Linux, or no /proc
        return ""


def is_network(kind: str) -> bool:
    """Whether files of this type are on another machine."""
    return kind in NETWORK or kind.startswith("fuse.ssh")


def reason(error: OSError | sqlite3.Error) -> str:
    """What the system, or SQLite, said."""
    return str(getattr(error, "strerror", None) or error)
