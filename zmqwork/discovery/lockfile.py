"""One file whose lock says that the process which made it still lives.

The lock is flock's: the kernel drops it with the last descriptor of the process, however that
process ended, and it works between containers that share the directory. A file is locked before
it gets its name, and keeps its name no longer than its lock; so a named file that is not locked
was left behind, and stays so: its maker is gone, and node ids do not come back.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path

from zmqwork.errors import TransportError

_CREATE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
# O_NONBLOCK: whatever lies there, opening it must not wait.
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
# A reader that takes the temporary file for a stale one costs one more try; a second time in a
# row would need a second such reader within microseconds.
_TRIES = 20


def publish(path: Path, data: bytes) -> int:
    """Make `path` appear with this content, locked; a file of that name is replaced.

    Returns:
        The descriptor that holds the lock.

    Raises:
        TransportError: the directory cannot be written, or the file system knows no locks.
    """
    for attempt in range(_TRIES):
        temporary = path.with_name(f"{path.stem}-{os.getpid()}-{attempt}.tmp")
        try:
            fd = _lock_new(temporary)
        except (BlockingIOError, FileExistsError):
            continue
        except OSError as error:
            raise TransportError(f"cannot announce in {path.parent}: {error.strerror}") from error
        try:
            _write(fd, data)
            temporary.replace(path)
        except FileNotFoundError:
            os.close(fd)
        except OSError as error:
            os.close(fd)
            temporary.unlink(missing_ok=True)
            raise TransportError(f"cannot announce in {path.parent}: {error.strerror}") from error
        else:
            return fd
    raise TransportError(f"cannot announce in {path.parent}: its files vanish while written")


def _write(fd: int, data: bytes) -> None:
    # The first part of a record fits on a disk that is almost full.
    if os.write(fd, data) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _lock_new(path: Path) -> int:
    fd = os.open(path, _CREATE, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        path.unlink(missing_ok=True)
        raise
    return fd


def open_to_watch(path: Path) -> int | None:
    """A descriptor for `is_free`; None if there is no such file, or none that we may open.

    Raises:
        OSError: descriptors or memory are used up, so that nothing can be said of the file.
    """
    try:
        return os.open(path, _READ)
    except OSError as error:
        if error.errno in _EXHAUSTED:
            raise
        return None


def is_free(fd: int) -> bool:
    """True if nobody holds the lock, so that the maker is gone.

    The shared lock that the answer leaves behind ends with `fd`. It is shared so that two
    readers do not take one another for the maker.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def remove_if_same(path: Path, fd: int) -> None:
    """Unlink `path` if it is still the file behind `fd`: a newer one of that name is not ours."""
    # Another reader may be faster; and what cannot be removed does no harm.
    with contextlib.suppress(OSError):
        here, there = path.lstat(), os.fstat(fd)
        if (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev):
            path.unlink()
