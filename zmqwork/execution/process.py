"""Handlers in child processes, one per slot: the pool in which a crash costs one attempt."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from zmqwork.core.clients import Held
from zmqwork.core.events import TakenBack
from zmqwork.errors import UsageError
from zmqwork.execution.child_slot import ChildSlot
from zmqwork.execution.handlers import HandlerRef
from zmqwork.execution.launch import Recipe
from zmqwork.execution.pool import Host
from zmqwork.execution.wear import UNLIMITED, Limits
from zmqwork.queues import ALL_QUEUES, Queues

# Idle children get so long, together, to end by themselves: exit handlers run, files are closed.
_FAREWELL_TIMEOUT = 0.5

# A child has shown its stack within this, if the machine is not busy beyond measure.
_SHOW_INTERVAL = 0.05

_log = logging.getLogger("zmqwork")


class ProcessPool:
    """One child process per slot.

    Args:
        slots: how many.
        handlers: what the children import.
        allow: patterns of the functions that they run beside these.
        initializer: a function that each child calls first, by name, and its encoded arguments.
        home: how tasks that their tasks submit find workers, as `context.home`.
        queues: those that the worker serves.
        limits: when a child is replaced.
        on_trouble: told, in words, why there is no child to run tasks; each cause once. It is
            called on the loop's thread. By default it is logged.

    Raises:
        UsageError: the children could not import one of the handlers.
    """

    shares_process = False
    shares_thread = False

    def __init__(
        self,
        slots: int,
        handlers: Sequence[HandlerRef],
        on_trouble: Callable[[str], None] | None = None,
        *,
        allow: tuple[str, ...] = (),
        initializer: tuple[str, bytes] | None = None,
        home: dict[str, Any] | None = None,
        queues: Queues = ALL_QUEUES,
        limits: Limits = UNLIMITED,
    ) -> None:
        # First: a module that is half imported would be blamed for something else.
        refuse_in_child()
        self.slots = slots
        self._recipe = Recipe(tuple(handlers), allow, initializer, home, queues, limits)
        self._on_trouble = on_trouble or _warn
        self._told = ""
        self._hopeful = threading.Event()
        self._slots: list[ChildSlot] = []
        self._pid = 0
        self._host: Host | None = None
        self._shown_at = 0.0

    def start(self, host: Host) -> None:
        """Start the children. The calling thread must last as long as they: they end with it."""
        refuse_in_child()
        self._pid = os.getpid()
        self._host = host
        self._slots = [
            ChildSlot(index, self._recipe, host, self._opened, self._trouble)
            for index in range(self.slots)
        ]
        for slot in self._slots:
            slot.open()

    def execute(self, slot: int, attempts: Sequence[Held]) -> None:
        """Send them to the slot's child."""
        self._slots[slot].execute(attempts)

    def take_back(self, slot: int) -> None:
        """What the child has not begun; it passes it over when it comes to it."""
        assert self._host is not None
        self._host.post(TakenBack(slot, self._slots[slot].take_back()))

    def peek(self, slot: int) -> None:
        """What lies in the page that the child shares."""
        self._slots[slot].peek()

    def cancel(self, slot: int, attempt: Held) -> None:
        """`current().cancelled` becomes True in the child; a coroutine is cancelled."""
        self._slots[slot].cancel(attempt)

    def grant(self, slot: int, attempt: Held, count: int) -> None:
        """A frame tells the child."""
        self._slots[slot].grant(attempt, count)

    def alarm(self, slot: int, attempt: Held) -> None:
        """A signal lets the child raise it, wherever its main thread is."""
        self._slots[slot].alarm(attempt)

    def show(self, slot: int) -> None:
        """The child does that, one a moment after the other, so that they can be told apart."""
        assert self._host is not None
        now = self._host.clock()
        self._shown_at = at = max(now, self._shown_at + _SHOW_INTERVAL)
        self._host.call_later(at - now, lambda: self._slots[slot].show() if self._slots else None)

    def restart(self, slot: int) -> None:
        """Kill the slot's child and what it started; no more outcomes come from it."""
        self._slots[slot].restart()

    def turn(self) -> bool:
        """Children need no turns."""
        return False

    def stop(self) -> None:
        """End all children: idle ones by themselves within half a second, the others at once."""
        slots, self._slots = self._slots, []
        if self._pid != os.getpid():
            return  # a forked copy of the worker: the children are not its own
        until = time.monotonic() + _FAREWELL_TIMEOUT
        for slot in slots:
            slot.dismiss()
        for slot in slots:
            slot.close(max(0.0, until - time.monotonic()))

    def wait_for_child(self, timeout: float) -> None:
        """Wait until a child can run tasks; from any thread but the loop's.

        Raises:
            UsageError: the children cannot be started; the text says why.
        """
        self._hopeful.wait(timeout)
        if self._told:
            raise UsageError(f"no child process to run tasks: {self._told}")

    def _opened(self) -> None:
        self._told = ""
        self._hopeful.set()

    def _trouble(self, text: str) -> None:
        self._hopeful.set()
        # All children fail alike, again and again: that is said once.
        if text != self._told:
            self._told = text
            self._on_trouble(text)


def refuse_in_child(what: str = "a worker") -> None:
    """Raise `UsageError` in a child of a process pool: its worker is in another process.

    That is where a program ends up that starts a node while it is imported, because children
    import it again.
    """
    child = sys.modules.get("zmqwork.execution.child")
    if child is not None and child.in_child:
        raise UsageError(
            f"{what} was started while a child process of it imported this module again. Start "
            'it under\n    if __name__ == "__main__":'
        )


def _warn(text: str) -> None:
    _log.warning("no child process to run tasks: %s", text)
