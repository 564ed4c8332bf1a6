"""A look into the file of a journal that nobody uses, damaged or not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from zmqwork.disk import reason
from zmqwork.errors import JournalError, JournalInUse
from zmqwork.journal.database import Database, connect
from zmqwork.journal.log import Log, Parts
from zmqwork.journal.state import State
from zmqwork.journal.totals import Totals
from zmqwork.lock import Lock, LockHeld


class Inspection:
    """What is in a file, which is locked meanwhile; nothing of it is changed.

    Args:
        path: the file.

    Raises:
        JournalInUse: a process has it.
        JournalError: it is not there, no journal, or of a newer zmqwork.

    Attributes:
        path: the file.
        meta: what is noted of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise JournalError(f"there is no journal {path}")
        with contextlib.ExitStack() as undo:
            try:
                lock = Lock(path, 0o600)
            except LockHeld as held:
                raise JournalInUse(str(path), held.pid) from held
            except OSError as error:
                raise JournalError(f"{path} cannot be locked: {reason(error)}") from error
            undo.callback(lock.release)
            self._database = Database(path, connect)
            undo.callback(self._database.close)
            self._log = Log(self._database)
            self.meta = self._log.meta()
            self._undo = undo.pop_all()

    def __enter__(self) -> Inspection:  # noqa: PYI034 - nobody derives from it
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def faults(self) -> list[str]:
        """All that is wrong with it; none if it is as it was written."""
        found = []
        try:
            for _, error in self._log.damaged():
                found.append(str(error).removesuffix(self._log.advice))
            pages = [str(text) for (text,) in self._database.execute("PRAGMA integrity_check")]
        except JournalError as error:
            return [*found, str(error)]
        return found + [f"{self.path}: {text}" for text in pages if text != "ok"]

    def rows(self) -> Iterator[tuple[int, float, Parts]]:
        """The rows that can be read: number, time and records."""
        return self.last_rows(0)

    def last_rows(self, count: int) -> Iterator[tuple[int, float, Parts]]:
        """As `rows`, the last ones; 0: all."""
        for number, _ in self._log.sizes()[-count:]:
            with contextlib.suppress(JournalError):
                yield from self._log.parts(number, number)

    def contents(self) -> tuple[State, Totals]:
        """What the rows that can be read come to."""
        state, totals = State(), Totals()
        with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
            totals.read(self.meta)
        for _, _, parts in self.rows():
            for _, at, part in parts:
                state.apply(part, at)
                totals.apply(part)
        return state, totals
