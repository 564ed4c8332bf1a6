"""A command as a handler: what it gets of a record, and what its end means."""

from __future__ import annotations

import heapq
import itertools
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, Self

from zmqwork.errors import UsageError
from zmqwork.execution import shell
from zmqwork.execution.command_failed import CommandFailed
from zmqwork.execution.context import Context, running
from zmqwork.execution.placeholders import Template, document
from zmqwork.execution.warden import Warden

# What a failure shows. All of it together is less than what travels of a text (4 KiB).
_COMMAND_SHOWN = 500
_STDERR_LINES = 15
_STDERR_SHOWN = 1500
_STDOUT_SHOWN = 200

# What a shell says of a program that a signal ended: this, and the signal's number.
_SIGNALLED = 128


class Command:
    """Runs a command for each record; from several threads at the same time.

    Args:
        text: the command, for ``/bin/sh -c``, with placeholders.
        as_json: it gets the record as a JSON document on standard input, and what it writes to
            standard output is the result, as a JSON document.

    Raises:
        UsageError: the shell cannot read it, or there is no such shell.
        OSError: no process can be started.
    """

    def __init__(self, text: str, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._template = Template(text, append=not as_json)
        self._check_syntax(text)
        self._host = socket.gethostname()
        self._slots = _Slots()
        self._warden = Warden()

    @property
    def shown(self) -> str:
        """The command for people, and for the wire: what is no UTF-8 in it is spelled out."""
        text = self._template.text.encode("utf-8", "surrogateescape")
        return text.decode("utf-8", "backslashreplace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End whatever runs."""
        self._warden.close()

    def run(self, record: Any, /) -> Any:
        """Run it for one record.

        Returns:
            with `as_json` what the command says; else a dict: ``record``, ``stdout`` (bytes if it
            is not UTF-8), the end of ``stderr``, ``seconds``, and the ``host`` that ran it.

        Raises:
            CommandFailed: it could not be run, its exit code was not 0, or it wrote no JSON.
        """
        item = running.get()
        number = 0 if item is None else item.seq
        with self._slots.taken() as slot:
            environment = {**os.environb, b"ZMQWORK_SLOT": b"%d" % slot}
            if item is not None:
                environment[b"ZMQWORK_TASK_ID"] = Context(item).task_id.encode()
                environment[b"ZMQWORK_ATTEMPT"] = b"%d" % item.attempt
            line = self._template.line(record, number, slot)
            ended = shell.run(
                line,
                self._warden,
                environment,
                lambda: item is not None and item.dropped,
                f"{document(record)}\n".encode() if self.as_json else None,
            )
        if ended.exit_code != 0:
            _fail(f"{_reason(ended.exit_code)}: {_cut(line.shown)}", ended)
        if self.as_json:
            return _result(ended, line.shown)
        return {
            "record": record,
            "stdout": _decoded(ended.stdout),
            "stderr": ended.stderr[-shell.STDERR_BYTES_MAX :].decode("utf-8", "replace"),
            "seconds": round(ended.seconds, 6),
            "host": self._host,
        }

    def _check_syntax(self, text: str) -> None:
        """Let the shell read the command, without running it."""
        try:
            done = subprocess.run(  # noqa: S603  # what the worker was started for
                [shell.SHELL, "-n", "-c", self._template.line("record", 1, 1).assigned()],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except FileNotFoundError:
            raise UsageError(
                f"commands are run by {shell.SHELL}, which this system does not have"
            ) from None
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise UsageError(f"{shell.SHELL} cannot read the command {_cut(text)!r}: {said}")


class _Slots:
    """Numbers from 1, each taken by one thread at a time; the lowest free one first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Bound: the threads that ran at the same time.
        self._free: list[int] = []
        self._new = itertools.count(1)

    @contextmanager
    def taken(self) -> Iterator[int]:
        with self._lock:
            slot = heapq.heappop(self._free) if self._free else next(self._new)
        try:
            yield slot
        finally:
            with self._lock:
                heapq.heappush(self._free, slot)


def _result(ended: shell.Ended, shown: str) -> Any:
    try:
        return json.loads(ended.stdout.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        if not ended.stdout.strip():
            _fail(f"it wrote no JSON document to standard output: {_cut(shown)}", ended)
        begin = ended.stdout[:_STDOUT_SHOWN].decode("utf-8", "replace")
        _fail(
            f"what it wrote to standard output is not one JSON document ({error}): {_cut(shown)}\n"
            f"stdout begins with {begin!r}",
            ended,
        )


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _fail(text: str, ended: shell.Ended) -> NoReturn:
    raise CommandFailed(f"{text}\n{_tail(ended.stderr)}")


def _tail(stderr: bytes) -> str:
    """The last lines, of which there may be more than anybody reads."""
    text = stderr.decode("utf-8", "replace").rstrip()
    if not text:
        return "(nothing on stderr)"
    lines = text.splitlines()
    tail = "\n".join(lines[-_STDERR_LINES:])[-_STDERR_SHOWN:]
    return f"stderr: {tail}" if len(tail) == len(text) else f"stderr ends with: {tail}"


def _reason(code: int) -> str:
    if code < 0:
        return f"it was ended by {_signal(-code)}"
    if code > _SIGNALLED and (name := _signal(code - _SIGNALLED)).startswith("SIG"):
        return f"exit code {code} (as of {name})"
    return f"exit code {code}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _cut(text: str) -> str:
    return text if len(text) <= _COMMAND_SHOWN else f"{text[:_COMMAND_SHOWN]}…"


def _decoded(data: bytes) -> str | bytes:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data
