"""Room on the disk that is kept for settlements: a file that is cut when they need it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_STEP_BYTES = 1024 * 1024


class Reserve:
    """A file without content that takes as much room as is to be kept.

    Args:
        path: the file.
        size_bytes: how much; 0: none, and no file.
    """

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = path
        self._size_bytes = size_bytes
        # Unknown: what an earlier process left is looked at, and made whole, by `fill`.
        self._is_full = False

    def fill(self) -> None:
        """Take the room, or as much as there is of it; does nothing if it has it."""
        if self._is_full or not self._size_bytes:
            return
        with contextlib.suppress(OSError):  # no room; the next time, perhaps
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                had = os.fstat(fd).st_size
                self._take(fd, had)
            finally:
                os.close(fd)

    def _take(self, fd: int, had: int) -> None:
        try:
            # (Not on macOS: there a hole keeps no room, and none is promised.)
            allocate = getattr(os, "posix_fallocate", None)
            if allocate is not None and had < self._size_bytes:
                allocate(fd, had, self._size_bytes - had)
            self._is_full = True
        except OSError:
            os.ftruncate(fd, had)  # what it took in vain
            raise

    def give(self) -> bool:
        """Give a part of it back to the disk; False if nothing is left."""
        self._is_full = False
        try:
            size = self._path.stat().st_size
            if size:
                os.truncate(self._path, max(0, size - _STEP_BYTES))
        except OSError:
            return False
        return size > 0

    def remove(self) -> None:
        """Give all of it back."""
        with contextlib.suppress(OSError):
            self._path.unlink()
