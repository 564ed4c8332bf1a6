"""Whether a directory's names may have changed, for the price of one call."""

from __future__ import annotations

import time
from pathlib import Path

# A time stamp moves with the kernel's tick (at most 10 ms); old file systems keep whole seconds.
_TICK = 0.05
_COARSE_TICK = 2.1


class Stamp:
    """The modification time of a directory, as it was when its names were last read.

    Two changes within one tick of the kernel have the same stamp. So as long as that tick is not
    surely over when the names are read, there may be more to come under the same stamp, and
    the directory counts as changed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._value = -1
        self._seen_at = 0.0
        self._settled = False

    def note(self) -> None:
        """Call this right before the names are read."""
        value, now = self._read(), time.monotonic()
        if value != self._value:
            self._value, self._seen_at = value, now
        tick = _COARSE_TICK if value % 1_000_000_000 == 0 else _TICK
        self._settled = now - self._seen_at > tick

    def changed(self) -> bool:
        """False if the names are certainly those that were read after the last `note`."""
        return not self._settled or self._read() != self._value

    def _read(self) -> int:
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0
