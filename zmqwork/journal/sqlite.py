"""The journal in one SQLite file."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zmqwork.core.records import Batch, Legacy
from zmqwork.disk import reason, sync_directory
from zmqwork.errors import (
    JournalBroken,
    JournalError,
    JournalFull,
    JournalInUse,
    UsageError,
)
from zmqwork.journal.compaction import ROW_BYTES, Compaction
from zmqwork.journal.database import Connect, Database, connect
from zmqwork.journal.live import Live
from zmqwork.journal.log import Log, create
from zmqwork.journal.reserve import Reserve
from zmqwork.journal.state import State
from zmqwork.journal.totals import Totals
from zmqwork.lock import Lock, LockHeld
from zmqwork.wire.recording import encode, split

_log = logging.getLogger("zmqwork")

MIB = 1024 * 1024
# What a row takes in the log of SQLite beside its body: the pages that change with it.
_ROW_OWN_BYTES = 8 * 1024
# Behind the name of a database that is being made; in the place of ".db" in that of a reserve.
NEW = ".new"
RESERVE = ".reserve"

# Number, body, and its parts with their sizes.
_Row = tuple[int, bytes, list[tuple[int, Batch]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How large a journal's files may be, in bytes.

    Attributes:
        bytes_max: of the database; None: as large as the disk has room for. SQLite's log beside
            it has `checkpoint_bytes` and what is written at once.
        reserve_bytes: kept for settlements, on the disk and above `bytes_max`.
        garbage_bytes: what is settled is removed when it is more than this, and than the rest.
        checkpoint_bytes: so much is written to SQLite's log before it is moved to the database.
    """

    bytes_max: int | None = None
    reserve_bytes: int = 16 * MIB
    garbage_bytes: int = 4 * MIB
    checkpoint_bytes: int = 4 * MIB


class SqliteJournal:
    """A `Journal` in a file that this process has for itself, from its making until `close`.

    Args:
        path: the file.
        producer_id: of a new one, which is made if the file is not there. None: it must be there.
        realm: the app that it is for, noted in a new one.
        machine: where, likewise; empty: not known.
        sizes: how large it may be.
        connect: makes the connection to the database.
        clock: seconds by the wall clock, which alone goes on while no process runs.
        drop_damaged: rows that cannot be read are deleted, instead of refusing all.

    Raises:
        JournalInUse: another process, or another journal of this one, has the file.
        JournalError: it is damaged, of a newer zmqwork, or no journal; or it cannot be opened.

    Attributes:
        meta: what is noted of it: ``producer_id``, ``realm``, ``machine``, ``created_at``.
        damaged: the rows that were dropped.
    """

    def __init__(
        self,
        path: Path,
        *,
        producer_id: str | None = None,
        realm: str = "",
        machine: str = "",
        sizes: Sizes = Sizes(),
        connect: Connect = connect,
        clock: Callable[[], float] = time.time,  # noqa: TID251 - see above: nothing is decided by it
        drop_damaged: bool = False,
    ) -> None:
        self.name = str(path)
        self.damaged: list[int] = []
        self._path = path
        self._sizes = sizes
        self._clock = clock
        self._is_loaded = False
        self._broken: JournalBroken | None = None
        self._reserve = Reserve(path.with_suffix(RESERVE), sizes.reserve_bytes)
        with contextlib.ExitStack() as undo:
            lock = self._take_lock()
            undo.callback(lock.release)
            if not path.exists():
                if producer_id is None:
                    raise JournalError(f"there is no journal {self.name}")
                who = {"producer_id": producer_id, "realm": realm, "machine": machine}
                self._create(connect, who)
            database = Database(path, connect)
            undo.callback(database.close)
            self._database, self._log = database, Log(database)
            self.meta = self._log.meta()
            database.write_ahead()
            self._read(drop_damaged=drop_damaged)
            self._limit_pages()
            self._undo: contextlib.ExitStack | None = undo.pop_all()
        self._reserve.fill()

    def _take_lock(self) -> Lock:
        try:
            return Lock(self._path, 0o600)
        except LockHeld as held:
            raise JournalInUse(self.name, held.pid) from held
        except OSError as error:
            raise JournalError(f"{self.name} cannot be locked: {reason(error)}") from error

    def _create(self, connect: Connect, who: dict[str, Any]) -> None:
        """Under its name it is complete: what has no name yet has never confirmed anything."""
        new = self._path.with_name(self._path.name + NEW)
        try:
            remove_database(new)
            os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
            first = {"created_at": self._clock(), "epoch": 0, **Totals().noted(Counter())}
            create(new, connect, who | first)
            new.rename(self._path)
            sync_directory(self._path.parent)
        except OSError as error:
            raise JournalError(f"{self.name} cannot be made: {reason(error)}") from error

    def _read(self, *, drop_damaged: bool) -> None:
        self._state, self._live, self._totals = State(), Live(), Totals()
        try:
            self.producer_id, self.epoch = str(self.meta["producer_id"]), int(self.meta["epoch"])
            self._totals.read(self.meta)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise JournalError(f"{self.name} is damaged: its notes are none ({error})") from error
        self._number = self._size_bytes = self._since_checkpoint = 0
        if drop_damaged:
            for number, _ in list(self._log.damaged()):
                self._log.delete(number, number)
                self.damaged.append(number)
        for number, _, parts in self._log.parts():
            for _, at, part in parts:
                self._state.apply(part, at)
            self._add(number, [(size, part) for size, _, part in parts])

    def _add(self, number: int, parts: list[tuple[int, Batch]]) -> None:
        """A row with these records is in the log."""
        self._number = number
        for size, part in parts:
            self._size_bytes += size
            self._live.apply(number, size, part)
            self._totals.apply(part)

    @property
    def is_empty(self) -> bool:
        """Whether no task and no dead letter is in it."""
        return not len(self._live)

    @property
    def counts(self) -> tuple[int, int]:
        """How many tasks are unsettled, and how many are dead letters."""
        letters = self._live.letters_count
        return len(self._live) - letters, letters

    @property
    def garbage_bytes(self) -> int:
        """How much of its records is not needed any more."""
        return self._size_bytes - self._live.size_bytes

    def load(self) -> Legacy:
        """As `Journal.load`."""
        self._check_open()
        if self._is_loaded:
            raise UsageError(f"{self.name} was loaded before")
        epoch = self.epoch + 1
        # What a former process wrote and could not sync may be in the system's memory alone: it is
        # written once more, into the database itself.
        self._with_room(self._database.checkpoint, reserve=True)
        self._with_room(lambda: self._log.note({"epoch": epoch}), reserve=True)
        self._database.failed = JournalBroken
        self.epoch, self._is_loaded = epoch, True
        legacy = self._state.legacy(self.producer_id, epoch, self._clock(), self._totals)
        del self._state
        return legacy

    def write(self, batches: Sequence[Batch], *, reserve: bool = False) -> None:
        """As `Journal.write`; what is settled is removed now and then."""
        self._check_open()
        if not self._is_loaded:
            raise UsageError(f"{self.name} must be loaded before it is written")
        if self._broken is not None:
            raise JournalBroken(str(self._broken)) from self._broken
        now = self._clock()
        rows = self._rows(batches, now)
        if not rows:
            return
        bodies = [(number, body) for number, body, _ in rows]
        try:
            self._with_room(lambda: self._log.append(bodies, now), reserve=reserve)
        except JournalBroken as error:
            self._broken = error
            raise
        for number, body, parts in rows:
            self._since_checkpoint += len(body) + _ROW_OWN_BYTES
            self._add(number, parts)
        self._tidy()

    def _rows(self, batches: Sequence[Batch], now: float) -> list[_Row]:
        rows: list[_Row] = []
        documents: list[bytes] = []
        parts: list[tuple[int, Batch]] = []
        size = 0

        def end_row() -> None:
            nonlocal documents, parts, size
            rows.append((self._number + len(rows) + 1, b"".join(documents), parts))
            documents, parts, size = [], [], 0

        for batch in batches:
            for part in split(batch):
                document = encode(part, now)
                if documents and size + len(document) > ROW_BYTES:
                    end_row()
                documents.append(document)
                parts.append((len(document), part))
                size += len(document)
        if documents:
            end_row()
        return rows

    def _with_room(self, write: Callable[[], None], *, reserve: bool) -> None:
        """Write; if there is no room, make some, and take from the reserve if it may."""
        try:
            write()
        except JournalFull:
            self._make_room()
        else:
            return
        try:
            write()
        except JournalFull:
            if not reserve:
                raise
        else:
            return
        self._limit_pages(self._sizes.reserve_bytes)
        try:
            while True:
                try:
                    write()
                except JournalFull:
                    if not self._reserve.give():
                        raise
                else:
                    return
        finally:
            self._limit_pages()

    def _make_room(self) -> None:
        """SQLite's log goes into the database, and garbage out of it, if that is worth it."""
        with contextlib.suppress(JournalFull):
            self._database.checkpoint()
            self._since_checkpoint = 0
        if self.garbage_bytes * 4 >= self._size_bytes:
            with contextlib.suppress(JournalFull):
                self.compact()

    def _limit_pages(self, more: int = 0) -> None:
        if self._sizes.bytes_max is not None:
            ((page_bytes,),) = self._database.execute("PRAGMA page_size")
            pages = (self._sizes.bytes_max + more) // page_bytes
            # (What is there already stays: SQLite takes the larger one.)
            self._database.execute(f"PRAGMA max_page_count = {max(1, pages)}")

    def _tidy(self) -> None:
        """What is due after a write, which is durable: an error here is one of the next call."""
        garbage = self.garbage_bytes
        try:
            if garbage > self._sizes.garbage_bytes and garbage * 2 > self._size_bytes:
                self.compact()
            if self._since_checkpoint >= self._sizes.checkpoint_bytes:
                self._database.checkpoint()
                self._since_checkpoint = 0
        except JournalFull as error:
            _log.debug("%s is not tidied up: %s", self.name, error)
        except JournalBroken as error:
            self._broken = error
        self._reserve.fill()

    def compact(self) -> None:
        """Rewrite what is needed, and delete the rest.

        Raises:
            JournalFull: there is no room to do it; all is as before.
            JournalBroken: the disk failed.
        """
        self._check_open()
        compaction = Compaction(self._log, self._live, self._totals, self._clock())
        self._live = compaction.run()
        self._since_checkpoint += self._size_bytes
        self._size_bytes = compaction.size_bytes

    def adopt(self, machine: str) -> None:
        """It was moved to this machine; the one where it was does not use it again."""
        self._log.note({"machine": machine})

    def shrink(self) -> None:
        """Give free room in the file back to the disk: it takes as much of it once more meanwhile.

        Raises:
            JournalFull: there is not so much.
        """
        self._database.execute("VACUUM")
        self._database.checkpoint()

    def _check_open(self) -> None:
        if self._undo is None:
            raise UsageError(f"{self.name} is closed")

    def close(self, *, remove_if_empty: bool = False) -> None:
        """As `Journal.close`."""
        if self._undo is None or not self._database.is_ours:
            return
        if self._broken is None and self.is_empty and self._size_bytes:
            with contextlib.suppress(JournalError):  # only to be small
                self.compact()
        self._database.close()
        if remove_if_empty and self.is_empty and self._broken is None:
            self._remove()
        self._undo.close()
        self._undo = None

    def _remove(self) -> None:
        with contextlib.suppress(OSError):  # an empty one that stays does no harm
            remove_database(self._path)
            self._reserve.remove()
            sync_directory(self._path.parent)


def remove_database(path: Path) -> None:
    """Remove what SQLite may have left under this name. Raises OSError."""
    for suffix in ("-wal", "-shm", "-journal", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
