"""How far a benchmark is: a bar on a terminal, a line for each measurement elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
from types import TracebackType
from typing import Protocol, Self

from zmqwork.bench.campaign import Campaign
from zmqwork.bench.measurement import Measurement
from zmqwork.cli.output import Output, complain
from zmqwork.cli.progress import duration, short_number

_DRAW_INTERVAL = 0.2


class Display(Protocol):
    """Where it is shown."""

    def begin(self) -> None:
        """Nothing was shown before."""

    def show(self, text: str, done: float) -> None:
        """So far it is: from 0 to 1."""

    def say(self, text: str) -> None:
        """Tell one thing that happened."""

    def end(self) -> None:
        """Nothing is shown afterwards."""


class _Lines:
    def begin(self) -> None:
        pass

    def show(self, text: str, done: float) -> None:
        pass

    def say(self, text: str) -> None:
        complain(f"zmqwork bench run: {text}")

    def end(self) -> None:
        pass


class _Silence(_Lines):
    def say(self, text: str) -> None:
        pass


class BenchProgress:
    """Shows a campaign on standard error, if the output is for people; use it with `with`."""

    def __init__(self, output: Output, campaign: Campaign) -> None:
        self._campaign = campaign
        self._display = _display(output)
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._draw, name="progress", daemon=True)

    def measured(self, measurement: Measurement) -> None:
        """One more is finished."""
        number, count = self._campaign.finished, len(self._campaign.cases)
        p99 = measurement.percentile("p99")
        trips = "" if p99 is None else f", p99 {p99 * 1e3:.3g} ms"
        bandwidth = measurement.bandwidth / 1e6
        moved = f", {short_number(bandwidth)} MB/s" if bandwidth else ""
        rate = short_number(measurement.rate)
        self._say(f"{number} of {count}: {measurement.case}: {rate} tasks/s{moved}{trips}")

    def __enter__(self) -> Self:
        self._display.begin()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        with self._lock, contextlib.suppress(OSError):
            self._display.end()

    def _say(self, text: str) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._display.say(text)

    def _draw(self) -> None:
        while not self._ended.wait(_DRAW_INTERVAL):
            campaign = self._campaign
            case, course = campaign.case, campaign.course
            if case is None:
                continue
            share, what = 0.0, "warming up"
            if course is not None and course.seconds:
                share = course.progress
                left = course.seconds * (1 / share - 1) if share else course.duration
                rate = short_number(course.landed / course.seconds)
                what = f"{course.landed:,} tasks, {rate}/s, {duration(left)} left"
            done = (campaign.finished + share) / len(campaign.cases)
            with self._lock, contextlib.suppress(OSError):
                self._display.show(f"{case}: {what}", done)


def _display(output: Output) -> Display:
    if not output.for_people:
        return _Silence()
    if sys.stderr.isatty():
        try:
            from zmqwork.cli.bench_bar import Bar  # noqa: PLC0415 - needs rich, which is optional
        except ImportError:
            pass
        else:
            bar = Bar()
            if bar.can_draw:
                return bar
    return _Lines()
