"""One command, run by a shell: started, read, and ended with all that it has started."""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from typing import IO

from zmqwork.execution.command_failed import CommandFailed
from zmqwork.execution.placeholders import Line
from zmqwork.execution.warden import GRACE, Warden
from zmqwork.wire.limits import PAYLOAD_BYTES_MAX

SHELL = "/bin/sh"

# A result travels as one value, and has more in it than this.
STDOUT_BYTES_MAX = PAYLOAD_BYTES_MAX - 1024 * 1024
# The end of what it writes there is kept.
STDERR_BYTES_MAX = 64 * 1024

# A command that nobody waits for is noticed within this time.
_INTERVAL = 0.1
# How often a group that was told to end is looked for.
_ENDING_INTERVAL = 0.02
_READ_BYTES = 64 * 1024
# The largest pipe that Linux permits: so much may be in it when the command has ended.
_PIPE_BYTES_MAX = 1024 * 1024

_UNWANTED = "it was ended: nobody waits for it any more"

# The shell says to the warden that it is there, and goes on without that pipe.
_PRELUDE = 'echo "$$" >&0; exec <{stdin}; {script}'


class Ended:
    """What a command has left.

    Attributes:
        exit_code: as Python has it: -9 after SIGKILL.
        stdout: all of it.
        stderr: its end.
        seconds: how long it ran.
    """

    __slots__ = ("exit_code", "seconds", "stderr", "stdout")

    def __init__(self, exit_code: int, stdout: bytes, stderr: bytes, seconds: float) -> None:
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr
        self.seconds = seconds


def run(
    line: Line,
    warden: Warden,
    environment: Mapping[bytes, bytes],
    is_unwanted: Callable[[], bool],
    document: bytes | None = None,
) -> Ended:
    """Run a command to its end.

    Args:
        line: the command.
        warden: ends it if this process cannot.
        environment: its environment variables.
        is_unwanted: whether nobody waits for it any more.
        document: what it reads from its standard input; None: nothing.

    Raises:
        CommandFailed: it could not be started, has written too much, or is not wanted any more.
    """
    if is_unwanted():
        raise CommandFailed(_UNWANTED)
    with _document(document) as descriptor:
        begun_at = time.monotonic()
        process = _start(line, warden, environment, descriptor)
        with process:
            reading = _Reading(process, is_unwanted)
            try:
                reading.read()
            except BaseException:
                _end(process, warden)
                raise
            warden.ended(process.pid)
            code = process.wait()
    seconds = time.monotonic() - begun_at
    return Ended(code, bytes(reading.stdout), bytes(reading.stderr), seconds)


@contextlib.contextmanager
def _document(data: bytes | None) -> Iterator[int | None]:
    """A descriptor of a file with this content; not a pipe, which somebody would have to feed."""
    if data is None:
        yield None
        return
    with _nameless() as file:
        file.write(data)
        file.flush()
        file.seek(0)
        yield file.fileno()


def _nameless() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("record"), "w+b")
    return tempfile.TemporaryFile()


def _start(
    line: Line, warden: Warden, environment: Mapping[bytes, bytes], descriptor: int | None
) -> subprocess.Popen[bytes]:
    stdin = "/dev/null" if descriptor is None else f"/dev/fd/{descriptor}"
    script = _PRELUDE.format(stdin=stdin, script=line.assigned())
    words = [text.encode("utf-8", "surrogateescape") for text in (script, "sh", *line.values)]
    try:
        with warden.entrance() as entrance:
            process = subprocess.Popen(  # noqa: S603  # what the worker was started for
                [SHELL, "-c", *words],
                stdin=entrance,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                pass_fds=() if descriptor is None else (descriptor,),
                # A session of its own: no Ctrl-C reaches it, and it can ask no terminal for a
                # password, which would stop it for ever.
                start_new_session=True,
            )
    except OSError as error:
        if error.errno == errno.E2BIG:
            size = sum(map(len, words))
            raise CommandFailed(
                f"the command line would have {size:,} bytes, and the system does not take that: "
                "send the record on standard input (--exec-json), or send the path of a file"
            ) from None
        raise CommandFailed(f"{SHELL} cannot be started: {error}") from None
    warden.began(process.pid)
    return process


class _Reading:
    """What a command writes, until it ends or has written too much.

    What it leaves running in the background may keep the pipes open: that is not waited for.
    """

    def __init__(self, process: subprocess.Popen[bytes], is_unwanted: Callable[[], bool]) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self._process = process
        self._is_unwanted = is_unwanted
        assert process.stdout is not None
        assert process.stderr is not None
        self._pipes = {
            process.stdout.fileno(): self._take_stdout,
            process.stderr.fileno(): self._take_stderr,
        }

    def read(self) -> None:
        """Read until it ends. It is not reaped, where that is possible.

        Raises:
            CommandFailed: it has written too much, or is not wanted any more.
        """
        with contextlib.ExitStack() as stack:
            selector = stack.enter_context(selectors.DefaultSelector())
            for pipe, take in self._pipes.items():
                os.set_blocking(pipe, False)
                selector.register(pipe, selectors.EVENT_READ, take)
            if hasattr(os, "pidfd_open"):
                exit_fd = os.pidfd_open(self._process.pid)
                stack.callback(os.close, exit_fd)
                selector.register(exit_fd, selectors.EVENT_READ)
            while not self._has_ended():
                self._read_some(selector)
                if self._is_unwanted():
                    raise CommandFailed(_UNWANTED)
        for pipe, take in self._pipes.items():
            for _ in range(_PIPE_BYTES_MAX // _READ_BYTES):
                if not self._take(pipe, take):
                    break

    def _read_some(self, selector: selectors.BaseSelector) -> None:
        for key, _ in selector.select(_INTERVAL):
            if key.data is not None and self._take(key.fd, key.data) == b"":
                selector.unregister(key.fileobj)

    def _has_ended(self) -> bool:
        if not hasattr(os, "waitid"):  # macOS before Python 3.13
            return self._process.poll() is not None
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, options) is not None

    @staticmethod
    def _take(pipe: int, take: Callable[[bytes], None]) -> bytes | None:
        """Read once: empty at the end, None if there is nothing now."""
        try:
            data = os.read(pipe, _READ_BYTES)
        except BlockingIOError:
            return None
        take(data)
        return data

    def _take_stdout(self, data: bytes) -> None:
        self.stdout += data
        if len(self.stdout) > STDOUT_BYTES_MAX:
            raise CommandFailed(
                f"it was ended: it wrote more than {STDOUT_BYTES_MAX:,} bytes to standard output, "
                "which is the limit. Let it write a file, and print the path"
            )

    def _take_stderr(self, data: bytes) -> None:
        self.stderr += data
        if len(self.stderr) > 2 * STDERR_BYTES_MAX:
            del self.stderr[:-STDERR_BYTES_MAX]


def _end(process: subprocess.Popen[bytes], warden: Warden) -> None:
    """End a command and all of its process group: at first by asking."""
    group = process.pid
    give_up_at = time.monotonic() + GRACE
    _send(group, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    # (Reaped or not: the number is the group's for as long as it has members.)
    while _send(group, 0) and time.monotonic() < give_up_at:
        time.sleep(_ENDING_INTERVAL)
    _send(group, signal.SIGKILL)
    warden.ended(group)
    process.wait()


def _send(group: int, number: int) -> bool:
    """Send a signal to a process group; False if there is none."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # what runs there now belongs to another user
        return False
    return True
