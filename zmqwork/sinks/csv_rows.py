"""Results as rows of CSV: which columns there are, and what goes where."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from zmqwork.errors import ConfigError, StoreError
from zmqwork.nodes.store import Record
from zmqwork.sinks.plain import cell, fields_of, key_text

Unknown = Literal["refuse", "drop"]

# The columns that tell of the task, and the one that takes a whole result.
TASK = ("task_id", "task")
WHOLE = "result"


class CsvRows:
    """Turns results into lines. The columns are given, or those that the first result has.

    Args:
        columns: their names in order; None: `task_id`, `task`, and the keys of the first result if
            it is a dict or a dataclass, else `result`.
        unknown: what becomes of a key that has no column: `refuse` the result, or `drop` the key.
    """

    def __init__(self, columns: Sequence[str] | None, unknown: Unknown = "refuse") -> None:
        if unknown not in ("refuse", "drop"):
            raise ConfigError(f"unknown must be 'refuse' or 'drop', not {unknown!r}")
        self.columns: list[str] | None = None if columns is None else _checked(columns)
        self._drops = unknown == "drop"

    def header(self) -> str:
        """The first line."""
        assert self.columns is not None
        return "".join(_lines([self.columns]))

    def lines(self, records: Sequence[Record]) -> str:
        """A line per result. StoreError: one does not fit the columns; it is named."""
        if self.columns is None:
            self.columns = _columns_of(records[0].value)
        own = [name for name in self.columns if name not in TASK]
        return "".join(_lines(self._row(record, own) for record in records))

    def _row(self, record: Record, own: list[str]) -> list[str]:
        fields = self._fields(record, own)
        of_task = {"task_id": record.task_id, "task": record.name}
        assert self.columns is not None
        return [cell(fields.get(name, of_task.get(name))) for name in self.columns]

    def _fields(self, record: Record, own: list[str]) -> dict[str, Any]:
        value = record.value
        if own == [WHOLE]:
            return {WHOLE: value}
        fields = fields_of(value)
        if fields is None and isinstance(value, list | tuple) and len(value) == len(own):
            return dict(zip(own, value, strict=True))
        if fields is None:
            if len(own) == 1:
                return {own[0]: value}
            raise self._unfit(record, f"is {_kind(value)}, not a dict with the columns' names")
        assert self.columns is not None
        if isinstance(value, dict) and len(fields) < len(value):
            [(name, _)] = Counter(map(key_text, value)).most_common(1)
            raise StoreError(
                f"the result of task {record.task_id} ({record.name}) has two keys for the column "
                f"{name!r}, as 1 and '1' are: let the task return keys that differ as text"
            )
        unknown = [name for name in fields if name not in self.columns]
        if unknown and not self._drops:
            raise self._unfit(record, f"has the key {unknown[0]!r}")
        return fields

    def _unfit(self, record: Record, what: str) -> StoreError:
        names = ", ".join(self.columns or ())
        return StoreError(
            f"the result of task {record.task_id} ({record.name}) {what}; the columns are {names}. "
            "Name all columns when the file is begun (columns=), leave out the other keys "
            "(unknown='drop'), or write JSON Lines, which have no columns"
        )


def split(line: str) -> list[str]:
    """The fields of one line."""
    return next(csv.reader([line]), [])


def _checked(columns: Sequence[str]) -> list[str]:
    names: list[Any] = list(columns)  # users call this, typed or not
    if isinstance(columns, str) or not names or not all(isinstance(n, str) and n for n in names):
        raise ConfigError(f"columns must be names, at least one: {columns!r}")
    if len(set(names)) < len(names):
        raise ConfigError(f"columns name one twice: {', '.join(names)}")
    return names


def _columns_of(value: Any) -> list[str]:
    fields = fields_of(value)
    return list(dict.fromkeys([*TASK, *([WHOLE] if fields is None else fields)]))


def _kind(value: Any) -> str:
    size = f" with {len(value)} items" if isinstance(value, list | tuple) else ""
    return f"of type {type(value).__name__}{size}"


def _lines(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows as text. A line ends with a newline alone, as all tools but the oldest want it."""
    out = _Written()
    # With this ending, fields that contain either of its characters are quoted.
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows(rows)
    return [line.removesuffix("\r\n") + "\n" for line in out]


class _Written(list[str]):
    """Keeps each row that a `csv.writer` writes."""

    write = list.append
