"""What threads and coroutines are doing at this moment, as text for standard error."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

from zmqwork.escaping import LINES, printable

# Sent to a process by a person who wants to know, and by a worker to its children.
ASKED = getattr(signal, "SIGUSR1", None)

# Coroutines that wait for each other without end are cut here.
_DEPTH_MAX = 100


def show(text: str) -> None:
    """Write to standard error; also from a signal handler, which may interrupt print() itself."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        data = f"{printable(text.rstrip(), LINES)}\n".encode(errors="backslashreplace")
        while data:
            data = data[os.write(sys.stderr.fileno(), data) :]


def of_threads() -> str:
    """The stack of each thread of this process, by its name."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    parts = []
    for ident, frame in sys._current_frames().items():
        stack = "".join(traceback.format_stack(frame))
        parts.append(f"thread {names.get(ident, ident)!r}, most recent call last:\n{stack}")
    # What waits in an event loop is on no thread's stack; only a loop's own thread may ask for it.
    tasks = getattr(sys.modules.get("asyncio.tasks"), "_all_tasks", ())
    with contextlib.suppress(RuntimeError):  # it changes meanwhile
        parts += [f"coroutine:\n{of_coroutine(t.get_coro())}" for t in tuple(tasks) if not t.done()]
    return "".join(parts)


def of_coroutine(coroutine: object) -> str:
    """Where a coroutine waits: its own line, and those of what it awaits."""
    lines = []
    waiting: Any = coroutine
    for _ in range(_DEPTH_MAX):
        frame: FrameType | None = getattr(waiting, "cr_frame", None)
        if frame is None:
            break
        lines += traceback.format_stack(frame, limit=1)
        waiting = waiting.cr_await
    return "".join(lines)


def show_when_asked() -> None:
    """Let this process show its threads at each ASKED, even while it is in a call of C code."""
    if ASKED is not None:
        signal.signal(ASKED, _ignore)  # it must not end the process
        with contextlib.suppress(Exception):  # no stderr, or one that is no file
            faulthandler.register(ASKED)


def show_also(describe: Callable[[], str]) -> None:
    """Besides, show this, as soon as the main thread is between two steps of Python."""
    if ASKED is not None:
        with contextlib.suppress(Exception):
            faulthandler.unregister(ASKED)  # it takes the place of handlers that come later
            signal.signal(ASKED, lambda *_: show(describe()))
            faulthandler.register(ASKED, chain=True)


def _ignore(number: int, frame: FrameType | None) -> None:
    del number, frame
