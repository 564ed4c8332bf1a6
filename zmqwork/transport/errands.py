"""What a node has done on its loop's thread beside sockets: descriptors to watch, calls later."""

from __future__ import annotations

import selectors
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from zmqwork.transport import clock


class Errands:
    """For the loop's own thread. Bound: what the node's pool and discovery ask for."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._writable: dict[int, Callable[[], None]] = {}
        self._readable: dict[int, Callable[[], None]] = {}
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._count = count()

    def watch(self, fileobj: int, readable: Callable[[], None]) -> None:
        """Call `readable` whenever the descriptor can be read."""
        self._readable[fileobj] = readable
        self._selector.register(fileobj, selectors.EVENT_READ, lambda: self._ready(fileobj))

    def unwatch(self, fileobj: int) -> None:
        """Undo `watch`, before the descriptor is closed."""
        self._readable.pop(fileobj, None)
        self._writable.pop(fileobj, None)
        self._selector.unregister(fileobj)

    def watch_writable(self, fileobj: int, writable: Callable[[], None] | None) -> None:
        """Call `writable` whenever a watched descriptor can be written; None ends it."""
        events = selectors.EVENT_READ
        if writable is None:
            self._writable.pop(fileobj, None)
        else:
            self._writable[fileobj] = writable
            events |= selectors.EVENT_WRITE
        self._selector.modify(fileobj, events, lambda: self._ready(fileobj))

    def call_later(self, delay: float, callback: Callable[[], None]) -> None:
        """Call `callback` after `delay` seconds."""
        heappush(self._later, (clock.now() + delay, next(self._count), callback))

    def run_due(self, now: float) -> None:
        """Call what is due."""
        while self._later and self._later[0][0] <= now:
            heappop(self._later)[2]()

    def deadline(self) -> float | None:
        """When something is due."""
        return self._later[0][0] if self._later else None

    def _ready(self, fileobj: int) -> None:
        # Both callbacks are asked: non-blocking descriptors say for themselves what is possible.
        writable = self._writable.get(fileobj)
        if writable is not None:
            writable()
        readable = self._readable.get(fileobj)
        if readable is not None:
            readable()
