"""How a child process comes into being."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from zmqwork.errors import UsageError
from zmqwork.execution.handlers import MAIN_NAMES, HandlerRef
from zmqwork.execution.page import Page, new_page
from zmqwork.wire.channel import SETUP, pack_message

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


@dataclass(frozen=True, slots=True)
class Recipe:
    """What all children of a pool are made from.

    Attributes:
        handlers: what they import.
        allow: patterns of the functions that they import when asked to.
        initializer: a function to call first, by name, and its encoded arguments.
        home: as `context.home`.
        queues: those that the worker serves; empty: all.
        path: the module search path of this process, as it is now.
        setup: the frame that tells a child what to import.

    Raises:
        UsageError: a child cannot import the module that this process was started with.
    """

    handlers: Sequence[HandlerRef]
    allow: tuple[str, ...] = ()
    initializer: tuple[str, bytes] | None = None
    home: dict[str, Any] | None = None
    queues: tuple[str, ...] = ()
    path: list[str] = field(init=False)
    setup: bytes = field(init=False)

    def __post_init__(self) -> None:
        main = _main_module() if any(ref.module in MAIN_NAMES for ref in self.handlers) else None
        content: dict[str, Any] = {
            "argv": [os.fsencode(argument) for argument in sys.argv],
            "main": main,
            "handlers": [[ref.name, ref.module, ref.qualname] for ref in self.handlers],
            "allow": list(self.allow),
            "initializer": self.initializer,
            "home": self.home,
            "queues": list(self.queues),
        }
        # Relative entries mean something else once somebody has changed the directory.
        path = [os.path.abspath(item) for item in sys.path]  # noqa: PTH100
        object.__setattr__(self, "path", path)
        object.__setattr__(self, "setup", pack_message(SETUP, content))

    def launch(self) -> Launched:
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
                process = self._start(theirs.fileno(), page_fd)
            finally:
                theirs.close()
                os.close(page_fd)
            undo.callback(_discard, process)
            exit_fd = os.pidfd_open(process.pid) if hasattr(os, "pidfd_open") else None
            undo.pop_all()
            return Launched(process, ours, page, exit_fd)

    def _start(self, channel: int, page: int) -> subprocess.Popen[bytes]:
        program = _PROGRAM.format(path=self.path, channel=channel, page=page, parent=os.getpid())
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


def _discard(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _main_module() -> list[str]:
    """How to import again what this process was started with: ["name" or "path", which]."""
    module = sys.modules["__main__"]
    spec = getattr(module, "__spec__", None)
    path = getattr(module, "__file__", None)
    # For a directory or an archive the name is no more than that.
    if spec is not None and spec.name not in MAIN_NAMES:
        return ["name", spec.name]
    if isinstance(path, str) and os.path.isfile(path):  # noqa: PTH113  # not worth importing pathlib
        return ["path", os.path.abspath(path)]  # noqa: PTH100
    raise UsageError(
        "child processes cannot import the module that this one was started with (there is no "
        'file of it): move the tasks into a module, or use pool="thread"'
    )
