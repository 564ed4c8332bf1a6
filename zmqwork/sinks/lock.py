"""A file beside a store that is locked while somebody has the store open.

The lock is flock's: the kernel drops it with the process, however that ends. The file is removed
before the lock is, so one that is found free was left behind by a process that was killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from zmqwork.errors import StoreError
from zmqwork.sinks.disk import failure

_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
# Each further try needs somebody else who ended between two calls of ours.
_TRIES = 100


class Lock:
    """Held from its making until `release`.

    Args:
        path: what is locked; the lock is `path` and ``.lock``.
        shown: what people know it by.

    Raises:
        StoreError: another process, or another store of this one, holds it; or the file cannot be
            made.
    """

    def __init__(self, path: Path, shown: Path) -> None:
        self._path = path.with_name(path.name + ".lock")
        for _ in range(_TRIES):
            fd = self._lock(shown)
            if self._is_named(fd):
                self._fd: int | None = fd
                return
            os.close(fd)  # its holder removed it just now
        raise StoreError(f"{self._path} vanishes again and again while it is locked")

    def _lock(self, shown: Path) -> int:
        try:
            fd = os.open(self._path, _OPEN, 0o644)
        except OSError as error:
            raise failure(self._path, error) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
            os.close(fd)
            raise StoreError(
                f"{shown} is in use by another sink{f' (process {holder})' if holder else ''}: one "
                "sink at a time. Stop that one, or give this one another file"
            ) from error
        except OSError as error:
            os.close(fd)
            raise failure(self._path, error) from error
        with contextlib.suppress(OSError):  # for people, and for the error above
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        return fd

    def _is_named(self, fd: int) -> bool:
        try:
            there = self._path.lstat()
        except FileNotFoundError:
            return False
        here = os.fstat(fd)
        return (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev)

    def release(self) -> None:
        """Let others have it. May be called again."""
        if self._fd is not None:
            with contextlib.suppress(OSError):  # left behind, it does no harm
                self._path.unlink()
            os.close(self._fd)
            self._fd = None
