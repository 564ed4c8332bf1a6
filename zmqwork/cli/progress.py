"""How far a run is, how fast it goes, and when it will be done."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import Any

from zmqwork.cli.feed import Feed

# The rate is that of the last so many seconds: it follows a worker that joins, and does not jump.
_WINDOW = 20.0
_SAMPLES_MAX = 100


class Meter:
    """Measures the rate of something that counts up. Instants are arguments, in seconds.

    Args:
        now: when it begins, at 0.
    """

    def __init__(self, now: float) -> None:
        # (instant, count); of those older than the window, only the newest is kept.
        self._samples: deque[tuple[float, int]] = deque([(now, 0)], maxlen=_SAMPLES_MAX)
        self._last = 0

    def rate(self, now: float, count: int) -> float:
        """How many a second, lately; 0.0 as long as nobody can tell."""
        samples = self._samples
        newest_at = samples[-1][0]
        if now - newest_at >= _WINDOW / _SAMPLES_MAX:
            samples.append((now, count))
        while len(samples) > 1 and now - samples[1][0] >= _WINDOW:
            samples.popleft()
        begun_at, before = samples[0]
        return (count - before) / (now - begun_at) if now > begun_at else 0.0

    def has_moved(self, count: int) -> bool:
        """Whether it counts more than when this was asked before."""
        before, self._last = self._last, count
        return count > before


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A run, at one instant.

    Attributes:
        done: records that nothing more is to be done for.
        total: how many there are; None: nobody can tell.
        total_is_known: it is certain; else it is a guess.
        succeeded, failed: tasks.
        bad, already: records that are no tasks, and those that an earlier run has done.
        rate: tasks a second, lately.
        seconds_left: at this rate; None: nobody can tell.
        obstacle: what keeps it from going on; empty: nothing does.
    """

    done: int
    total: int | None
    total_is_known: bool
    succeeded: int
    failed: int
    bad: int
    already: int
    rate: float
    seconds_left: float | None
    obstacle: str = ""

    def values(self) -> dict[str, Any]:
        """The same, for programs."""
        left = None if self.seconds_left is None else round(self.seconds_left, 1)
        return {
            "done": self.done,
            "total": self.total,
            "total_is_known": self.total_is_known,
            "succeeded": self.succeeded,
            "failed": self.failed,
            "bad": self.bad,
            "already": self.already,
            "rate": round(self.rate, 3),
            "seconds_left": left,
            "obstacle": self.obstacle or None,
        }

    def text(self) -> str:
        """The same, for people, on one line."""
        words = [f"{self.done:,} done"]
        if self.total is not None:
            about = "" if self.total_is_known else "about "
            words = [f"{self.done:,} of {about}{self.total:,} done"]
        words += [f"{self.failed:,} failed"] if self.failed else []
        words += [f"{self.bad:,} bad"] if self.bad else []
        words += [f"{short_number(self.rate)}/s"] if self.rate else []
        words += [f"{duration(self.seconds_left)} left"] if self.seconds_left is not None else []
        words += [_shortened(self.obstacle)] if self.obstacle else []
        return ", ".join(words)


def measure(feed: Feed, meter: Meter, now: float) -> Progress:
    """How far the run of a feed is; if it stands still, also why."""
    counts = feed.counts
    done, settled = counts.done, counts.settled
    stands = not meter.has_moved(done)
    total, known = feed.total()
    rate = meter.rate(now, settled)
    left = None
    if total is not None and (rate or done >= total):
        left = max(0, total - done) / rate if rate else 0.0
    return Progress(
        done=done,
        total=total,
        total_is_known=known,
        succeeded=counts.succeeded,
        failed=counts.failed,
        bad=counts.bad,
        already=counts.already,
        rate=rate,
        seconds_left=left,
        obstacle=feed.run.obstacle if stands else "",
    )


def _shortened(obstacle: str) -> str:
    """Of ``10 x task 'f' (queue 'q') wait: no worker was found (...); start one``, the middle."""
    _, waits, why = obstacle.partition(" wait: ")
    return re.split(r"; | \(", f"waiting: {why}" if waits else obstacle)[0]


def duration(seconds: float) -> str:
    """A time as people say it: ``1.5 s``, ``45 s``, ``3 min 20 s``, ``2 h 5 min``, ``4 d 3 h``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for large, small, size, of in (("d", "h", 86_400, 3600), ("h", "min", 3600, 60)):
        if whole >= size:
            return f"{whole // size} {large} {whole % size // of} {small}"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


def short_number(value: float) -> str:
    """A rate with as many digits as mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
