"""Where records come from: a file, a pipe, a terminal."""

from __future__ import annotations

import difflib
import os
import select
import stat
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from zmqwork.cli.lines import CHUNK_BYTES
from zmqwork.cli.output import closed_streams
from zmqwork.errors import UsageError

# How often somebody who waits for a pipe looks whether he still should: a signal that another
# thread got is handled then, too.
_LOOK_INTERVAL_MS = 500


class Input:
    """An open input. Use it with `with`.

    Args:
        name: for people.
        descriptor: to read from; it is closed at the end.

    Attributes:
        name: for people.
        size_bytes: how many bytes there are to read; None: only the end will tell.
        is_terminal: a person types it.
        on_idle: called now and then while `read` waits, in its thread.
    """

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self._descriptor = descriptor
        self._stat = os.fstat(descriptor)
        self._is_file = stat.S_ISREG(self._stat.st_mode)
        self._start = os.lseek(descriptor, 0, os.SEEK_CUR) if self._is_file else 0
        # Files of /proc say that they have no size, and have one.
        rest = self._stat.st_size - self._start if self._is_file else 0
        self.size_bytes = rest if rest > 0 else None
        self.is_terminal = os.isatty(descriptor)
        self.on_idle: Callable[[], object] = lambda: None
        self._stopped = False

    @property
    def is_file(self) -> bool:
        """It can be read twice, and holds the same then."""
        return self._is_file

    def read(self, size: int) -> bytes:
        """Up to so many bytes; none at the end, or when `stop` was called.

        Raises:
            UsageError: it cannot be read; with the system's reason.
        """
        try:
            while not self._stopped:
                if not self._is_file and not self._is_ready():
                    self.on_idle()
                    continue
                try:
                    return os.read(self._descriptor, size)
                except BlockingIOError:
                    # Somebody else made it so, and read what was there.
                    continue
        except OSError as error:
            raise _unreadable(self.name, error) from error
        return b""

    def for_each_chunk(self, act: Callable[[bytes], object]) -> None:
        """Read a file to its end, and go back to where it began.

        Raises:
            UsageError: it cannot be read; with the system's reason.
        """
        assert self._is_file, "a pipe can be read once"
        while chunk := self.read(CHUNK_BYTES):
            act(chunk)
        os.lseek(self._descriptor, self._start, os.SEEK_SET)

    def has_changed(self) -> bool:
        """True if somebody has written to the file since it was opened."""
        now = os.fstat(self._descriptor)
        same = now.st_size == self._stat.st_size and now.st_mtime_ns == self._stat.st_mtime_ns
        return self._is_file and not same

    def is_same_file(self, path: str) -> bool:
        """True if `path` leads to this very file."""
        try:
            return self._is_file and os.path.samestat(self._stat, Path(path).stat())
        except OSError:
            return False

    def stop(self) -> None:
        """Let who reads find the end, within half a second; from any thread."""
        self._stopped = True

    def close(self) -> None:
        """Close it; does nothing the second time."""
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

    def _is_ready(self) -> bool:
        if not hasattr(select, "poll"):  # Windows: its pipes can only be waited for in read
            return True
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(_LOOK_INTERVAL_MS))


def open_input(path: str) -> Input:
    """The file of that name; ``-`` is standard input.

    Opening a named pipe waits for who writes to it.

    Raises:
        UsageError: there is none, or it cannot be read; the text has the system's reason.
    """
    if path == "-":
        if "stdin" in closed_streams:
            raise UsageError("cannot read standard input: whoever started this has closed it")
        return Input("standard input", os.dup(0))
    try:
        opened = Input(path, os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)))
    except FileNotFoundError as error:
        raise UsageError(f"cannot read {path!r}: there is no such file{_near(path)}") from error
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if stat.S_ISDIR(opened._stat.st_mode):
        opened.close()
        raise UsageError(f"cannot read {path!r}: it is a directory")
    return opened


def _unreadable(name: str, error: OSError | ValueError) -> UsageError:
    reason = getattr(error, "strerror", None) or error
    return UsageError(f"cannot read {name!r}: {reason}")


def _near(path: str) -> str:
    """`: did you mean …?`, of the files beside it."""
    wanted = Path(path)
    try:
        names = [entry.name for entry in os.scandir(wanted.parent) if entry.is_file()]
    except OSError:
        return ""
    near = difflib.get_close_matches(wanted.name, names, n=1)
    return f": did you mean {str(wanted.parent / near[0])!r}?" if near else ""
