"""The program of a child process of the process pool.

It imports the handlers, runs one attempt at a time, and ends when its worker does. User code runs
in the main thread, as in any program, and may do there what it likes: print, start threads and
processes, close descriptors, die.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
import traceback
from types import ModuleType
from typing import Any, NoReturn

from zmqwork.execution import context
from zmqwork.execution.child_channel import ChildChannel, move_away
from zmqwork.execution.child_signals import leave_signals_to_parent
from zmqwork.execution.context import while_importing
from zmqwork.execution.functions import find, with_allowed
from zmqwork.execution.handlers import MAIN_NAMES, HandlerRef, Handlers
from zmqwork.execution.last_lines import keep_last_lines
from zmqwork.execution.page import Page, leave_words
from zmqwork.execution.serving import Server
from zmqwork.execution.stacks import show_when_asked
from zmqwork.execution.wear import Limits
from zmqwork.queues import Queues
from zmqwork.wire.channel import READY, SETUP, TROUBLE, pack_message, unpack_message
from zmqwork.wire.values import decode_call

# Whether this process is a child of a process pool; see `process.refuse_in_child`.
in_child = False

# From <sys/prctl.h>: which signal the process gets when its parent ends.
_PR_SET_PDEATHSIG = 1

# Where the system cannot do that, the child looks for its parent this often.
_PARENT_INTERVAL = 0.5


def main(channel_fd: int, page_fd: int, parent: int) -> None:
    """Serve the parent with this process id over these inherited descriptors."""
    global in_child  # noqa: PLW0603  # a fact about the process
    in_child = True
    _end_with(parent)
    leave_signals_to_parent()
    show_when_asked()
    page = Page(page_fd)
    leave_words(move_away(page_fd))
    keep_last_lines(page)
    channel = ChildChannel(channel_fd)
    setup = channel.receive()
    if setup is None:
        return
    assert setup[0] == SETUP
    try:
        told = unpack_message(setup)
        handlers = _load(told)
    except BaseException as error:  # noqa: BLE001  # modules raise what they like, even SystemExit
        channel.send(pack_message(TROUBLE, _trouble(error)))
        sys.exit(1)
    channel.send(pack_message(READY))
    names, excluded = map(tuple, told["queues"])
    queues = Queues(names, excluded=excluded)
    Server(channel, page, handlers, queues, Limits(*told["limits"])).serve()


def _end_with(parent: int) -> None:
    """Have this process killed when its parent ends, whatever it does then."""
    try:
        import ctypes  # noqa: PLC0415  # not every Python has it

        prctl = ctypes.CDLL(None).prctl
        is_set = prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL)) == 0
    except (ImportError, OSError, AttributeError):
        is_set = False
    if os.getppid() != parent:
        os._exit(1)  # it ended before we could say so
    if not is_set:
        # The channel's end says it as well, but not while an attempt runs.
        threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()


def _watch(parent: int) -> NoReturn:
    while os.getppid() == parent:
        time.sleep(_PARENT_INTERVAL)
    os._exit(1)


def _load(setup: dict[str, Any]) -> Handlers:
    sys.path[:] = map(os.fsdecode, setup["path"])
    sys.argv[:] = map(os.fsdecode, setup["argv"])
    context.home = setup["home"]
    with while_importing():
        if setup["main"] is not None:
            _import_main(*setup["main"])
        handlers = {name: HandlerRef(name, *place).resolve() for name, *place in setup["handlers"]}
    if setup["log"] is not None:
        from zmqwork.execution.logs import log_to_stderr  # noqa: PLC0415 - few children need it

        log_to_stderr(*setup["log"])  # unless the program's own modules have done it
    if setup["initializer"] is not None:
        name, arguments = setup["initializer"]
        args, kwargs = decode_call(arguments)
        find(name)(*args, **kwargs)
    return with_allowed(handlers, tuple(setup["allow"]))


def _import_main(kind: str, where: str) -> None:
    """Import what the parent was started with, as multiprocessing does: by another name.

    So what stands under ``if __name__ == "__main__":`` is left out.
    """
    own, other = MAIN_NAMES
    if kind == "name":
        content = runpy.run_module(where, run_name=other, alter_sys=True)
    else:
        content = runpy.run_path(where, run_name=other)
    module = ModuleType(other)
    module.__dict__.update(content)
    sys.modules[own] = sys.modules[other] = module


def _trouble(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals.get("__name__") in {__name__, "runpy"}:
        trace = trace.tb_next
    lines = traceback.format_exception(type(error), error, trace)
    text = "".join(lines).rstrip()
    if isinstance(error, SystemExit):
        text += "\n(the module ended the program while it was imported)"
    return f"a child process cannot import the tasks, or be initialized\n{text}"
