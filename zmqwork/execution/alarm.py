"""`SoftTimeout` in a handler that a thread of this process runs, raised from outside."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from zmqwork.errors import SoftTimeout
from zmqwork.execution import invoke
from zmqwork.execution.context import Item

T = TypeVar("T")

# The interpreter raises it within its next few steps; whoever asks decides within microseconds.
_DECISION_TIMEOUT = 1.0
_STEPS = 1_000


class Alarm:
    """Runs one call after the other in its thread, into which others can raise `SoftTimeout`.

    The interpreter raises such an exception some steps later, wherever the thread is then. It must
    not be in the next call, nor in what runs between them: so each side says what it does before it
    looks what the other one did, as in Dekker's algorithm, and a call that has ended waits for an
    exception that is on its way.
    """

    __slots__ = ("_asked", "_decided", "_had", "_raised", "_running", "_thread")

    def __init__(self) -> None:
        self._running: object = None
        self._asked: tuple[object] | None = None  # of whom it was asked for last
        self._raised: object = None  # for whom the interpreter was told to raise it
        self._had: object = None  # who has certainly had it
        self._decided = threading.Event()
        self._thread = 0

    def run(self, call: Callable[[], T], key: object) -> T:
        """What `call` returns or raises; `key` is what `ring` names it by.

        Raises:
            SoftTimeout: it was raised when the call had just ended.
        """
        self._thread = threading.get_ident()
        self._running = key
        try:
            result = call()
        finally:
            self._running = None
            if self._asked is not None and self._asked[0] is key:
                self._await_decision()
        return result

    def shield(self, call: Callable[[], T]) -> T:
        """What `call` returns or raises; `SoftTimeout` is raised before it or behind it, not in it.

        For what must not be left in the middle, or might take it for an `OSError` of its own.
        """
        key = self._running
        if key is None or threading.get_ident() != self._thread:
            return call()
        self._running = None
        try:
            self._raise_if_asked(key)
            return call()
        finally:
            self._running = key
            self._raise_if_asked(key)

    def _raise_if_asked(self, key: object) -> None:
        asked = self._asked
        if asked is None or asked[0] is not key or self._had is asked:
            return
        self._decided.wait(_DECISION_TIMEOUT)
        self._had = asked
        if self._raised is not asked:
            raise SoftTimeout  # it was asked for while nothing ran that it was meant for
        for _ in range(_STEPS):
            pass  # it comes here, or has come before

    def ring(self, key: object) -> None:
        """Raise it in the call with this key, if that runs. Called by another thread."""
        self._decided.clear()
        self._asked = asked = (key,)  # each time another one
        if self._running is key:
            self._raised = asked
            import ctypes  # noqa: PLC0415  # few workers need it

            raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
            raise_in(ctypes.c_ulong(self._thread), ctypes.py_object(SoftTimeout))
        self._decided.set()

    def _await_decision(self) -> None:
        # It had ended already, as far as its result goes.
        with contextlib.suppress(SoftTimeout):
            self._decided.wait(_DECISION_TIMEOUT)
            for _ in range(_STEPS):
                pass


def run_alarmed(
    alarm: Alarm, handler: Callable[..., Any], item: Item, finish: invoke.Finish
) -> invoke.Outcome:
    """As `invoke.run`, while `alarm` may ring for the item."""
    try:
        return alarm.run(lambda: invoke.run(handler, item, finish), item)
    except SoftTimeout as error:
        return False, invoke.error_record(error)
