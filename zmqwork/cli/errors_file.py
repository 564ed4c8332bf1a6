"""``--errors FILE``: the inputs that failed, in their own format, so that they can be fed again."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from zmqwork.cli.inputs import Input
from zmqwork.cli.output import OutputFailed, counted
from zmqwork.cli.records import Format
from zmqwork.errors import UsageError

_CLOEXEC = getattr(os, "O_CLOEXEC", 0)


class ErrorsFile:
    """A file that is made when the first input has failed. Use it with `with`; from any thread.

    Each record is written by one call of the system, behind what is there: a process that is
    killed leaves whole records, also when the disk was full.

    Args:
        path: of the file.
        source: what is read; it cannot be this file. None: no file.
        overwrite: what an earlier run left there goes, now.

    Attributes:
        path: of the file.
        count: records in it that this run wrote.

    Raises:
        UsageError: the file holds something already, or cannot be written.
    """

    def __init__(self, path: str, source: Input | None = None, *, overwrite: bool = False) -> None:
        self.path = path
        self.count = 0
        self._descriptor = -1
        self._closed = False
        self._lock = threading.Lock()
        if source is not None and source.is_same_file(path):
            raise UsageError(f"--errors {path}: this is the input, and it is still to be read")
        self._check(overwrite)

    def add(self, form: Format, raw: bytes) -> None:
        """Write one failed record; behind the header, if files of its format have one.

        Raises:
            OutputFailed: the file takes no more; what is in it is whole.
        """
        with self._lock:
            if self._closed:
                return
            try:
                self._write(form, raw)
            except OSError as error:
                raise OutputFailed(
                    f"--errors {self.path} cannot be written: {error.strerror or error} "
                    f"({counted(self.count, 'failed record')} in it)"
                ) from error
            self.count += 1

    def close(self) -> None:
        """Close it; what fails afterwards is not written."""
        with self._lock:
            self._closed = True
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _check(self, overwrite: bool) -> None:
        """Before any task is sent: later, it would be too late to ask."""
        try:
            there = Path(self.path).stat()
        except FileNotFoundError:
            self._check_directory()
            return
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(f"--errors {self.path}: {reason}") from error
        if stat.S_ISDIR(there.st_mode):
            raise UsageError(f"--errors {self.path}: it is a directory")
        if stat.S_ISREG(there.st_mode) and overwrite:
            self._remove()
        elif stat.S_ISREG(there.st_mode) and there.st_size:
            raise UsageError(
                f"--errors {self.path}: there is such a file, with {there.st_size:,} bytes: are "
                "they still needed? Name another file, or say --overwrite-errors"
            )

    def _remove(self) -> None:
        try:
            Path(self.path).unlink()
        except OSError as error:
            raise UsageError(f"--errors {self.path}: {error.strerror or error}") from error

    def _check_directory(self) -> None:
        directory = Path(self.path).parent
        if not directory.is_dir():
            raise UsageError(f"--errors {self.path}: there is no directory {str(directory)!r}")
        if not os.access(directory, os.W_OK | os.X_OK):
            raise UsageError(f"--errors {self.path}: no file can be made in {str(directory)!r}")

    def _write(self, form: Format, raw: bytes) -> None:
        data = raw + form.separator
        if self._descriptor < 0:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _CLOEXEC
            self._descriptor = os.open(self.path, flags, 0o666)
        if form.header is not None and not self.count:
            data = form.header + form.separator + data
        size = os.fstat(self._descriptor).st_size
        try:
            _write_all(self._descriptor, data)
        except OSError:
            if stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                os.ftruncate(self._descriptor, size)
            raise


def _write_all(descriptor: int, data: bytes) -> None:
    """Once, save where the system takes less: a pipe, or a disk that is almost full."""
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, data[written:])
