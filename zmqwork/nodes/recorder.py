"""The journal thread of a producer: the only one that touches its journal.

Whatever the machine has handed over while a write was under way is the next write: one fsync for
all of it, however much there is.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from queue import Empty, SimpleQueue

from zmqwork.core.effects import Record
from zmqwork.core.events import Event
from zmqwork.core.records import Legacy, WriteFailed, WriteRefused, Written
from zmqwork.errors import JournalFull
from zmqwork.journal.journal import Journal

_log = logging.getLogger("zmqwork")

# A disk that takes longer than this when the producer ends is not waited for: what it was to write
# is in doubt, as after a crash.
_CLOSE_TIMEOUT = 10.0


class Recorder:
    """Writes batches to a journal, in a daemon thread of its own, in order.

    Args:
        take: opens the journal; called in the thread.
    """

    def __init__(self, take: Callable[[], Journal]) -> None:
        self._take = take
        # Bound: what the machine holds back until it is written.
        self._queue: SimpleQueue[Record | None] = SimpleQueue()
        self._opened = threading.Event()
        self._post: Callable[[Event], None] | None = None
        self._legacy: Legacy | None = None
        self._error: BaseException | None = None
        self._full = False
        self.name = ""

    def open(self) -> Legacy:
        """Start the thread, and open the journal in it: what it has.

        Raises whatever opening raises.
        """
        self._thread = threading.Thread(target=self._work, name="zmqwork-journal", daemon=True)
        self._thread.start()
        # In steps, so that a signal is handled meanwhile also where a wait cannot be interrupted.
        while not self._opened.wait(0.5):
            pass
        if self._error is not None:
            raise self._error
        assert self._legacy is not None
        return self._legacy

    def start(self, post: Callable[[Event], None]) -> None:
        """Answer from now on through `post`."""
        self._post = post

    def hand_over(self, record: Record) -> None:
        """Let this be written; the answer comes by and by."""
        self._queue.put(record)

    def close(self) -> None:
        """End the thread, and close the journal; one with nothing in it vanishes."""
        self._queue.put(None)
        self._thread.join(_CLOSE_TIMEOUT)
        if self._thread.is_alive():
            _log.error("journal %s did not close within %g s", self.name, _CLOSE_TIMEOUT)

    # -- the journal thread -------------------------------------------------------------------

    def _work(self) -> None:
        try:
            journal = self._take()
        except BaseException as error:  # noqa: BLE001 - the caller of `open` gets it
            self._error = error
            self._opened.set()
            return
        try:
            self.name = journal.name
            try:
                self._legacy = journal.load()
            except BaseException as error:  # noqa: BLE001 - as above
                self._error = error
                return
            finally:
                self._opened.set()
            while records := self._next():
                self._write(journal, records)
        except BaseException as error:  # noqa: BLE001 - whatever it is: nothing more is written
            self._answer(WriteFailed(str(error) or repr(error)))
        finally:
            journal.close(remove_if_empty=True)

    def _next(self) -> list[Record]:
        """All that waits, at least one; none: this is the end."""
        records: list[Record] = []
        record = self._queue.get()
        while record is not None:
            records.append(record)
            try:
                record = self._queue.get_nowait()
            except Empty:
                return records
        if records:
            self._queue.put(None)
        return records

    def _write(self, journal: Journal, records: list[Record]) -> None:
        try:
            journal.write([record.batch for record in records])
        except JournalFull as error:
            self._write_outcomes(journal, records, str(error))
        else:
            self._full = False
            self._answer(Written(records[-1].number))

    def _write_outcomes(self, journal: Journal, records: list[Record], why: str) -> None:
        """There is no room for what was submitted; what was settled is written from the reserve."""
        if not self._full:
            self._full = True
            _log.error("%s: new tasks are refused until there is", why)
        outcomes = [replace(record.batch, filed=[]) for record in records]
        journal.write([batch for batch in outcomes if batch], reserve=True)
        for record in records:
            if record.batch.filed:
                self._answer(WriteRefused(record.number, why))
            else:
                self._answer(Written(record.number))

    def _answer(self, event: Event) -> None:
        assert self._post is not None
        self._post(event)
