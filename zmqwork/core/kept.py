"""Results that are kept for those who ask from elsewhere, and those who wait for some."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from zmqwork.core.ledger import Entry
from zmqwork.core.timers import Timers

# Who waits for a result, of all tasks together.
WAITERS_MAX = 4096

# A result takes so many bytes beside its value, about.
_OWN_BYTES = 500

Waiter = tuple[object, Callable[["Result"], None]]


class Result:
    """How a task ended.

    Attributes:
        seq: its number.
        state: one of `lifecycle.SETTLED`.
        attempt: of which attempt.
        value: what it returned, encoded; None: nothing came back.
        error: how it ended otherwise, as `ledger.Entry.error` has it.
    """

    __slots__ = ("attempt", "error", "seq", "state", "value")

    def __init__(
        self, seq: int, state: str, attempt: int, value: bytes | None, error: dict[str, Any] | None
    ) -> None:
        self.seq = seq
        self.state = state
        self.attempt = attempt
        self.value = value
        self.error = error

    @property
    def size_bytes(self) -> int:
        """What it takes in memory, about."""
        return _OWN_BYTES + len(self.value or b"")


class Kept:
    """Results of tasks that say for how long, the newest last.

    Args:
        ttl: seconds that results are kept whose tasks do not say it; 0: not at all.
        count_max, bytes_max: so many are kept, and so much; the oldest go first.
        timers: ("kept", seq) is set here.

    Attributes:
        watches: whether anybody may want a result: what is settled must be shown then.
    """

    __slots__ = (
        "_bytes", "_bytes_max", "_count_max", "_fresh", "_results", "_timers", "_ttl", "_waiters",
        "watches",
    )  # fmt: skip

    def __init__(self, ttl: float, count_max: int, bytes_max: int, timers: Timers) -> None:
        self._ttl = ttl
        self._count_max = count_max
        self._bytes_max = bytes_max
        self._timers = timers
        self._results: dict[int, Result] = {}
        self._bytes = 0
        self._fresh: list[tuple[int, float]] = []
        self._waiters: dict[int, list[Waiter]] = {}
        self.watches = ttl > 0

    def __len__(self) -> int:
        return len(self._results)

    def get(self, seq: int) -> Result | None:
        """The result of this task, if it is kept."""
        return self._results.get(seq)

    def wait(self, seq: int, who: object, call: Callable[[Result], None]) -> bool:
        """Call this when the task is settled; False: too many wait."""
        if sum(map(len, self._waiters.values())) >= WAITERS_MAX:
            return False
        self._waiters.setdefault(seq, []).append((who, call))
        self.watches = True
        return True

    def forget(self, who: object) -> None:
        """Nobody is there any more who waits as this one."""
        for seq, waiters in list(self._waiters.items()):
            left = [waiter for waiter in waiters if waiter[0] is not who]
            if left:
                self._waiters[seq] = left
            else:
                del self._waiters[seq]

    def settled(self, entries: Iterable[Entry]) -> None:
        """These are settled: tell those who wait, and keep what is to be kept."""
        for entry in entries:
            waiters = self._waiters.pop(entry.seq, ())
            ttl = entry.spec.options.result_ttl or self._ttl
            if not waiters and not ttl:
                continue
            result = Result(entry.seq, entry.state, entry.attempt, entry.value, entry.error)
            for _, call in waiters:
                call(result)
            if ttl:
                self._keep(result, ttl)

    def _keep(self, result: Result, ttl: float) -> None:
        self.drop(result.seq)  # of before it was revived
        self._results[result.seq] = result
        self._bytes += result.size_bytes
        self._fresh.append((result.seq, ttl))
        while len(self._results) > self._count_max or self._bytes > self._bytes_max:
            self.drop(next(iter(self._results)))

    def stamp(self, now: float) -> None:
        """What was kept in this turn is kept from now on."""
        for seq, ttl in self._fresh:
            if seq in self._results:
                self._timers.set(("kept", seq), now + ttl)
        self._fresh.clear()

    def drop(self, seq: int) -> None:
        """Keep this one no longer."""
        result = self._results.pop(seq, None)
        if result is not None:
            self._bytes -= result.size_bytes
            self._timers.cancel(("kept", seq))
