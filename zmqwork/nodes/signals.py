"""Signals of a worker: the first drains, the second gives back, the third leaves.

The same signal again within `ECHO_INTERVAL` is the same word said twice: GNU `timeout` and some
supervisors signal the process and then its group. A person's second Ctrl-C comes later.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from types import FrameType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from zmqwork.nodes.worker import Worker

# Seconds; from the signal that counted, so that a key held down counts again in the end.
ECHO_INTERVAL = 0.5


class StopSignals:
    """Handles SIGTERM, SIGINT, SIGHUP and SIGQUIT while it is entered; main thread only.

    Attributes:
        exit_code: 0 after a drain; 128 + the signal's number once it was told twice.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._count = 0
        self._counted = 0
        self._counted_at = 0.0
        self.exit_code = 0
        names = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT")
        self._signals = [getattr(signal, name) for name in names if hasattr(signal, name)]
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in self._signals:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # it came from signal()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        now = time.monotonic()
        if number == self._counted and now - self._counted_at < ECHO_INTERVAL:
            return
        self._counted, self._counted_at = number, now
        self._count += 1
        if self._count == 1 and number != getattr(signal, "SIGQUIT", None):
            self._say("draining: running tasks finish, waiting ones go back (again: stop now)")
            self._worker.request_drain()
            return
        self.exit_code = 128 + number
        if self._count == 2 and number != getattr(signal, "SIGQUIT", None):
            self._say("stopping: running tasks are given back (again: leave at once)")
            self._worker.request_stop()
            return
        os._exit(self.exit_code)

    @staticmethod
    def _say(text: str) -> None:
        # os.write, because a handler may interrupt print() itself.
        try:
            os.write(sys.stderr.fileno(), f"\nzmqwork worker: {text}\n".encode())
        except (OSError, ValueError, AttributeError):
            return
