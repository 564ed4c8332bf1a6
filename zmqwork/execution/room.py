"""How far a generator may be ahead of whoever reads what it yields."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from zmqwork.core.progress import PARTS_BYTES_MAX, PARTS_MAX

if TYPE_CHECKING:
    import asyncio

# How often one that waits looks whether it is still wanted.
_LOOK_INTERVAL = 0.1


class Room:
    """Counts parts that were yielded and not read. Bound: PARTS_MAX.

    Args:
        taken: so many parts of the task there were before.
        is_wanted: whether anybody waits for the task.
        unread: how many of those were not read, and their bytes.
        listen: takes in what comes for the handler, for so many seconds at most; None: another
            thread does.
    """

    __slots__ = ("_awaiter", "_is_wanted", "_listen", "_lock", "_sizes", "_taken", "_there",
                 "_unread_bytes")  # fmt: skip

    def __init__(
        self,
        taken: int,
        is_wanted: Callable[[], bool],
        listen: Callable[[float], None] | None,
        unread: tuple[int, int] = (0, 0),
    ) -> None:
        count = min(unread[0], PARTS_MAX)
        self._taken = taken - count
        self._is_wanted = is_wanted
        self._listen = listen
        self._lock = threading.Lock()
        self._there = threading.Condition(self._lock)
        self._awaiter: asyncio.Future[None] | None = None
        # (Those of earlier attempts are not here, and take a place.)
        self._sizes: deque[int] = deque([0] * (count - 1) + [unread[1]] if count else [])
        self._unread_bytes = unread[1] if count else 0

    @property
    def is_full(self) -> bool:
        """Whether some must be read before another one is yielded."""
        return len(self._sizes) >= PARTS_MAX or self._unread_bytes >= PARTS_BYTES_MAX

    def took(self, size_bytes: int) -> None:
        """A part was yielded."""
        with self._lock:
            self._sizes.append(size_bytes)
            self._unread_bytes += size_bytes

    def granted(self, count: int) -> None:
        """All parts below this number were read. From any thread."""
        with self._lock:
            while self._sizes and self._taken < count:
                self._unread_bytes -= self._sizes.popleft()
                self._taken += 1
            self._there.notify_all()
            awaiter, self._awaiter = self._awaiter, None
        if awaiter is not None:
            awaiter.get_loop().call_soon_threadsafe(_wake, awaiter)

    def wait(self) -> bool:
        """Wait until there is room; False: nobody wants anything of it any more."""
        while self.is_full and self._is_wanted():
            if self._listen is not None:
                self._listen(_LOOK_INTERVAL)
                continue
            with self._lock:
                if self.is_full:
                    self._there.wait(_LOOK_INTERVAL)
        return self._is_wanted()

    async def wait_async(self) -> bool:
        """As `wait`, while the event loop goes on."""
        import asyncio  # noqa: PLC0415 - whoever awaits has loaded it

        while self.is_full and self._is_wanted():
            awaiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            with self._lock:
                self._awaiter = awaiter
            # (It may have been granted just before: then the next look comes soon.)
            await asyncio.wait([awaiter], timeout=_LOOK_INTERVAL)
        return self._is_wanted()


def _wake(awaiter: asyncio.Future[None]) -> None:
    if not awaiter.done():
        awaiter.set_result(None)
