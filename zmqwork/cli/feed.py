"""The records of an input as tasks, pulled one at a time, and what became of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from zmqwork.cli.calls import Calls
from zmqwork.cli.errors_file import ErrorsFile
from zmqwork.cli.inputs import Input
from zmqwork.cli.output import OutputFailed, counted
from zmqwork.cli.rate import Bucket
from zmqwork.cli.records import BadInput, Fault, Format, Record, describe
from zmqwork.errors import ZmqworkError

# Who waits for a token looks this often whether he still should.
_LOOK_INTERVAL = 0.5


class TooManyFailures(ZmqworkError):
    """As many tasks have failed as the user would bear."""


class Item(NamedTuple):
    """One task to submit.

    Attributes:
        number: of its record, from 0: the task's number in its run.
        args: its positional arguments.
        kwargs: its keyword arguments.
        payload: the same, encoded as `Task.submit` does it.
    """

    number: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    payload: bytes


@dataclass(frozen=True, slots=True)
class Misfortune:
    """A record that was no task, or whose task failed.

    Attributes:
        number: of the record.
        line: where it begins; 0 if it is from no file.
        text: what is wrong, and where.
        is_bad: it could not be submitted.
    """

    number: int
    line: int
    text: str
    is_bad: bool


@dataclass(slots=True)
class Counts:
    """How many records, so far.

    Attributes:
        read: found in the input.
        already: left out, because an earlier run has done them.
        bad: that could not be read, or do not fit the task.
        submitted: handed out as tasks.
        succeeded: of those, done.
        failed: of those, that ended badly.
    """

    read: int = 0
    already: int = 0
    bad: int = 0
    submitted: int = 0
    succeeded: int = 0
    failed: int = 0

    @property
    def settled(self) -> int:
        """Tasks that are over, one way or the other."""
        return self.succeeded + self.failed

    @property
    def done(self) -> int:
        """Records that nothing more is to be done for."""
        return self.already + self.bad + self.succeeded + self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions:
    """How records become tasks.

    Attributes:
        skip_bad: a record that is no task is counted and left out; else the feed ends there.
        failures_max: the feed ends when so many tasks have failed; None: never.
        bucket: how fast tasks are handed out; None: as fast as they are taken.
        already: numbers of records that need not be done.
    """

    skip_bad: bool = False
    failures_max: int | None = None
    bucket: Bucket | None = None
    already: Container[int] = ()


class Feed:
    """An iterator over the tasks of an input, in constant memory.

    One thread pulls, any may call `settle` and `stop`. The iterator ends, and never raises, when
    the input does, or something keeps it from going on: `raise_failure` says what, when all that
    was handed out is settled.

    Args:
        source: what is read, for its name and size; None: nothing is, as with ``--array 0-9``.
        form: cuts it into records.
        calls: makes calls of them.
        options: how.
        errors: gets the records that failed; None: nobody does.
        on_misfortune: is told of each.

    Attributes:
        counts: so far.
        ended: all of the input was read.
    """

    def __init__(
        self,
        source: Input | None,
        form: Format,
        calls: Calls,
        options: FeedOptions,
        *,
        errors: ErrorsFile | None = None,
        on_misfortune: Callable[[Misfortune], object] = lambda _: None,
    ) -> None:
        self.counts = Counts()
        self.ended = False
        self._source = source
        self._form = form
        self._calls = calls
        self._options = options
        self._errors = errors
        self._on_misfortune = on_misfortune
        self._stopped = threading.Event()
        self._failure: ZmqworkError | None = None
        # Lines, and texts if somebody wants them, of what was handed out and is not settled:
        # bounded by whoever pulls, as the tasks themselves are.
        self._unsettled: dict[int, tuple[int, bytes]] = {}
        self._offset = 0
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Item]:
        try:
            yield from self._items()
        except ZmqworkError as error:
            self._fail(error)

    def settle(self, number: int, failure: str | None = None) -> None:
        """A task is over; from any thread, once for each.

        Args:
            number: of its record.
            failure: why it ended badly; None: it succeeded.
        """
        if failure is None:
            self.succeed([number])
            return
        line, raw = self._unsettled.pop(number)
        with self._lock:
            self.counts.failed += 1
            failed = self.counts.failed
        place = f"line {line}" if line else f"record {number}"
        if self._source is not None:
            place = f"{self._source.name}, {place}"
        self._on_misfortune(Misfortune(number, line, f"{place}: {failure}", is_bad=False))
        self._keep(raw)
        most = self._options.failures_max
        if most is not None and failed >= most:
            has = "has" if failed == 1 else "have"
            self._fail(TooManyFailures(f"{counted(failed, 'task')} {has} failed: no more are sent"))

    def succeed(self, numbers: Sequence[int]) -> None:
        """Tasks have succeeded: `settle` for many at once."""
        for number in numbers:
            del self._unsettled[number]
        with self._lock:
            self.counts.succeeded += len(numbers)

    def stop(self) -> None:
        """Hand out no more; from any thread. Who waits in the input is back in half a second."""
        self._stopped.set()
        if self._source is not None:
            self._source.stop()

    def raise_failure(self) -> None:
        """Raise what ended the feed before its input did; nothing did: do nothing.

        Raises:
            BadInput: a record was bad, or the CSV's header; the text names file and line.
            OutputFailed: the errors file takes no more.
            TooManyFailures: `FeedOptions.failures_max`.
            UsageError: the input cannot be read any further.
        """
        if self._failure is not None:
            raise self._failure

    def total(self) -> tuple[int | None, bool]:
        """How many records there are, and whether that is certain; None: nobody can tell.

        In a file it is guessed from how far the records that were read have come.
        """
        read = self.counts.read
        if self.ended:
            return read, True
        if self._form.total is not None:
            return self._form.total, True
        size = self._source.size_bytes if self._source is not None else None
        if size is None or not self._offset:
            return None, False
        return max(read, round((read - 1) * size / self._offset)), False

    # --- inside

    def _items(self) -> Iterator[Item]:
        for record in self._form.records():
            if self._stopped.is_set():
                # Perhaps the input was left in the middle of this very record.
                return
            self.counts.read += 1
            self._offset = record.offset
            if record.number in self._options.already:
                self.counts.already += 1
                continue
            try:
                item = self._item(record)
            except Fault as fault:
                self._refuse(record, fault)
                continue
            if not self._wait_for_token():
                return
            raw = record.raw if self._errors is not None else b""
            self._unsettled[record.number] = (record.line, raw)
            self.counts.submitted += 1
            yield item
        self.ended = not self._stopped.is_set()

    def _item(self, record: Record) -> Item:
        if record.fault is not None:
            raise record.fault
        call = self._calls.make(self._form.value(record))
        return Item(record.number, *call, self._calls.encode(call))

    def _refuse(self, record: Record, fault: Fault) -> None:
        text = describe(self._source.name if self._source else self._form.option, record, fault)
        self.counts.bad += 1
        if not self._options.skip_bad:
            raise BadInput(text)
        if not fault.is_cut:
            self._keep(record.raw)
        elif self._errors is not None:
            text += f"\n    (it is not copied to {self._errors.path})"
        self._on_misfortune(Misfortune(record.number, record.line, text, is_bad=True))

    def _wait_for_token(self) -> bool:
        """Wait as long as the rate says; False: for nothing, the feed was stopped."""
        if self._options.bucket is None:
            return True
        now = time.monotonic()
        go_at = now + self._options.bucket.take(now)
        # In pieces, so that a signal that another thread got is heard.
        while now < go_at and not self._stopped.wait(min(go_at - now, _LOOK_INTERVAL)):
            now = time.monotonic()
        return not self._stopped.is_set()

    def _keep(self, raw: bytes) -> None:
        if self._errors is None:
            return
        try:
            self._errors.add(self._form, raw)
        except OutputFailed as error:
            self._fail(error)

    def _fail(self, error: ZmqworkError) -> None:
        """The first thing that goes wrong is the one that is told."""
        with self._lock:
            if self._failure is None:
                self._failure = error
        self.stop()
