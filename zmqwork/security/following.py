"""An audit log read as it grows, also when its current file is rotated away meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from zmqwork.security.rotation import lines_of, opened


class Follower:
    """Gives each line of a log once.

    Args:
        path: of its current file, which need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = -1  # of the file that was read last, and how far
        self._offset = 0

    def lines(self) -> Iterator[bytes]:
        """What has come since the last call; at the first one all that there is.

        Raises:
            OSError: a file cannot be read.
        """
        with opened(self._path) as files:
            inodes = [os.fstat(file.fileno()).st_ino for _, file, _ in files]
            start = inodes.index(self._inode) if self._inode in inodes else 0
            if self._inode not in inodes:
                self._offset = 0
            for (_, file, size), inode in list(zip(files, inodes, strict=True))[start:]:
                file.seek(self._offset)
                yield from lines_of(file, size - self._offset)
                self._inode, self._offset = inode, size
                if inode != inodes[-1]:
                    self._offset = 0
