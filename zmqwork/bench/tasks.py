"""The app of ``zmqwork bench``: tasks that do nothing, or for so long, and say where they ran."""

from __future__ import annotations

import contextlib
import os
import platform
import socket
import time
from pathlib import Path
from typing import TypedDict

from zmqwork.app import App

app = App("zmqwork-bench")

# A round of `cpu` looks at the clock so seldom that it computes, and often enough to end in time.
_STEPS = 200


class About(TypedDict):
    """What a worker says of its host; see `about`."""

    host: str
    pid: int
    cpus: int
    python: str
    busy: tuple[int, int] | None


@app.task(max_retries=0)
def noop(payload: bytes) -> None:
    """Drop what came: the payload goes one way."""
    del payload


@app.task(max_retries=0)
def echo(value: bytes) -> bytes:
    """Return what came: all that is measured is the way there and back."""
    return value


@app.task(max_retries=0)
def sleep(seconds: float) -> None:
    """Wait, as for a disk or another service."""
    time.sleep(seconds)


@app.task(max_retries=0)
def cpu(seconds: float) -> None:
    """Compute for so many seconds of this thread's processor time."""
    end_at = time.thread_time() + seconds
    while time.thread_time() < end_at:
        sum(range(_STEPS))


@app.task(max_retries=0)
def about() -> About:
    """Who runs this, and how busy its host was so far: asked before a measurement, and after."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "cpus": os.cpu_count() or 1,
        "python": platform.python_version(),
        "busy": busy_ticks(),
    }


def busy_ticks(stat: Path = Path("/proc/stat")) -> tuple[int, int] | None:
    """Ticks in which this host's processors worked, and all ticks; None: no Linux tells it."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        first = stat.read_text("ascii").splitlines()[0].split()
        ticks = [int(word) for word in first[1:9]]  # those of guests are in the first two as well
        if first[0] == "cpu" and len(ticks) == 8:
            idle = ticks[3] + ticks[4]
            return sum(ticks) - idle, sum(ticks)
    return None
