"""A command that says whether this machine can do a worker's work."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable
from typing import IO

# Of what it prints so much is read, at the end, and of that the last line is told.
_OUTPUT_BYTES = 4096
_LINE_CHARACTERS = 300


class HealthCheck:
    """Runs a command by the shell, once or again and again. An exit code other than 0: not healthy.

    Args:
        command: for ``/bin/sh -c``.
        interval: seconds between the end of one run and the next; also, how long one may take.
    """

    def __init__(self, command: str, interval: float) -> None:
        self._command = command
        self._interval = interval
        self._ended = threading.Event()

    def run(self) -> str:
        """Run it once: what is wrong, in words; empty: nothing is."""
        with tempfile.TemporaryFile() as output:
            try:
                # A session of its own, so that all that it starts can be ended, and Ctrl-C is not
                # meant for it.
                process = subprocess.Popen(  # noqa: S602  # whoever starts the worker chose it
                    self._command,
                    shell=True,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                return f"the health check {self._command!r} cannot be run: {error}"
            try:
                code = process.wait(self._interval)
            except subprocess.TimeoutExpired:
                _kill(process)
                return f"the health check {self._command!r} took more than {self._interval:g} s"
            if not code:
                return ""
            how = f"exit code {code}" if code > 0 else f"signal {-code}"
            return f"the health check {self._command!r} failed: {how}{_said(output)}"

    def watch(self, failed: Callable[[str], None]) -> None:
        """Run it again and again, in a thread, until `end`, or until it fails: then `failed`."""

        def work() -> None:
            while not self._ended.wait(self._interval):
                why = self.run()
                if why and not self._ended.is_set():
                    failed(why)
                    return

        threading.Thread(target=work, name="health", daemon=True).start()

    def end(self) -> None:
        """Run it no more."""
        self._ended.set()


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _said(output: IO[bytes]) -> str:
    output.seek(max(0, output.seek(0, os.SEEK_END) - _OUTPUT_BYTES))
    lines = output.read().decode(errors="replace").strip().splitlines()
    return f": {lines[-1][:_LINE_CHARACTERS]}" if lines else ""
