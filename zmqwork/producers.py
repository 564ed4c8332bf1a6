"""Which producer takes an app's tasks: the explicit one entered last, else the implicit one."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import weakref
from collections.abc import Callable

from zmqwork.producer import Producer


class Producers:
    """The producers of one app in this process.

    Attributes:
        current: the one that takes tasks now; None: none was started yet.
        lock: guards it; of the process's own, also after a fork.
    """

    def __init__(self, make: Callable[[], Producer]) -> None:
        self.current: Producer | None = None
        self._make = make
        self.lock = threading.RLock()
        # Bounded by the with statements that the program is in; the implicit one is the first.
        self._stack: list[Producer] = []
        _all.add(self)

    def implicit(self) -> Producer:
        """The current producer; one is started if there is none.

        Raises:
            UsageError: a worker imports the module that runs.
        """
        context = sys.modules.get("zmqwork.execution.context")
        if context is not None:
            context.refuse_while_importing()
        with self.lock:
            return self.current or self._make().start()

    def enter(self, producer: Producer) -> None:
        """A started producer takes the tasks from now on."""
        with self.lock:
            self._stack.append(producer)
            self.current = producer

    def leave(self, producer: Producer) -> None:
        """It takes no more tasks; the one before it does."""
        with self.lock:
            if producer in self._stack:
                self._stack.remove(producer)
            self.current = self._stack[-1] if self._stack else None

    def finish(self) -> bool:
        """At the end of the program: wait for what can be waited for, and stop everything.

        True if Ctrl-C ended the waiting.
        """
        # The program ended by an exception, so nobody wants to wait. (Set by the interpreter; at
        # its prompt it is only the last one that was seen.)
        abandoned = hasattr(sys, "last_type") and not hasattr(sys, "ps1")
        interrupted = False
        for producer in reversed(self._stack.copy()):
            if abandoned or interrupted:
                producer.stop()
                continue
            try:
                producer.finish()
            except KeyboardInterrupt:
                interrupted = True  # what it abandoned was logged
        return interrupted

    def forget(self) -> None:
        """In a forked child: the parent's producers are not ours, nor is a lock that it held."""
        self.lock = threading.RLock()
        # Kept, for no finaliser may touch the parent's sockets.
        _inherited.extend(self._stack)
        self._stack = []
        self.current = None


def _die_of_interrupt() -> None:
    """End as Ctrl-C ends a program: an exit code of 0 would hide that work was thrown away."""
    sys.stdout.flush()
    sys.stderr.flush()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.raise_signal(signal.SIGINT)


# A started producer keeps its `Producers` alive through the callbacks that it was given.
_all: weakref.WeakSet[Producers] = weakref.WeakSet()
# Bounded by the producers of all ancestors.
_inherited: list[Producer] = []


def _finish_all() -> None:
    finished = [producers.finish() for producers in list(_all)]
    # Then only: embedded workers may be what the producers have waited for.
    workers = sys.modules.get("zmqwork.nodes.worker")
    if workers is not None:
        workers.stop_all()
    sinks = sys.modules.get("zmqwork.nodes.sink")
    if sinks is not None:
        sinks.drain_all()
    if any(finished):
        _die_of_interrupt()


def _forget_all() -> None:
    for producers in list(_all):
        producers.forget()


atexit.register(_finish_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
