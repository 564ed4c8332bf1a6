"""A directory with a file per result."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from zmqwork.disk import reason, sync_data, sync_directory
from zmqwork.errors import ConfigError, StoreError
from zmqwork.nodes.store import Batch, Record
from zmqwork.sinks.database import Database, DatabaseStore, as_path
from zmqwork.sinks.disk import check_parent, failure
from zmqwork.sinks.plain import raw

_OURS = ".zmqwork-"
_TAKEN = "and there is one of that name already"
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC

# What file systems say of names that they do not take, because of their length or characters.
_OF_THE_NAME = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)


class Files(DatabaseStore):
    """A file per result, with its bytes; of text, its UTF-8; of anything else, its JSON.

    A file appears whole, and only once its result is recorded as stored; it is never replaced. The
    directory is continued after a restart; what that needs is in ``.zmqwork-inbox``.

    Args:
        directory: made if it is missing, its parent is not.
        name: what a file is called: a text with `{task_id}`, `{task}`, `{producer_id}` and
            `{seq}`, or a function of a `Record`. No directories, and no two alike: what is alike
            is for the file system to say, that of a Mac takes ``A`` and ``a`` for one name.
        append: the directory may have files that no sink has written.
        id: of the inbox, as for `JsonLines`.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        name: str | Callable[[Record], str] = "{task_id}",
        *,
        append: bool = False,
        id: str | None = None,  # noqa: A002 - what it is
    ) -> None:
        self.path: Path = as_path(directory)
        self._name = _from_template(name) if isinstance(name, str) else name
        self._append = append
        self._parts = self.path / f"{_OURS}parts"
        super().__init__(Database(self.path / f"{_OURS}inbox", "files", id, self.path))
        # Files may be recorded as stored that do not have their names yet.
        self._in_doubt = False

    def __repr__(self) -> str:
        return f"Files({str(self.path)!r})"

    def open(self) -> dict[str, list[tuple[int, int]]]:
        """As `Store.open`."""
        database = self._database
        check_parent(self.path)
        self._make()
        database.lock()
        try:
            if not self._append and not database.exists():
                self._refuse_others()
            taken = database.open({"moves": "[]"})
            # What was recorded, and did not get into its place before its process ended.
            for stem, names in json.loads(database.notes()["moves"]):
                self._move(self._parts / stem, names)
                database.note({"moves": "[]"})
            self._remove_parts()
        except OSError as error:
            database.close()
            raise failure(self.path, error) from error
        except BaseException:
            database.close()
            raise
        return taken

    def store(self, batch: Batch) -> None:
        """As `Store.store`. StoreError also: a name is taken, or cannot be one."""
        if self._in_doubt:
            raise StoreError(f"{self.path}: an earlier batch failed; start again")
        database = self._database
        records = batch.results.records
        names = [self._name_of(record) for record in records]
        # A part of a batch that is never recorded may have the name that one of an earlier batch
        # had: each batch has a directory of its own.
        stem = str(database.next_number())
        try:
            self._write(self._parts / stem, names, records)
            self._in_doubt = True
            database.record(batch, {"moves": json.dumps([(stem, names)])})
            self._move(self._parts / stem, names)
            self._in_doubt = False
        except OSError as error:
            raise failure(self.path, error, database.results_count) from error
        finally:
            if not self._in_doubt:
                with contextlib.suppress(OSError):
                    self._remove_parts()

    def close(self) -> None:
        """As `Store.close`."""
        self._database.close()

    def _make(self) -> None:
        try:
            for path in (self.path, self._parts):
                with contextlib.suppress(FileExistsError):
                    path.mkdir()
                    sync_directory(path.parent)
        except OSError as error:
            raise failure(self.path, error) from error

    def _refuse_others(self) -> None:
        names = [path.name for path in self.path.iterdir()]
        others = [name for name in names if not name.startswith(_OURS)]
        if others:
            raise StoreError(
                f"{self.path} has files that no sink is known to have written "
                f"({min(others)!r}): choose another directory; or write beside them, with append "
                "(--append)"
            )

    def _name_of(self, record: Record) -> str:
        """The file's name, which is not there yet."""
        name = self._name(record)
        if not _is_name(name):
            raise self._bad(record, name, "which is no name of a file in a directory")
        if os.path.lexists(self.path / name):
            raise self._bad(record, name, _TAKEN)
        return name

    def _bad(self, record: Record, name: object, why: str) -> StoreError:
        return StoreError(
            f"{self.path}: the file of task {record.task_id} would be {name!r}, {why}: change what "
            "makes the names"
        )

    def _write(self, parts: Path, names: Iterable[str], records: Iterable[Record]) -> None:
        """Write the files beside their place, under their own names.

        So it is the file system that says which of them it takes for one, or does not take.
        """
        parts.mkdir()
        for name, record in zip(names, records, strict=True):
            try:
                fd = os.open(parts / name, _CREATE, 0o666)
            except FileExistsError as error:
                raise self._bad(record, name, _TAKEN) from error
            except OSError as error:
                if error.errno not in _OF_THE_NAME:
                    raise
                why = f"which the file system does not take ({reason(error)})"
                raise self._bad(record, name, why) from error
            try:
                _write_all(fd, raw(record.value))
                sync_data(fd)
            finally:
                os.close(fd)
        sync_directory(parts)
        sync_directory(self._parts)

    def _move(self, parts: Path, names: Iterable[str]) -> None:
        """Let files that are recorded have their place. StoreError: somebody else has taken it."""
        for name in names:
            # Some have moved already when a former process was killed in between.
            if not os.path.lexists(parts / name):
                continue
            if os.path.lexists(self.path / name):
                raise StoreError(
                    f"{self.path / name} was made by somebody else. The result that has this name "
                    f"is {parts / name}: move one of them away, and start again"
                )
            (parts / name).rename(self.path / name)
        sync_directory(self.path)

    def _remove_parts(self) -> None:
        for parts in list(self._parts.iterdir()):
            shutil.rmtree(parts)


def _from_template(template: str) -> Callable[[Record], str]:
    def name(record: Record) -> str:
        return template.format(
            task_id=record.task_id,
            task=record.name,
            producer_id=record.producer_id,
            seq=record.seq,
        )

    try:
        name(Record("", "", "", 1, None))
    except (LookupError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"name={template!r} may have {{task_id}}, {{task}}, {{producer_id}} and {{seq}} in "
            f"braces, and nothing else: {error}"
        ) from error
    return name


def _is_name(name: object) -> bool:
    """Whether a file in our directory can be called so, and none of ours is."""
    if not isinstance(name, str) or name in ("", ".", "..") or name.lower().startswith(_OURS):
        return False
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return not set(name) & {"/", "\0"}


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
