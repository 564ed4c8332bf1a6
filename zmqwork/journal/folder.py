"""A directory of journals: one file per process, and those that processes have left behind."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from zmqwork.disk import MEMORY, is_network, kind_of, reason, sync_directory
from zmqwork.errors import ConfigError, JournalError, JournalInUse
from zmqwork.journal.machine import machine_id
from zmqwork.journal.sqlite import NEW, RESERVE, Sizes, SqliteJournal, remove_database
from zmqwork.lock import Lock, LockHeld

_log = logging.getLogger("zmqwork")

SUFFIX = ".db"


class Folder:
    """The journals of one app on this machine.

    Each process takes one, and has it for itself. Those of processes that have ended are adopted:
    by the next process that needs one, or by one that runs, beside its own.

    Args:
        path: the directory; it is made if it is not there, for this user alone.
        realm: the app's name.
        allow_volatile: take a directory that does not outlive the machine's power, or is on
            another machine.
        sizes: how large a journal may be.
        machine: the id of this machine, for tests.
        journal: makes a journal of a path and the options of `SqliteJournal`.

    Raises:
        ConfigError: the directory is no place for a journal; the text says why, and what to do.
        JournalError: it cannot be made, or read.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        realm: str,
        *,
        allow_volatile: bool = False,
        sizes: Sizes = Sizes(),  # noqa: B008 - it cannot be changed
        machine: str | None = None,
        journal: Callable[..., SqliteJournal] = SqliteJournal,
    ) -> None:
        self.path = _as_path(path)
        self._realm = realm
        self._sizes = sizes
        self._machine = machine_id() if machine is None else machine
        self._journal = journal
        # Those that were told of. Bound: the files that are there.
        self._left_alone: set[Path] = set()
        check_place(self.path, allow_volatile=allow_volatile)
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_rights()
        except OSError as error:
            raise JournalError(f"{self.path} is no place for journals: {reason(error)}") from error
        # Its name, too, is to outlive the power. (A parent that we may not read was there before.)
        with contextlib.suppress(OSError):
            sync_directory(self.path.parent)

    def _check_rights(self) -> None:
        there = self.path.stat()
        if not stat.S_ISDIR(there.st_mode):
            raise ConfigError(f"{self.path} is no directory: journals need one")
        if stat.S_IMODE(there.st_mode) & stat.S_IWOTH:
            raise ConfigError(
                f"{self.path} can be written by everybody, and what is in it is run: "
                f"chmod o-w {self.path}"
            )

    def take(self) -> SqliteJournal:
        """The journal that this process is to use: one that was left behind, or a new one.

        The one that was not used for longest is taken. One that cannot be read is left alone, and
        told of in the log: it must not keep the others from going on.

        Raises:
            JournalError: a journal is another app's, or another machine's, which is wrong with the
                directory and not with one file; or a new one cannot be made.
        """
        for journal in self._free():
            return journal
        producer_id = secrets.token_hex(16)
        return self._open(self.path / f"{producer_id}{SUFFIX}", producer_id)

    def orphans(self) -> Iterator[SqliteJournal]:
        """Further journals that were left behind, each locked by us as it comes.

        Those with no task and no dead letter are removed instead.
        """
        for journal in self._free():
            if journal.is_empty:
                journal.close(remove_if_empty=True)
            else:
                yield journal

    def _free(self) -> Iterator[SqliteJournal]:
        self._sweep()
        for path in self.files():
            try:
                yield self._open(path)
            except JournalInUse:
                continue
            except _Misplaced:
                raise
            except JournalError as error:
                if not path.exists():  # its owner has removed it just now
                    continue
                if path not in self._left_alone:
                    self._left_alone.add(path)
                    _log.warning("a journal is left alone: %s", error)

    def files(self) -> list[Path]:
        """The journals' files, those first that were not used for longest.

        Raises:
            JournalError: the directory cannot be read.
        """
        found = []
        try:
            for path in self.path.glob(f"*{SUFFIX}"):
                with contextlib.suppress(FileNotFoundError):  # removed just now
                    found.append((path.lstat().st_mtime, path))
        except OSError as error:
            raise JournalError(f"{self.path} cannot be read: {reason(error)}") from error
        return [path for _, path in sorted(found)]

    def _open(self, path: Path, producer_id: str | None = None) -> SqliteJournal:
        who = {"producer_id": producer_id, "realm": self._realm, "machine": self._machine}
        journal = self._journal(path, **who, sizes=self._sizes)
        try:
            self._check_owner(journal)
        except JournalError:
            journal.close()
            raise
        return journal

    def _check_owner(self, journal: SqliteJournal) -> None:
        realm, machine = journal.meta.get("realm"), journal.meta.get("machine")
        if realm != self._realm:
            raise _Misplaced(
                f"{journal.name} is a journal of the app {realm!r}, not of {self._realm!r}: each "
                "app needs a directory of its own"
            )
        if machine and self._machine and machine != self._machine:
            raise _Misplaced(
                f"{journal.name} was written on another machine. If that one is gone, or never "
                f"uses it again, `zmqwork journal adopt {journal.name}` makes it this machine's; "
                "if it is a copy, remove it: its tasks would run twice"
            )

    def _sweep(self) -> None:
        """Remove what processes left that were killed while they made, or removed, a journal."""
        reserves = self.path.glob(f"*{RESERVE}")
        useless = [file for file in reserves if not file.with_suffix(SUFFIX).exists()]
        for file in (*self.path.glob(f"*{SUFFIX}{NEW}"), *useless):
            owner = self.path / f"{file.name.partition('.')[0]}{SUFFIX}"
            with contextlib.suppress(OSError, LockHeld):
                lock = Lock(owner, 0o600)
                try:
                    remove_database(file)
                finally:
                    lock.release()


class _Misplaced(JournalError):
    """It is in the wrong directory; all of it is to be looked at."""

    def __reduce__(self) -> tuple[type[JournalError], tuple[str]]:
        return JournalError, (str(self),)


def _as_path(path: object) -> Path:
    if not isinstance(path, str | os.PathLike) or not str(path):
        raise ConfigError(f"journal must be the path of a directory, not {path!r}")
    return Path(path).expanduser().resolve()


def check_place(path: Path, *, allow_volatile: bool) -> None:
    """Refuse a directory that does not keep what it is given. It need not exist.

    Raises:
        ConfigError: its file system is in memory, or another machine's.
    """
    kind = kind_of(path)
    if allow_volatile or not (kind in MEMORY or is_network(kind)):
        return
    why = (
        f"is in memory ({kind}), and what is confirmed there is lost with the machine's power"
        if kind in MEMORY
        else f"is on a network file system ({kind}), whose locks and syncs cannot be relied on"
    )
    raise ConfigError(
        f"the journal {path} {why}: choose a directory on a disk of this machine. If that is what "
        "you want: allow_volatile_journal=True, or --allow-volatile-journal"
    )
