"""Coroutines run to their end, in an event loop that a thread has for itself."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from zmqwork.errors import SoftTimeout

if TYPE_CHECKING:
    import asyncio


class EventLoop:
    """Made at the first coroutine: most threads never see one, and asyncio is slow to import.

    Args:
        prepare: called with the event loop when it was made.
    """

    __slots__ = ("_alarmed", "_prepare", "_runner", "task")

    def __init__(self, prepare: Callable[[asyncio.AbstractEventLoop], None] | None = None) -> None:
        self._prepare = prepare
        self._runner: asyncio.Runner | None = None
        self._alarmed = False
        self.task: asyncio.Task[Any] | None = None

    def finish(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run it; its result, or whatever it raises. `task` is its task meanwhile."""
        if self._runner is None:
            self._open()
        assert self._runner is not None
        # The runner would take the context variables as they were when it was made.
        return self._runner.run(self._note(coroutine), context=contextvars.copy_context())

    def close(self) -> None:
        """Cancel what coroutines have left behind, and end the event loop."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def alarm(self, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """As `cancel`, because its soft time-out is over: if that ends it, `SoftTimeout` has."""
        self._call(self._alarm, is_wanted)

    def cancel(self, is_wanted: Callable[[], bool]) -> None:
        """Cancel the coroutine that runs if `is_wanted` says so then. From any thread."""
        self._call(self._cancel, is_wanted)

    def _call(self, function: Callable[..., object], is_wanted: Callable[[], bool]) -> None:
        task = self.task
        if task is not None:
            with contextlib.suppress(RuntimeError):  # closed meanwhile
                task.get_loop().call_soon_threadsafe(function, is_wanted)

    def _cancel(self, is_wanted: Callable[[], bool]) -> bool:
        if self.task is not None and is_wanted():
            return self.task.cancel()
        return False

    def _alarm(self, is_wanted: Callable[[], bool]) -> None:
        self._alarmed = self._cancel(is_wanted)

    def _open(self) -> None:
        import asyncio  # noqa: PLC0415  # 40 ms, and most children never need it

        self._runner = asyncio.Runner()
        if self._prepare is not None:
            self._prepare(self._runner.get_loop())

    async def _note(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        import asyncio  # noqa: PLC0415

        self.task = asyncio.current_task()
        self._alarmed = False
        try:
            return await coroutine
        except asyncio.CancelledError:
            if self._alarmed:
                raise SoftTimeout from None
            raise
        finally:
            self.task = None
