"""The thread in which user callbacks run: never the I/O thread, and in order."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

_log = logging.getLogger("zmqwork")


class Callbacks:
    """One daemon thread per instance, started at the first callback.

    The queue is bounded by what it serves: futures that have callbacks, and notices.
    """

    def __init__(self, name: str = "zmqwork-callbacks") -> None:
        self._name = name
        self._queue: SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]] | None] = (
            SimpleQueue()
        )
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def run(self, callback: Callable[..., object], *args: Any) -> None:
        """Let `callback(*args)` run, after those that came before. What it raises is logged."""
        self._queue.put((callback, args))
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                    self._thread.start()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until everything given so far has run; False if the time was over first."""
        if self._thread is None or self._thread is threading.current_thread():
            return True
        done = threading.Event()
        self._queue.put((done.set, ()))
        return done.wait(timeout)

    def close(self) -> None:
        """End the thread after what it was given; does nothing the second time."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            if thread is not threading.current_thread():
                thread.join(timeout=5.0)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            callback, args = item
            try:
                callback(*args)
            except BaseException:  # noqa: BLE001  # user code, even SystemExit; logged
                _log.exception("a callback raised; the others go on")
            del item, callback, args  # the result of the last callback's future may go
