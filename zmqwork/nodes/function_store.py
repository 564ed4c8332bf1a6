"""A user's function as what a sink stores with: called with the results, plain or ``async``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from types import CoroutineType
from typing import Any

from zmqwork.execution.event_loop import EventLoop
from zmqwork.nodes.store import Batch, Store


class Handler:
    """A function, or an ``async def``, as a plain function for the handler thread.

    Coroutines run in one event loop of that thread, which lasts as long as the sink, so that what
    is opened in it (a connection) can be used in the next batch.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function, updated=())  # its `close` is not ours
        self._function = function
        self._loop = EventLoop()

    def __call__(self, *args: Any) -> None:
        """Call it, and wait for the coroutine that it may return."""
        value = self._function(*args)
        if type(value) is CoroutineType:
            self._loop.finish(value)

    def close(self) -> None:
        """End the event loop, in the thread that has called it."""
        self._loop.close()


class FunctionStore:
    """A store that calls ``function(results)``: stored is what it has returned from."""

    inbox = ""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def open(self) -> Mapping[str, Sequence[tuple[int, int]]]:
        """Nothing is remembered."""
        return {}

    def store(self, batch: Batch) -> None:
        """Call the function."""
        self._function(batch.results)

    def close(self) -> None:
        """There is nothing to close."""


class HandlerStore:
    """A store that a handler is behind, whose event loop ends with it."""

    def __init__(self, store: Store, handler: Handler) -> None:
        self._store = store
        self._handler = handler
        self.open, self.store = store.open, store.store

    @property
    def inbox(self) -> str:
        """The id of the inbox. Raises what the store raises."""
        return self._store.inbox

    @property
    def counts(self) -> Mapping[str, int] | None:
        """As `Store.counts`; None: the inbox does not know."""
        return getattr(self._store, "counts", None)

    def close(self) -> None:
        """Close the store, and the handler's event loop."""
        try:
            self._store.close()
        finally:
            self._handler.close()


def store_of(function: Callable[..., Any], inbox: Any = None) -> Store:
    """A store that calls the user's function, in a transaction of an inbox if there is one."""
    handler = Handler(function)
    store: Store = FunctionStore(handler) if inbox is None else inbox.store(handler)
    return HandlerStore(store, handler)
