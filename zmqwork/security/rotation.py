"""The files of an audit log: a current one, to which all processes of a user append, and old ones.

::

    $XDG_STATE_HOME/zmqwork/      0700
        audit.jsonl               0600: the current one
        audit.jsonl.1             the newest that was rotated away, and so on
        audit.jsonl.lock          flock: held for each append, and while a reader opens them all

A batch is one write. If the disk takes less of it, what it took is taken back. What a crash leaves
of a write is a torn line, behind which the next batch begins anew.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from zmqwork.disk import sync_data
from zmqwork.security import chain, files
from zmqwork.security.chain import ROOT, End, Link

BYTES_MAX = 64 * 1024 * 1024
KEPT = 8

# The end of a file is read in pieces of this size, until a record is found.
_PIECE = 64 * 1024

_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_LOCK = os.O_NOFOLLOW | os.O_CLOEXEC


def default_path() -> Path:
    """Where the audit log of this user is: in XDG_STATE_HOME, or ~/.local/state.

    Raises:
        RuntimeError: this user has no home.
    """
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path("~/.local/state").expanduser()
    return base / "zmqwork" / "audit.jsonl"


def names(path: Path) -> list[Path]:
    """The files that are there, the oldest first."""
    found = []
    for old in path.parent.glob(f"{path.name}.*"):
        number = old.name.removeprefix(f"{path.name}.")
        if number.isascii() and number.isdecimal():
            found.append((int(number), old))
    rotated = [old for _, old in sorted(found, reverse=True)]
    return [*rotated, path] if path.exists() else rotated


@contextlib.contextmanager
def opened(path: Path) -> Iterator[list[tuple[Path, BinaryIO, int]]]:
    """All files for reading, the oldest first, with the bytes that each has at this instant.

    Raises:
        OSError: one of them cannot be read.
    """
    with contextlib.ExitStack() as stack:
        with _locked(path, fcntl.LOCK_SH):
            found: list[tuple[Path, BinaryIO, int]] = []
            for name in names(path):
                file = stack.enter_context(_open_to_read(name))
                found.append((name, file, os.fstat(file.fileno()).st_size))
        yield found


def _open_to_read(path: Path) -> BinaryIO:
    """A file of the log. Raises `OSError`, also for what one would wait for to be opened."""
    file = open(path, "rb", opener=_at_once)  # noqa: SIM115 - the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is no file", path)
    return file


def _at_once(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NONBLOCK)


def lines_of(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The lines of a file: what it has of so many bytes."""
    while size > 0:
        line = file.readline(size)
        if not line:
            return
        size -= len(line)
        yield line


class Log:
    """Appends to an audit log. One thread at a time; any number of processes.

    Args:
        path: of the current file.
        bytes_max: a file that would get longer than this is rotated away.
        kept: so many old files are kept.
    """

    def __init__(self, path: Path, bytes_max: int = BYTES_MAX, kept: int = KEPT) -> None:
        self.path = path
        self._bytes_max = bytes_max
        self._kept = kept
        # The file as this process has left it: its inode and size, and how it ends.
        self._left: tuple[tuple[int, int], Link] | None = None

    def append(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Chain these, and write them; all of them or none.

        Raises:
            OSError: the disk, or the place, does not take them.
            KeysError: others may write there, or it is somebody else's.
        """
        files.make_directory(self.path.parent)
        with _locked(self.path, fcntl.LOCK_EX):
            fd = self._open()
            try:
                size = os.fstat(fd).st_size
                link, torn, is_cut = self._end(fd, size)
                data = b"\n" if is_cut else b""
                for record in records:
                    line, link = chain.seal(record, link, torn)
                    data += line
                    torn = b""
                if size and size + len(data) > self._bytes_max:
                    if is_cut:
                        os.write(fd, b"\n")
                        data = data[1:]
                    os.close(fd)
                    fd = -1
                    self._rotate()
                    fd, size = self._open(), 0
                self._write(fd, data, size)
                self._left = (os.fstat(fd).st_ino, size + len(data)), link
            except BaseException:
                self._left = None
                raise
            finally:
                if fd >= 0:
                    os.close(fd)

    def _open(self) -> int:
        fd = os.open(self.path, _APPEND, 0o600)
        try:
            files.check_file(self.path, fd)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _end(self, fd: int, size: int) -> tuple[Link, bytes, bool]:
        """The last record, what is torn behind it, and whether the file's last line has no end."""
        if self._left is not None and self._left[0] == (os.fstat(fd).st_ino, size):
            return self._left[1], b"", False
        end = _end_of_file(fd, size)
        is_cut = bool(size) and os.pread(fd, 1, size - 1) != b"\n"
        for old in reversed(names(self.path)[:-1]):
            if end.link is not None:
                break
            with _open_to_read(old) as file:
                before = _end_of_file(file.fileno(), os.fstat(file.fileno()).st_size)
            end = End(before.link, before.rest + end.rest)
        return end.link or ROOT, end.rest, is_cut

    def _rotate(self) -> None:
        for number in range(self._kept - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                _old(self.path, number).replace(_old(self.path, number + 1))
        self.path.replace(_old(self.path, 1))

    def _write(self, fd: int, data: bytes, size: int) -> None:
        try:
            _write_all(fd, data)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(fd, size)
            raise


def _write_all(fd: int, data: bytes) -> None:
    if os.write(fd, data) < len(data):  # to a file that is a disk without room
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    sync_data(fd)


def _old(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _end_of_file(fd: int, size: int) -> End:
    """How a file ends, read from behind."""
    wanted = _PIECE
    while True:
        start = max(0, size - wanted)
        end = chain.end_of(_read(fd, start, size), whole=start == 0)
        if end.link is not None or start == 0:
            return end
        wanted *= 8


def _read(fd: int, start: int, size: int) -> bytes:
    data = b""
    while start + len(data) < size:
        piece = os.pread(fd, size - start - len(data), start + len(data))
        if not piece:
            break
        data += piece
    return data


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    """While it is entered no other process appends.

    A reader makes no lock: of a log that was copied somewhere there is none.
    """
    mode = os.O_RDWR | os.O_CREAT if how == fcntl.LOCK_EX else os.O_RDONLY
    try:
        fd = os.open(path.with_name(f"{path.name}.lock"), _LOCK | mode, 0o600)
    except OSError:
        if how == fcntl.LOCK_EX:
            raise
        yield
        return
    try:
        fcntl.flock(fd, how)
        yield
    finally:
        os.close(fd)
