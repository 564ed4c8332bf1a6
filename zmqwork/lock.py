"""A file beside something that is locked while somebody has that open.

The lock is flock's: the kernel drops it with the process, however that ends. The file is removed
before the lock is, so one that is found free was left behind by a process that was killed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import weakref
from pathlib import Path

_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
# Each further try needs somebody else who ended between two calls of ours.
_TRIES = 100


class LockHeld(Exception):
    """Somebody has it, maybe this process; `pid` is None if that is not known."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(pid)
        self.pid = pid


class Lock:
    """Held from its making until `release`.

    Args:
        path: what is locked; the lock is `path` and ``.lock``.
        mode: who may read the file of the lock, and so learn who holds it.

    Raises:
        LockHeld: another process, or somebody else in this one, holds it.
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path, mode: int = 0o644) -> None:
        self._path = path.with_name(path.name + ".lock")
        self._fd: int | None = None
        _locks.add(self)
        for _ in range(_TRIES):
            fd = self._lock(mode)
            if self._is_named(fd):
                self._fd = fd
                return
            os.close(fd)  # its holder removed it just now
        raise OSError(errno.EAGAIN, "it vanishes again and again while it is locked", self._path)

    def _lock(self, mode: int) -> int:
        fd = os.open(self._path, _OPEN, mode)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(fd, 32, 0).strip()
            os.close(fd)
            raise LockHeld(int(holder) if holder.isdigit() else None) from error
        except OSError:
            os.close(fd)
            raise
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

    def _let_go(self) -> None:
        """In a forked child: the lock is the parent's, also if the child outlives it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def release(self) -> None:
        """Let others have it. May be called again."""
        if self._fd is not None:
            with contextlib.suppress(OSError):  # left behind, it does no harm
                self._path.unlink()
            os.close(self._fd)
            self._fd = None


_locks: weakref.WeakSet[Lock] = weakref.WeakSet()


def _let_go_in_child() -> None:
    for lock in list(_locks):
        lock._let_go()


os.register_at_fork(after_in_child=_let_go_in_child)
