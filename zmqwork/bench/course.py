"""One measurement while it goes on: how far it is, and whether it is over."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from zmqwork.bench.histogram import Histogram
from zmqwork.errors import ZmqworkError

# A worker that does what it was given says something in this time, whatever the network.
STALL_TIMEOUT = 30.0


class Stalled(ZmqworkError):
    """No result has come for a long time."""


class Course:
    """Written by the thread that measures, and looked at by the one that shows how far it is.

    Args:
        tasks_max: end after so many.
        duration: end after so many seconds.
        is_told: whether a person wants it to end; then it does, and what was measured counts.
        length: seconds that a task takes by itself.

    Attributes:
        patience: seconds without a single result after which something is broken.
        landed: tasks whose results are here.
        trips: how long single tasks took from the call of `submit` until their results were here.
    """

    def __init__(
        self,
        tasks_max: int,
        duration: float,
        is_told: Callable[[], bool] = lambda: False,
        length: float = 0.0,
    ) -> None:
        self.tasks_max = tasks_max
        self.duration = duration
        self.is_told = is_told
        self.patience = STALL_TIMEOUT + 10 * length
        self.landed = 0
        self.trips = Histogram()
        self._begun_at = math.nan
        self._ended_at = math.nan

    def begin(self) -> None:
        """The clock starts."""
        self._begun_at = time.perf_counter()
        self._ended_at = math.nan

    def goes_on(self, submitted: int) -> bool:
        """Whether a further task is to be submitted behind so many."""
        return (
            submitted < self.tasks_max
            and time.perf_counter() - self._begun_at < self.duration
            and not self.is_told()
        )

    def end(self) -> None:
        """The clock stops: the last result is here."""
        self._ended_at = time.perf_counter()

    @property
    def seconds(self) -> float:
        """How long it took, or takes by now; 0.0 before its beginning."""
        if math.isnan(self._begun_at):
            return 0.0
        end = time.perf_counter() if math.isnan(self._ended_at) else self._ended_at
        return end - self._begun_at

    @property
    def progress(self) -> float:
        """How far it is, from 0 to 1, by tasks or by time, whichever ends it first."""
        return min(1.0, max(self.landed / self.tasks_max, self.seconds / self.duration))
