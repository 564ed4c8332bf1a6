"""Signals in a child: who ends when is its parent's business, but not in what its tasks start."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

# Signals that the parent answers for its children, and what they do in other programs.
_IGNORED: dict[signal.Signals, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGTSTP: signal.SIG_DFL,
}

# Sent by the parent when a soft time-out is over. Programs that do not ask for it never notice.
ALARM = signal.SIGURG

_forking = threading.local()


def leave_signals_to_parent() -> None:
    """Do nothing at SIGINT, SIGTERM and SIGTSTP in this process.

    A service's stop is often sent to all of its processes, and would kill the attempts that the
    parent's drain waits for; what pauses the parent must not stop those that it waits for.
    """
    # Not SIG_IGN, which the programs started by tasks would inherit.
    for number in _IGNORED:
        signal.signal(number, _ignore)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    # A process that a task forks can be ended by these: multiprocessing does it. What is sent to
    # it before its handlers are back must wait, or it would be lost.
    os.register_at_fork(before=_hold, after_in_parent=_let_go, after_in_child=_restore)


def at_alarm(callback: Callable[[], None]) -> None:
    """Call this in the main thread, between two steps of whatever it does, at each ALARM."""
    signal.signal(ALARM, lambda *_: callback())


def _ignore(number: int, frame: FrameType | None) -> None:
    del number, frame


def _hold() -> None:
    _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _IGNORED)


def _let_go() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)


def _restore() -> None:
    for number, handler in _IGNORED.items():
        if signal.getsignal(number) is _ignore:  # not if user code has its own
            signal.signal(number, handler)
    _let_go()
