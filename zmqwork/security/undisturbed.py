"""Ctrl-C waits while files that belong together are written."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_WAITING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Within it, what would end this thread waits: that takes milliseconds.

    Otherwise a member could be in the roster whose only key is in a bundle that was cleaned away.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WAITING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
