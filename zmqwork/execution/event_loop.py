"""Coroutines run to their end, in an event loop that a thread has for itself."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio


class EventLoop:
    """Made at the first coroutine: most threads never see one, and asyncio is slow to import.

    Args:
        prepare: called with the event loop when it was made.
    """

    __slots__ = ("_prepare", "_runner", "task")

    def __init__(self, prepare: Callable[[asyncio.AbstractEventLoop], None] | None = None) -> None:
        self._prepare = prepare
        self._runner: asyncio.Runner | None = None
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

    def cancel(self, is_wanted: Callable[[], bool]) -> None:
        """Cancel the coroutine that runs if `is_wanted` says so then. From any thread."""
        task = self.task
        if task is not None:
            with contextlib.suppress(RuntimeError):  # closed meanwhile
                task.get_loop().call_soon_threadsafe(self._cancel, is_wanted)

    def _cancel(self, is_wanted: Callable[[], bool]) -> None:
        if self.task is not None and is_wanted():
            self.task.cancel()

    def _open(self) -> None:
        import asyncio  # noqa: PLC0415  # 40 ms, and most children never need it

        self._runner = asyncio.Runner()
        if self._prepare is not None:
            self._prepare(self._runner.get_loop())

    async def _note(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        import asyncio  # noqa: PLC0415

        self.task = asyncio.current_task()
        try:
            return await coroutine
        finally:
            self.task = None
