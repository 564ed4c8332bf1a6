"""What a run tells while it goes on: a bar, lines, JSON events, or nothing."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from zmqwork.cli.feed import Feed, Misfortune
from zmqwork.cli.output import JSON, QUIET, TABLE, Output, OutputFailed, complain
from zmqwork.cli.progress import Meter, Progress, measure
from zmqwork.escaping import LINES, printable
from zmqwork.execution.logs import TEXT, JsonFormatter

# Seconds between two reports that stay, and between two pictures of the bar.
REPORT_INTERVAL = 5.0
_DRAW_INTERVAL = 0.2
# Misfortunes that people are told of one by one; programs are told of all.
_TOLD_MAX = 10


class Display(Protocol):
    """Where progress is shown."""

    def begin(self) -> None:
        """Nothing was shown before."""

    def show(self, progress: Progress) -> None:
        """So far it is."""

    def say(self, text: str) -> None:
        """Tell one thing that happened."""

    def end(self) -> None:
        """Nothing is shown afterwards."""


class Lines:
    """One line of standard error for each report.

    Args:
        prefix: what each begins with.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def begin(self) -> None:
        """Nothing to do."""

    def show(self, progress: Progress) -> None:
        """So far it is."""
        complain(f"{self._prefix}: {progress.text()}")

    def say(self, text: str) -> None:
        """Tell one thing that happened."""
        complain(f"{self._prefix}: {text}")

    def end(self) -> None:
        """Nothing to do."""


class Reporter:
    """Tells how far a run is, from a thread of its own, and what went wrong, from any.

    Use it with `with`: meanwhile it also tells what zmqwork logs. Standard output that takes no
    more ends the run: `raise_failure` says so.

    Args:
        output: table, JSON or quiet.
        prefix: what lines for people begin with.
        progress: False: tell what goes wrong, not how far it is.
        interval: seconds between two reports that stay.
        log_format: how standard error gets what is logged: text or JSON.
    """

    def __init__(
        self,
        output: Output,
        prefix: str,
        *,
        progress: bool = True,
        interval: float = REPORT_INTERVAL,
        log_format: str = TEXT,
    ) -> None:
        self._output = output
        self._progress = progress
        self._prefix = prefix
        self._display, self._interval = self._find_display(interval)
        self._feed: Feed | None = None
        self._meter = Meter(time.monotonic())
        self._told = 0
        self._json = JsonFormatter()
        self._failure: OutputFailed | BrokenPipeError | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._report, name="progress", daemon=True)
        tell = self.remark if log_format == TEXT else self._remark_as_json
        self._log = _Log(tell, logging.WARNING if output.form != QUIET else logging.ERROR)

    def watch(self, feed: Feed) -> None:
        """Tell of this feed from now on."""
        self._feed = feed
        if self._progress and self._output.form in (TABLE, JSON):
            self._display.begin()
            self._thread.start()

    def misfortune(self, misfortune: Misfortune) -> None:
        """Tell that a record is bad, or that its task failed; from any thread."""
        event = "bad" if misfortune.is_bad else "failed"
        self._emit(
            {
                "event": event,
                "number": misfortune.number,
                "line": misfortune.line or None,
                "text": misfortune.text,
            }
        )
        if not self._output.for_people:
            return
        with self._lock:
            self._told += 1
            if self._told <= _TOLD_MAX:
                self._display.say(_hung(printable(misfortune.text, LINES)))
            if self._told == _TOLD_MAX:
                self._display.say("what else goes wrong is counted, and not told one by one")

    def _remark_as_json(self, record: logging.LogRecord) -> None:
        self._emit({"event": "notice", "text": record.getMessage()})
        with self._lock, contextlib.suppress(OSError):
            complain(self._json.format(record))

    def remark(self, record: logging.LogRecord) -> None:
        """Tell what a person should know; from any thread."""
        text = record.getMessage()
        self._emit({"event": "notice", "text": text})
        if self._output.form != JSON:
            with self._lock, contextlib.suppress(OSError):
                self._display.say(printable(text))

    def raise_failure(self) -> None:
        """Raise what standard output said; it took everything: do nothing."""
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> Self:
        self._log.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._log.end()
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock, contextlib.suppress(OSError):
            self._display.end()

    def _find_display(self, interval: float) -> tuple[Display, float]:
        if self._output.for_people and self._progress and sys.stderr.isatty():
            try:
                from zmqwork.cli.progress_bar import Bar  # noqa: PLC0415 - rich is optional
            except ImportError:
                pass
            else:
                bar = Bar()
                if bar.can_draw:
                    return bar, _DRAW_INTERVAL
        return Lines(self._prefix), interval

    def _report(self) -> None:
        assert self._feed is not None, "it is being watched"
        while not self._ended.wait(self._interval):
            progress = measure(self._feed, self._meter, time.monotonic())
            self._emit({"event": "progress", **progress.values()})
            if self._output.for_people:
                with self._lock, contextlib.suppress(OSError):
                    self._display.show(progress)

    def _emit(self, event: dict[str, object]) -> None:
        with self._lock:
            if self._failure is not None:
                return
            try:
                self._output.json(event)
            except (OutputFailed, BrokenPipeError) as error:
                self._failure = error
                if self._feed is not None:
                    self._feed.stop()


class _Log(logging.Handler):
    """Passes on what zmqwork logs, between `begin` and `end`; nobody else hears it then."""

    def __init__(self, tell: Callable[[logging.LogRecord], object], level: int) -> None:
        super().__init__(level)
        self._tell = tell
        self._logger = logging.getLogger("zmqwork")
        self._propagated = True

    def begin(self) -> None:
        """Pass on from now on."""
        self._propagated = self._logger.propagate
        self._logger.propagate = False
        self._logger.addHandler(self)

    def end(self) -> None:
        """Leave the log as it was."""
        self._logger.removeHandler(self)
        self._logger.propagate = self._propagated

    def emit(self, record: logging.LogRecord) -> None:
        """What the logger calls, in whichever thread."""
        self._tell(record)


def _hung(text: str) -> str:
    """Its lines behind the first are indented: none may pass for another message."""
    return re.sub(r"\n(?! {4})", "\n    ", text)
