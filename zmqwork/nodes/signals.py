"""Signals of a node: the first drains, the second gives back, the third leaves; some pause it.

The same signal again within `ECHO_INTERVAL` is the same word said twice: GNU `timeout` and some
supervisors signal the process and then its group. A person's second Ctrl-C comes later.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import NamedTuple, Protocol, Self

from zmqwork.execution import logs

# Seconds; from the signal that counted, so that a key held down counts again in the end.
ECHO_INTERVAL = 0.5


class Stoppable(Protocol):
    """A node that can be told to leave, also from a signal handler."""

    def request_drain(self) -> None:
        """Finish what is held, then leave."""

    def request_stop(self) -> None:
        """Leave now."""


class Pausable(Protocol):
    """A node that can be told to rest, and asked what it does, also from a signal handler."""

    def request_pause(self) -> None:
        """Take nothing new."""

    def request_resume(self) -> None:
        """Go on."""

    def request_stacks(self) -> None:
        """Tell what all tasks are doing."""


class Words(NamedTuple):
    """What a person is told who signals a node.

    Attributes:
        role: what kind of node.
        draining, stopping: what it does after the first signal, and after the second.
    """

    role: str
    draining: str
    stopping: str


WORKER = Words(
    "worker",
    "draining: running tasks finish, waiting ones go back (again: stop now)",
    "stopping: running tasks are given back (again: leave at once)",
)
SINK = Words(
    "sink",
    "draining: what is here is stored (again: stop now)",
    "stopping: what is not stored stays with the workers (again: leave at once)",
)


class _Signals:
    """Handles signals while it is entered, those that this system has; main thread only."""

    def __init__(self, handlers: Mapping[str, Callable[[int], None]]) -> None:
        self._handlers = {
            int(getattr(signal, name)): handler
            for name, handler in handlers.items()
            if hasattr(signal, name)
        }
        self._before: dict[int, object] = {}
        self._pid = os.getpid()

    def __enter__(self) -> Self:
        for number in self._handlers:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # it came from signal()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        if os.getpid() == self._pid:
            self._handlers[number](number)
            return
        # A fork has no node: it does what the program would have done without one.
        signal.signal(number, self._before[number])  # type: ignore[arg-type]  # as above
        os.kill(os.getpid(), number)


class StopSignals(_Signals):
    """Handles SIGTERM, SIGINT, SIGHUP and SIGQUIT while it is entered; main thread only.

    Attributes:
        exit_code: 0 after a drain; 128 + the signal's number once it was told twice.
        first_code: 128 + the number of the first signal; 0: none came.
    """

    def __init__(self, node: Stoppable, words: Words = WORKER) -> None:
        super().__init__(
            dict.fromkeys(("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"), self._told_to_leave)
        )
        self._node = node
        self._words = words
        self._count = 0
        self._counted = 0
        self._counted_at = 0.0
        self.exit_code = self.first_code = 0

    def _told_to_leave(self, number: int) -> None:
        now = time.monotonic()
        if number == self._counted and now - self._counted_at < ECHO_INTERVAL:
            return
        self._counted, self._counted_at = number, now
        self._count += 1
        self.first_code = self.first_code or 128 + number
        if self._count == 1 and number != getattr(signal, "SIGQUIT", None):
            say(self._words.role, self._words.draining)
            self._node.request_drain()
            return
        self.exit_code = 128 + number
        if self._count == 2 and number != getattr(signal, "SIGQUIT", None):
            say(self._words.role, self._words.stopping)
            self._node.request_stop()
            return
        os._exit(self.exit_code)


class PauseSignals(_Signals):
    """Handles SIGTSTP, SIGCONT and SIGUSR1 of a worker while it is entered; main thread only.

    Ctrl-Z, too, is SIGTSTP: the process is not stopped, for one that is silent is taken for lost,
    and what it runs is run elsewhere as well.
    """

    def __init__(self, node: Pausable) -> None:
        super().__init__({"SIGTSTP": self._pause, "SIGCONT": self._resume, "SIGUSR1": self._tell})
        self._node = node
        self._paused = False

    def _pause(self, number: int) -> None:
        del number
        if not self._paused:
            go_on = f"kill -CONT {os.getpid()} lets it go on"
            say("worker", f"pausing: running tasks finish, nothing new begins ({go_on})")
        self._paused = True
        self._node.request_pause()

    def _resume(self, number: int) -> None:
        del number
        # (It comes after SIGSTOP as well, of which no program is told.)
        if self._paused:
            say("worker", "going on: it takes tasks again")
        self._paused = False
        self._node.request_resume()

    def _tell(self, number: int) -> None:
        del number
        self._node.request_stacks()


def say(role: str, text: str) -> None:
    """A line on standard error, from a signal handler."""
    # os.write, because a handler may interrupt print() itself.
    try:
        os.write(sys.stderr.fileno(), logs.said(role, text).encode())
    except (OSError, ValueError, AttributeError):
        return
