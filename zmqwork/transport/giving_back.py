"""Memory that was freed, and that the allocator keeps, back to the system."""

from __future__ import annotations

import ctypes
from contextlib import suppress


def give_back() -> None:
    """Return what can be returned; for once in a while. Does nothing where libc cannot.

    (Measured: 90 MB of small frames, freed by libzmq, stay with glibc for good.)
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
