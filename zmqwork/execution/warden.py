"""The warden of a worker: a process that ends its commands when it cannot do so any more.

A worker that is killed by SIGKILL ends nothing. PR_SET_PDEATHSIG would reach the shell of a
command, and not what that has started; so a small process outlives the worker for a moment. It
knows the process groups that run, from the commands themselves: each shell writes its own number
before it begins, into a pipe whose end the warden sees only when neither the worker nor such a
shell has it open. Nothing can be between starting and being known.
"""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

# Seconds between SIGTERM and SIGKILL.
GRACE = 1.0

_PROGRAM = Path(__file__).with_name("warden_program.py")

# It has nothing to do once the worker has ended well.
_LEAVE_TIMEOUT = 5.0


class Warden:
    """Starts the process; `close` ends it, and what runs then.

    Args:
        grace: seconds between SIGTERM and SIGKILL.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, grace: float = GRACE) -> None:
        self._grace = grace
        self._lock = threading.Lock()
        self._closed = False
        # Bound: the slots of the worker.
        self._running: set[int] = set()
        self._start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @contextlib.contextmanager
    def entrance(self) -> Iterator[int]:
        """A descriptor, for the time in which a shell is started with it as standard input.

        Raises:
            OSError: the worker is leaving, or the warden was killed and there can be no other one.
        """
        with self._lock:
            if self._closed:
                raise OSError(errno.ESHUTDOWN, "this worker is leaving")
            self._revive()
            # One of its own, so that `close` cannot make it another file's meanwhile.
            descriptor = os.dup(self._intake)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def began(self, group: int) -> None:
        """This process group runs. It says so itself, but maybe to a warden that was killed."""
        with self._lock:
            self._running.add(group)
            if not self._closed:
                self._tell(group)

    def ended(self, group: int) -> None:
        """It ended. Said before it is reaped: its number may be another one's after that."""
        with self._lock:
            self._running.discard(group)
            if not self._closed:
                self._tell(-group)

    def close(self) -> None:
        """Let it end, after what runs, if anything does; does nothing the second time."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            os.close(self._intake)
        try:
            self._process.wait(self._grace + _LEAVE_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _revive(self) -> None:
        """Start another one if somebody has killed it."""
        if self._process.poll() is None:
            return
        os.close(self._intake)
        self._start()
        for group in self._running:
            self._tell(group)

    def _start(self) -> None:
        outlet, self._intake = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and program
                [sys.executable, "-I", "-S", str(_PROGRAM), str(self._grace)],
                stdin=outlet,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # Signals of a terminal, and to the worker's group, are not for it.
                start_new_session=True,
            )
        except BaseException:
            os.close(self._intake)
            raise
        finally:
            os.close(outlet)

    def _tell(self, group: int) -> None:
        with contextlib.suppress(BrokenPipeError):  # the next command revives it
            os.write(self._intake, f"{group}\n".encode())
