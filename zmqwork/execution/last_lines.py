"""What a child writes to standard error is kept for its parent, who may have to say how it died."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from zmqwork.execution.page import Page


class LastLines:
    """Standard error, and a note of what the attempt that runs has written there, in the page.

    What C code writes by itself is not noted: the interpreter does not see it.
    """

    def __init__(self, stream: TextIO, page: Page) -> None:
        self._stream = stream
        self._page = page
        self._is_copy = False
        os.register_at_fork(after_in_child=self._forked)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """As the stream's own."""
        count = self._stream.write(text)
        if not self._is_copy:
            self._page.note(text.encode(errors="replace"))
        return count

    def writelines(self, lines: list[str]) -> None:
        """As the stream's own."""
        for line in lines:
            self.write(line)

    def _forked(self) -> None:
        self._is_copy = True


def keep_last_lines(page: Page) -> None:
    """Do so from now on, if there is a standard error."""
    if sys.stderr is not None:
        sys.stderr = LastLines(sys.stderr, page)
