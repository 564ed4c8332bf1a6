"""A file of lines that is as long as the database beside it says.

A batch is appended and synced, and then the database says so, in one transaction with the numbers
of its results. What a process that was killed in between has left behind that length is cut when
the file is opened again: those results come again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zmqwork.disk import sync_data, sync_directory
from zmqwork.errors import StoreError
from zmqwork.nodes.store import Batch
from zmqwork.sinks.database import Database, DatabaseStore, as_path
from zmqwork.sinks.disk import failure

_log = logging.getLogger("zmqwork")

_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
# So much of the end of the file is kept in the database, to know it again.
_TAIL_BYTES = 64
_HEAD_BYTES_MAX = 1024 * 1024
_NOTHING: Mapping[str, Any] = {}


class LineFile:
    """The file, and the database beside it, which has its name and ``.inbox``.

    Args:
        path: the file; absolute, without links.
        kind: what the lines are.
        inbox: the id of the inbox, or None, as `Database` takes it.
        append: what others have written into the file stays, and is continued behind.
    """

    def __init__(self, path: Path, kind: str, inbox: str | None, *, append: bool) -> None:
        self.path = path
        self.database = Database(path.with_name(path.name + ".inbox"), kind, inbox, path)
        self._append = append
        self._fd = -1
        # How much of the file counts.
        self.length = 0
        # Bytes of ours may lie behind `length`: only opening it anew may decide on them.
        self._in_doubt = False

    def open(self) -> dict[str, list[tuple[int, int]]]:
        """Open the file, made if it is missing. Returns what was taken, by producer.

        Raises:
            StoreError: it cannot be used, or is not the one that the database tells of.
        """
        self.database.lock()
        try:
            taken = self._open_known() if self.database.exists() else self._open_new()
            # From here on, what is behind the length is ours.
            self.database.note({"length": self.length, "tail": self._tail(), "is_closed": 0})
        except OSError as error:
            self.close()
            raise failure(self.path, error) from error
        except BaseException:
            self.close()
            raise
        return taken

    def head(self) -> str:
        """The first line of what counts, without its end."""
        data = os.pread(self._fd, min(self.length, _HEAD_BYTES_MAX), 0)
        return data.partition(b"\n")[0].decode("utf-8", "replace")

    def write(self, data: bytes, batch: Batch, notes: Mapping[str, Any] = _NOTHING) -> None:
        """Append whole lines and remember the batch; for good, when it returns.

        Raises:
            StoreError: it did not go, or it is not known whether it did. The file is as it was, or
                will be when it is opened again.
        """
        self.append(data)
        self.commit(batch, len(data), notes)

    def append(self, data: bytes) -> None:
        """The first half of `write`: the bytes are on the disk, and do not count yet."""
        if self._in_doubt:
            raise StoreError(f"{self.path}: an earlier batch failed; start again")
        try:
            size = os.fstat(self._fd).st_size
            if size != self.length:
                raise self._other(
                    f"has {size:,} bytes instead of {self.length:,}: somebody else wrote"
                )
            self._in_doubt = True
            _write_at(self._fd, data, self.length)
            sync_data(self._fd)
        except OSError as error:
            # Syncing is not tried again: the system may have forgotten what it could not write.
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self.length)
            raise failure(self.path, error, self.database.results_count) from error

    def commit(self, batch: Batch, size: int, notes: Mapping[str, Any] = _NOTHING) -> None:
        """The second half of `write`: the bytes that were appended count."""
        before, self.length = self.length, self.length + size
        try:
            self.database.record(batch, {**notes, "length": self.length, "tail": self._tail()})
        except BaseException:
            self.length = before
            raise
        self._in_doubt = False

    def close(self) -> None:
        """Close both. May be called again, and without `open`."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            if self.database.is_open and not self._in_doubt:
                # If that cannot be noted, the next start takes what is behind for ours.
                with contextlib.suppress(StoreError):
                    self.database.note({"is_closed": 1})
        self.database.close()

    def _open_new(self) -> dict[str, list[tuple[int, int]]]:
        size = self._size()
        if size and not self._append:
            raise self._other(f"has {size:,} bytes that no sink is known to have written")
        self._make()
        self._continue_behind(size or 0)
        return self.database.open({"length": self.length, "tail": self._tail(), "is_closed": 1})

    def _open_known(self) -> dict[str, list[tuple[int, int]]]:
        taken = self.database.open(_NOTHING)
        notes = self.database.notes()
        self.length = notes["length"]
        size = self._size()
        if size is None and self.length:
            raise self._other("is gone", can_append=False)
        self._make()
        size = size or 0
        if size < self.length or self._tail() != notes["tail"]:
            raise self._other("is not the file that was written here", can_append=False)
        if size > self.length and not notes["is_closed"]:
            os.ftruncate(self._fd, self.length)
            sync_data(self._fd)
            _log.info(
                "%s: %d bytes of a batch that was not finished are cut; its results come again",
                self.path, size - self.length,
            )  # fmt: skip
        elif size > self.length:
            if not self._append:
                raise self._other(f"has {size - self.length:,} bytes that somebody else has added")
            self._continue_behind(size)
        return taken

    def _size(self) -> int | None:
        """The size of the file; None if there is none."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(status.st_mode):
            raise StoreError(f"{self.path} is no regular file; `-` is standard output")
        return status.st_size

    def _make(self) -> None:
        self._fd = os.open(self.path, _OPEN, 0o666)
        sync_directory(self.path.parent)

    def _continue_behind(self, size: int) -> None:
        """Let all that is there count, its last line ended."""
        if size and os.pread(self._fd, 1, size - 1) != b"\n":
            _write_at(self._fd, b"\n", size)
            size += 1
        sync_data(self._fd)
        self.length = size

    def _tail(self) -> bytes:
        at = max(0, self.length - _TAIL_BYTES)
        return os.pread(self._fd, self.length - at, at)

    def _other(self, what: str, *, can_append: bool = True) -> StoreError:
        append = "; or write behind what is there, with append (--append)" if can_append else ""
        inbox = self.database.path
        both = f" and {inbox.name}" if inbox.exists() else ""
        return StoreError(
            f"{self.path} {what}. Choose another name; or delete it{both}, to begin anew{append}"
        )


class LineStore(DatabaseStore):
    """A store of lines in such a file."""

    def __init__(
        self, path: str | os.PathLike[str], kind: str, inbox: str | None, *, append: bool
    ) -> None:
        self._file = LineFile(as_path(path), kind, inbox, append=append)
        super().__init__(self._file.database)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    @property
    def path(self) -> Path:
        """The file."""
        return self._file.path

    def open(self) -> dict[str, list[tuple[int, int]]]:
        """As `Store.open`."""
        return self._file.open()

    def close(self) -> None:
        """As `Store.close`."""
        self._file.close()


def _write_at(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        count = os.pwrite(fd, view, offset)
        view, offset = view[count:], offset + count
