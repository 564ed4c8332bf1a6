"""When a worker that has nothing to do leaves by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection

from zmqwork.config import WorkerConfig
from zmqwork.core.timers import Timers

# A worker in a burst leaves when no producer has had anything for it for so long: what is on its
# way, or is submitted by what was just done, comes within that. If it has met none at all, it waits
# for one so long: on a network the first answer may take a second or two.
BURST_QUIET = 1.0
BURST_PATIENCE = 5.0


class Leisure:
    """Sets ("idle", None) while there is nothing to do.

    Args:
        config: the worker's.
        accounts: its producers.
        timers: the worker's.
        is_done: whether nothing is held, runs, or waits for an ack.
    """

    __slots__ = ("_accounts", "_config", "_has_met", "_is_done", "_timers")

    def __init__(
        self,
        config: WorkerConfig,
        accounts: Collection[object],
        timers: Timers,
        is_done: Callable[[], bool],
    ) -> None:
        self._config = config
        self._accounts = accounts
        self._timers = timers
        self._is_done = is_done
        self._has_met = False

    @property
    def cause(self) -> str:
        """Why it leaves when the time is over."""
        return "burst" if self._config.burst else "idle"

    def tick(self, now: float, *, serving: bool) -> None:
        """Let the time run, or not."""
        if not (self._config.burst or self._config.idle_exit):
            return
        if self._accounts and not self._has_met:
            self._has_met = True
            self._timers.cancel(("idle", None))  # from here on it is another time
        if serving and self._is_done():
            self._timers.set_default(("idle", None), now + self._patience())
        else:
            self._timers.cancel(("idle", None))

    def _patience(self) -> float:
        if self._config.burst:
            return BURST_QUIET if self._has_met else BURST_PATIENCE
        return self._config.idle_exit
