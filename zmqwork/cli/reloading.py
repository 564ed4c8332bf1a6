"""``zmqwork worker --reload``: a process that starts the worker anew when its source changes.

The worker is a process of its own, since what was imported cannot be imported again in place. It is
drained first, so that no attempt is cut short by an editor.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from zmqwork.cli import exits
from zmqwork.cli.output import complain
from zmqwork.cli.sources import Sources
from zmqwork.transport.wakeup import Wakeup

# How often the source is looked at, in seconds.
_INTERVAL = 0.25

# What is sent to this process is meant for the worker.
_FORWARDED = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGTSTP", "SIGCONT", "SIGUSR1")
_LEAVING = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT")

# With these a worker ends that has not failed, or that a person must start again.
_ENDS = (exits.OK, exits.UNFIT)

_PR_SET_PDEATHSIG = 1


def supervise(target: str | None) -> int:
    """Run this command without ``--reload``, again after each change; the worker's exit code.

    Args:
        target: ``MODULE:APP``, whose package is watched; None: the current directory is.
    """
    sources = Sources(target)
    words = [word for word in sys.argv[1:] if word != "--reload"]
    _say(f"watching {sources.what}")
    return _Supervisor(words, sources).run()


class _Supervisor:
    """One worker after the other."""

    def __init__(self, words: list[str], sources: Sources) -> None:
        self._words = words
        self._sources = sources
        self._worker: subprocess.Popen[bytes] | None = None
        self._left_by = 0  # the signal that asked for the end
        self._is_told = False  # whether a worker has had that
        # (The lock of a threading.Event may be held by the code that the signal interrupts.)
        self._news = Wakeup()

    def run(self) -> int:
        """Until a worker ends by itself, or a signal ends it."""
        with contextlib.closing(self._news), _handling(self._forward):
            while not self._left_by:
                code = self._serve()
                if code is not None:
                    return code
        return 128 + self._left_by  # there was no worker to ask

    def _serve(self) -> int | None:
        """Run a worker; its exit code, or None: another one is to follow."""
        worker = self._worker = _start(self._words)
        if self._left_by and not self._is_told:  # it came while there was no worker
            worker.send_signal(self._left_by)
        is_old = False
        while worker.poll() is None:
            self._rest()
            if not is_old and self._wants_another():
                is_old = True
                worker.send_signal(signal.SIGTERM)
        self._worker = None
        code = worker.returncode if worker.returncode >= 0 else 128 - worker.returncode
        if self._left_by or (code in _ENDS and not is_old):
            return code
        if not is_old:
            _say(f"the worker ended with exit code {code}; it is started again after a change")
            while not (self._is_leaving() or self._wants_another()):
                self._rest()
        return None

    def _rest(self) -> None:
        select.select([self._news.fd], [], [], _INTERVAL)
        self._news.clear()

    def _is_leaving(self) -> bool:
        return bool(self._left_by)

    def _wants_another(self) -> bool:
        """Whether the source has changed, and could be imported."""
        changed = self._sources.changed()
        faults = self._sources.faults(changed)
        for fault in faults:
            _say(f"not restarted: {fault}")
        if changed and not faults:
            _say(f"{', '.join(sorted(changed)[:3])} changed: starting anew")
        return bool(changed) and not faults

    def _forward(self, number: int) -> None:
        worker = self._worker
        if signal.Signals(number).name in _LEAVING:
            self._left_by = number
            self._is_told = worker is not None
        if worker is not None:
            worker.send_signal(number)
        self._news.set()


@contextmanager
def _handling(forward: Callable[[int], None]) -> Iterator[None]:
    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        forward(number)

    numbers = [getattr(signal, name) for name in _FORWARDED if hasattr(signal, name)]
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _start(words: list[str]) -> subprocess.Popen[bytes]:
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return subprocess.Popen(  # noqa: S603  # our own interpreter and program
        [sys.executable, *flags, "-m", "zmqwork", *words],
        # Compiled files know the time of their source to the second: an editor is faster.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=_end_with_parent,  # noqa: PLW1509  # this process has one thread
    )


def _end_with_parent() -> None:
    """Have the worker drained if this process is killed, where the system can do that."""
    with contextlib.suppress(Exception):
        import ctypes  # noqa: PLC0415  # not every Python has it

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGTERM))


def _say(text: str) -> None:
    complain(f"zmqwork worker --reload: {text}")
