"""Ctrl-C and SIGTERM for a run that has results to show: the first ends it, the second cuts it.

So does the end of `GRACE` seconds: who has signalled may be a supervisor, which does it once.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import time
from types import FrameType, TracebackType
from typing import Any, Self

from zmqwork.cli import exits
from zmqwork.nodes.signals import ECHO_INTERVAL

# What is under way may take an hour to come back.
GRACE = 5.0

_CODES = {signal.SIGINT: exits.INTERRUPTED, signal.SIGTERM: exits.TERMINATED}


class StopOnce:
    """Within it the first signal is a wish; the second one, or `GRACE`, unwinds the stack.

    Args:
        told: what a person is told at the first one.

    Attributes:
        exit_code: what the signal asks for; 0: there was none.
    """

    def __init__(self, told: str) -> None:
        self.exit_code = exits.OK
        self._told = told
        self._told_at = -math.inf
        self._before: dict[int, Any] = {}

    def is_told(self) -> bool:
        """Whether somebody wants it to end."""
        return self.exit_code != exits.OK

    def call_off(self) -> None:
        """Nothing is waited for any more: what follows is not cut by `GRACE`."""
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)

    def __enter__(self) -> Self:
        for number in _CODES:
            self._before[number] = signal.signal(number, self._handle)
        if hasattr(signal, "SIGALRM"):
            self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._cut)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.call_off()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        now = time.monotonic()
        if not self.is_told():
            self.exit_code = _CODES[signal.Signals(number)]
            self._told_at = now
            # Not by a stream: this thread may be in the middle of writing to it.
            with contextlib.suppress(OSError):
                os.write(2, f"{self._told}\n".encode())
            if hasattr(signal, "setitimer"):
                signal.setitimer(signal.ITIMER_REAL, GRACE)
        elif now - self._told_at >= ECHO_INTERVAL:
            raise SystemExit(self.exit_code)

    def _cut(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        raise SystemExit(self.exit_code)
