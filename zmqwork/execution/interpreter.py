"""The interpreter of a child process, which is told later what to import.

A command that will need one starts it early: it loads its part of this package while the command
loads the rest, which takes as long.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from dataclasses import dataclass

from zmqwork.execution.page import Page, new_page

# Libraries that start a thread per processor in each process: there is a process per slot already.
THREAD_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)

# `-c` rather than `-m`, for the search path must be the parent's before anything is looked for.
_PROGRAM = (
    "import sys; sys.path[:] = {path!r}; "
    "from zmqwork.execution.child import main; main({channel}, {page}, {parent})"
)


@dataclass(slots=True)
class Launched:
    """A child that was just started.

    Attributes:
        process: the child; its pid is also its process group.
        end: our end of its channel.
        page: the memory that we share.
        exit_fd: readable when it is gone; None where the system has no such descriptors.
    """

    process: subprocess.Popen[bytes]
    end: socket.socket
    page: Page
    exit_fd: int | None

    def discard(self) -> None:
        """End it: it is not needed after all."""
        _end(self.process)
        self.end.close()
        self.page.close()
        if self.exit_fd is not None:
            os.close(self.exit_fd)


@dataclass(slots=True)
class _Early:
    """A child that waits, and what it has inherited."""

    child: Launched
    parent: int
    directory: str
    environment: dict[str, str]


# Bound: one per process.
_early: list[_Early] = []


def start_early() -> None:
    """Start one now; the first that is launched is this one. From a thread that lasts.

    Does nothing where that is not possible: whoever launches one will say why.
    """
    with contextlib.suppress(OSError):
        directory, environment = os.getcwd(), dict(os.environ)  # noqa: PTH109  # pathlib is slow
        child = start(search_path())
        _early.append(_Early(child, os.getpid(), directory, environment))


def take_early() -> Launched | None:
    """The child that was started early, if it is just like one that would be started now."""
    if not _early:
        return None
    early = _early.pop()
    if early.parent != os.getpid():
        return None  # we are a fork of that process, whose child it is
    with contextlib.suppress(OSError):
        same = (early.directory, early.environment) == (os.getcwd(), dict(os.environ))  # noqa: PTH109
        if same and early.child.process.poll() is None:
            return early.child
    early.child.discard()
    return None


def search_path() -> list[str]:
    """The module search path of this process, as it is now."""
    # Relative entries mean something else once somebody has changed the directory.
    return [os.path.abspath(item) for item in sys.path]  # noqa: PTH100


def start(path: list[str]) -> Launched:
    """Start a child. The calling thread must outlive it: where Linux can, it ends with it.

    Raises:
        OSError: there is no room for another process, or for its descriptors.
    """
    with contextlib.ExitStack() as undo:
        ours, theirs = socket.socketpair()
        undo.callback(ours.close)
        page, page_fd = new_page()
        undo.callback(page.close)
        try:
            process = _run(path, theirs.fileno(), page_fd)
        finally:
            theirs.close()
            os.close(page_fd)
        undo.callback(_end, process)
        exit_fd = os.pidfd_open(process.pid) if hasattr(os, "pidfd_open") else None
        undo.pop_all()
        return Launched(process, ours, page, exit_fd)


def _run(path: list[str], channel: int, page: int) -> subprocess.Popen[bytes]:
    program = _PROGRAM.format(path=path, channel=channel, page=page, parent=os.getpid())
    # The interpreter's own options (-O, -W, -X ...), as multiprocessing passes them on.
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return subprocess.Popen(  # noqa: S603  # our own interpreter and program
        [sys.executable, *flags, "-c", program],
        # In a process group of its own a child gets no Ctrl-C, nor do the programs that its
        # tasks start: this process decides who ends. And whatever it started can be ended
        # with it. Reading from the terminal would stop it, so there is nothing to read.
        process_group=0,
        stdin=subprocess.DEVNULL,
        pass_fds=(channel, page),
        env={**dict.fromkeys(THREAD_LIMITS, "1"), **os.environ},
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
