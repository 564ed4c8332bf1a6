"""The records of an input as tasks, pulled one at a time, and what became of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from zmqwork.cli.calls import Call, Calls
from zmqwork.cli.errors_file import ErrorsFile
from zmqwork.cli.inputs import Input
from zmqwork.cli.on_dead import is_dead, letter_of
from zmqwork.cli.output import OutputFailed, counted
from zmqwork.cli.rate import Bucket
from zmqwork.cli.records import BadInput, Fault, Format, Record, describe
from zmqwork.errors import ZmqworkError
from zmqwork.run import Failure, Run
from zmqwork.ventilating import EncodedCall

_T = TypeVar("_T")

# Who waits for a token looks this often whether he still should.
_LOOK_INTERVAL = 0.5


class TooManyFailures(ZmqworkError):
    """As many tasks have failed as the user would bear."""


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


class Counts(NamedTuple):
    """How many records, at one instant.

    Attributes:
        read: found in the input.
        bad: that could not be read, or do not fit the task.
        submitted: handed out as tasks.
        already: of those, done by an earlier start of the run.
        succeeded: of those, done by this one.
        failed: of those, that ended badly.
    """

    read: int
    bad: int
    submitted: int
    already: int
    succeeded: int
    failed: int

    @property
    def settled(self) -> int:
        """Tasks that this start has done, one way or the other."""
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
    """

    skip_bad: bool = False
    failures_max: int | None = None
    bucket: Bucket | None = None


class Feed:
    """An iterator over the tasks of an input, in constant memory.

    One thread pulls, and tells of what has failed; any may ask for `counts`, and `stop` it. The
    iterator ends, and never raises, when the input does, or something keeps it from going on:
    `raise_failure` says what, when all that was handed out is settled.

    Args:
        source: what is read, for its name and size; None: nothing is, as with ``--array 0-9``.
        form: cuts it into records.
        calls: makes calls of them.
        options: how.
        errors: gets the records that failed; None: nobody does.
        on_misfortune: is told of each.
        on_dead: gets a letter for each task that failed or died (`on_dead.letter_of`); None: nobody
            does.

    Attributes:
        run: what became of the tasks; whoever runs them sets it before the first is pulled.
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
        on_dead: Callable[[dict[str, Any]], object] | None = None,
    ) -> None:
        self.run = Run()
        self.ended = False
        self._source = source
        self._form = form
        self._calls = calls
        self._options = options
        self._errors = errors
        self._on_misfortune = on_misfortune
        self._on_dead = on_dead
        self._stopped = threading.Event()
        self._failure: ZmqworkError | None = None
        self._read = self._bad = self._submitted = self._failed = 0
        self._offset = 0
        self._lock = threading.Lock()
        if source is not None:
            source.on_idle = self._tell

    def __iter__(self) -> Iterator[EncodedCall]:
        """The tasks; the source of each is for `fail`."""
        encode = self._calls.encode
        keeps = self._errors is not None or self._on_dead is not None
        return self._each(
            lambda record, call: EncodedCall(
                record.number, encode(call), (record.line, record.raw if keeps else b"")
            )
        )

    def rehearse(self) -> Iterator[tuple[int, Call]]:
        """Number and call of each task, instead of the tasks."""

        def both(record: Record, call: Call) -> tuple[int, Call]:
            self._calls.encode(call)  # whether it can travel is to be known, too
            return record.number, call

        return self._each(both)

    @property
    def counts(self) -> Counts:
        """How far it is, and what became of it."""
        run = self.run
        already = run.already
        return Counts(
            self._read,
            self._bad,
            self._submitted,
            already,
            run.ok - already,
            run.failed + run.dead + run.expired,
        )

    def fail(self, failure: Failure) -> None:
        """A task has failed; in the thread that pulls."""
        # (Of a task that was revived from elsewhere nobody knows which record it was.)
        line, raw = failure.item or (0, b"")
        self._failed += 1
        place = self._place(failure, line)
        first = self._calls.task
        later = f"{failure.task}: " if first is not None and failure.task != first.name else ""
        text = f"{place}: {later}{failure.error.reason}"
        self._on_misfortune(Misfortune(failure.number, line, text, is_bad=False))
        if failure.item is not None:
            self._keep(raw)
        if self._on_dead is not None and is_dead(failure):
            record = raw.decode("utf-8", "backslashreplace")
            self._on_dead(letter_of(failure, run=self.run.id, line=line, record=record))
        most = self._options.failures_max
        if most is not None and self._failed >= most:
            has = "has" if self._failed == 1 else "have"
            many = counted(self._failed, "task")
            self._fail(TooManyFailures(f"{many} {has} failed: no more are sent"))

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
        read = self._read
        if self.ended:
            return read, True
        if self._form.total is not None:
            return self._form.total, True
        size = self._source.size_bytes if self._source is not None else None
        if size is None or not self._offset:
            return None, False
        return max(read, round((read - 1) * size / self._offset)), False

    # --- inside

    def _place(self, failure: Failure, line: int) -> str:
        """Where the input has the record whose task has failed."""
        if failure.item is None:
            return f"task {getattr(failure.error, 'task_id', '')}"
        # As the results are numbered: from 1.
        place = f"line {line}" if line else f"record {failure.number + 1}"
        return place if self._source is None else f"{self._source.name}, {place}"

    def _each(self, made: Callable[[Record, Call], _T]) -> Iterator[_T]:
        try:
            yield from self._tasks(made)
        except ZmqworkError as error:
            self._fail(error)

    def _tasks(self, made: Callable[[Record, Call], _T]) -> Iterator[_T]:
        form, make = self._form, self._calls.make
        waits = self._options.bucket is not None
        for record in form.records():
            if self._stopped.is_set():
                # Perhaps the input was left in the middle of this very record.
                return
            self._read += 1
            self._offset = record.offset
            try:
                if record.fault is not None:
                    raise record.fault
                task = made(record, make(form.value(record)))
            except Fault as fault:
                self._refuse(record, fault)
                continue
            if waits and not self._wait_for_token():
                return
            self._submitted += 1
            yield task
        self.ended = not self._stopped.is_set()

    def _refuse(self, record: Record, fault: Fault) -> None:
        text = describe(self._source.name if self._source else self._form.option, record, fault)
        self._bad += 1
        if not self._options.skip_bad:
            raise BadInput(text)
        if not fault.is_cut:
            self._keep(record.raw)
        elif self._errors is not None:
            text += f"\n    (it is not copied to {self._errors.path})"
        self._on_misfortune(Misfortune(record.number, record.line, text, is_bad=True))

    def _wait_for_token(self) -> bool:
        """Wait as long as the rate says; False: for nothing, the feed was stopped."""
        assert self._options.bucket is not None, "there is a rate"
        now = time.monotonic()
        go_at = now + self._options.bucket.take(now)
        # In pieces, so that a signal that another thread got is heard.
        while now < go_at and not self._stopped.wait(min(go_at - now, _LOOK_INTERVAL)):
            self._tell()
            now = time.monotonic()
        return not self._stopped.is_set()

    def _tell(self) -> None:
        """Nothing comes for the moment: tell of what has failed meanwhile."""
        self.run.tell_failures()

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
