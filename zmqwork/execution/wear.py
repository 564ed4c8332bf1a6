"""When a child process has worked enough, and is to be replaced: leaks of user code end with it."""

from __future__ import annotations

import os
import sys
from time import perf_counter
from typing import NamedTuple

# Between two quick attempts the memory is not looked at more often: a look takes microseconds.
_LOOK_INTERVAL = 0.005


class Limits(NamedTuple):
    """What a child may do before it is replaced; 0: as much as it likes.

    Attributes:
        tasks: attempts that it runs.
        size_bytes: of memory that it has when an attempt has ended.
    """

    tasks: int = 0
    size_bytes: int = 0


UNLIMITED = Limits()


class Wear:
    """The child's own account of that."""

    def __init__(self, limits: Limits) -> None:
        self._tasks_left = limits.tasks or sys.maxsize
        self._bytes_max = limits.size_bytes
        self._looked_at = 0.0

    def is_spent(self) -> bool:
        """An attempt has ended: whether it was this child's last one."""
        self._tasks_left -= 1
        if self._tasks_left <= 0:
            return True
        if not self._bytes_max:
            return False
        now = perf_counter()
        if now - self._looked_at < _LOOK_INTERVAL:
            return False
        self._looked_at = now
        return resident_bytes() > self._bytes_max


def resident_bytes() -> int:
    """The memory of this process: what it has now, or where nothing tells that, the most it had."""
    try:
        # Not pathlib: this is asked between two attempts.
        with open("/proc/self/statm", "rb", buffering=0) as file:  # noqa: PTH123
            return int(file.read(256).split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        pass
    import resource  # noqa: PLC0415  # Linux does not need it

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
