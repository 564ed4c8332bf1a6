"""``--on-dead CMD``: a command is run for each dead letter, so that a human hears of it."""

from __future__ import annotations

import json
import logging
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from zmqwork.cli.output import counted
from zmqwork.core.lifecycle import DEAD, FAILED
from zmqwork.errors import TaskError, TaskFailed, UsageError
from zmqwork.run import Failure

# Commands at a time, letters that wait for one, and seconds that one may take.
RUNNING_MAX = 4
WAITING_MAX = 1000
TIMEOUT = 60.0

# Failures of the command that are told one by one, and of what it wrote then the end.
_TOLD_MAX = 10
_STDERR_SHOWN = 500

_log = logging.getLogger("zmqwork")


def is_dead(failure: Failure) -> bool:
    """Whether this is a dead letter: not cancelled, expired, or refused by a full journal."""
    return failure.state in (FAILED, DEAD) and isinstance(failure.error, TaskError)


def letter_of(failure: Failure, *, run: str, line: int, record: str) -> dict[str, Any]:
    """What the command gets of a task, for JSON.

    Args:
        failure: how the task ended.
        run: the run's name; empty: it has none.
        line: where its record begins in the input; 0: it is in no file.
        record: the record as it stands in the input.
    """
    error = failure.error
    told: dict[str, Any] = {"type": type(error).__name__, "text": error.reason}
    attempts = None
    if isinstance(error, TaskFailed):
        told = {"type": error.type_name, "text": error.text, "traceback": error.traceback}
        attempts = error.attempts
    return {
        "task_id": getattr(error, "task_id", ""),
        "task": failure.task,
        "state": failure.state,
        "attempts": attempts,
        "error": told,
        "run": run or None,
        "number": failure.number,
        "line": line or None,
        "record": record,
    }


class OnDead:
    """Runs the command, in threads of its own; whoever hands over letters never waits.

    Args:
        text: the command, split into words as a shell does, and run without one.
        running_max, waiting_max, timeout: as the constants of this module.

    Raises:
        UsageError: it is no command, or there is no such program.
    """

    def __init__(
        self,
        text: str,
        *,
        running_max: int = RUNNING_MAX,
        waiting_max: int = WAITING_MAX,
        timeout: float = TIMEOUT,
    ) -> None:
        self._words = _words(text)
        self._running_max = running_max
        self._waiting_max = waiting_max
        self._timeout = timeout
        self._condition = threading.Condition()
        self._waiting: deque[dict[str, Any]] = deque()  # bound: waiting_max
        self._running: set[subprocess.Popen[bytes]] = set()
        self._threads = self._busy = 0
        self._closed = False
        self._dropped = self._failed = 0

    def add(self, letter: dict[str, Any]) -> None:
        """Let the command be run for this one, by and by."""
        with self._condition:
            if len(self._waiting) >= self._waiting_max:
                self._dropped += 1
                if self._dropped > 1:
                    return
            else:
                self._waiting.append(letter)
                if self._threads < self._running_max:
                    self._threads += 1
                    threading.Thread(target=self._work, name="on-dead", daemon=True).start()
                return
        _log.warning(
            "--on-dead: %s wait for the command already; it is not run for more until there is "
            "room",
            counted(self._waiting_max, "dead letter"),
        )

    def close(self, patience: float | None = None) -> None:
        """Wait for the commands, no longer than one may take, or so many seconds; end the rest."""
        give_up_at = time.monotonic() + (self._timeout if patience is None else patience)
        with self._condition:
            while self._threads and (left := give_up_at - time.monotonic()) > 0:
                self._condition.wait(left)
            self._closed = True
            unheard = len(self._waiting) + self._busy + self._dropped
            self._waiting.clear()
            for process in self._running:
                _kill(process)
        if unheard:
            _log.warning("--on-dead: %s not told of", _were(unheard))
        if self._failed > _TOLD_MAX:
            _log.warning("--on-dead: the command failed %s times", f"{self._failed:,}")

    @staticmethod
    @contextmanager
    def closing(on_dead: OnDead | None) -> Iterator[None]:
        """Close it afterwards, if there is one; who is interrupted does not wait for it."""
        patience = None
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            patience = 0
            raise
        finally:
            if on_dead is not None:
                on_dead.close(patience)

    # -- its threads --------------------------------------------------------------------------

    def _work(self) -> None:
        while (letter := self._next()) is not None:
            try:
                why = self._run(letter)
            except (OSError, ValueError) as error:
                why = str(error)
            with self._condition:
                self._busy -= 1
            if why and not self._closed:
                self._complain(letter, why)

    def _next(self) -> dict[str, Any] | None:
        """The next letter; None: none waits, and this thread ends."""
        with self._condition:
            if self._waiting and not self._closed:
                self._busy += 1
                return self._waiting.popleft()
            self._threads -= 1
            self._condition.notify_all()
            return None

    def _run(self, letter: dict[str, Any]) -> str:
        """Run the command; why that failed, or nothing."""
        own = {"ZMQWORK_TASK_ID": letter["task_id"], "ZMQWORK_TASK": letter["task"]}
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(  # noqa: S603 - the user's own command
                self._words,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env=os.environ | own,
                start_new_session=True,
            )
            with self._condition:
                self._running.add(process)
                if self._closed:
                    _kill(process)
            try:
                process.communicate(json.dumps(letter).encode() + b"\n", self._timeout)
            except subprocess.TimeoutExpired:
                _kill(process)
                process.communicate()
                return f"it took more than {self._timeout:g} s, and was ended"
            finally:
                with self._condition:
                    self._running.discard(process)
            if process.returncode == 0:
                return ""
            said.seek(max(0, said.tell() - _STDERR_SHOWN))
            tail = said.read().decode(errors="replace").strip()
        how = f"exit code {process.returncode}"
        if process.returncode < 0:
            how = f"signal {-process.returncode}"
        return f"{how}: {tail}" if tail else how

    def _complain(self, letter: dict[str, Any], why: str) -> None:
        with self._condition:
            self._failed += 1
            if self._failed > _TOLD_MAX:
                return
        _log.warning(
            "--on-dead: the command failed for task %s: %s",
            letter["task_id"],
            why,
            extra={"task_id": letter["task_id"], "task": letter["task"]},
        )


def _words(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--on-dead {text!r}: {error}") from None
    if not words:
        raise UsageError("--on-dead needs a command: --on-dead 'mail -s dead ops@example.org'")
    if shutil.which(words[0]) is None:
        raise UsageError(
            f"--on-dead: there is no program {words[0]!r} (no shell is asked; for one: sh -c '...')"
        )
    return words


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a command, and what it has started."""
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)


def _were(count: int) -> str:
    return f"{counted(count, 'dead letter')} {'was' if count == 1 else 'were'}"
