"""SIGTERM for commands that have something to put away."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from zmqwork.cli import exits
from zmqwork.nodes.signals import ECHO_INTERVAL


@contextmanager
def terminable() -> Iterator[None]:
    """Within it SIGTERM unwinds the stack, as Ctrl-C does, and the exit code is 143.

    An echo of it (see `nodes.signals`) does not cut the unwinding short.
    """
    left_at = -math.inf

    def leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's form
        nonlocal left_at
        now = time.monotonic()
        if now - left_at >= ECHO_INTERVAL:
            left_at = now
            raise SystemExit(exits.TERMINATED)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
