"""The tasks that every peer runs, by their names."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.work import burn, noop

PATIENCE = 120.0


def hold(path: str) -> int:
    """Say that the slot is taken by making the file, and keep it until somebody removes that."""
    taken = Path(path)
    taken.touch()
    ends_at = time.monotonic() + PATIENCE
    while taken.exists() and time.monotonic() < ends_at:
        time.sleep(0.02)
    return 0


CHORES: dict[str, Callable[..., Any]] = {"noop": noop, "burn": burn, "hold": hold}
