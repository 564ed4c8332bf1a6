"""SIGTERM for commands that have something to put away."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from zmqwork.cli import exits


@contextmanager
def terminable() -> Iterator[None]:
    """Within it SIGTERM unwinds the stack, as Ctrl-C does, and the exit code is 143."""
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - signal's form
    raise SystemExit(exits.TERMINATED)
