"""``--csv``: rows with a header, strictly read, each with its original text."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from typing import Protocol

from zmqwork.cli.lines import Line, split_lines
from zmqwork.cli.records import BadInput, Fault, Record, decode, describe, too_long
from zmqwork.errors import UsageError
from zmqwork.wire.limits import PAYLOAD_BYTES_MAX

_DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " ", "pipe": "|"}
# How what the csv module says begins, and the same for people.
_WORDS = (
    ("unexpected end of data", "a quote is opened here, and never closed"),
    ("new-line character seen", "a carriage return stands inside the line"),
)


class Columns(Protocol):
    """What makes something of a row."""

    def value(self, cells: list[str]) -> object:
        """What a row stands for. Raises `Fault`."""


class Rows:
    """CSV as spreadsheets write it: quotes around what holds a delimiter, a quote or a line end.

    The first row names the columns. Empty lines are no rows.

    Args:
        name: of the file, for errors.
        read: gives up to so many bytes of it.
        columns: makes something of rows, given the names. May raise `BadInput`, without the place.
        delimiter: what stands between two columns.
    """

    option = "--csv"
    total: int | None = None
    separator = b"\n"

    def __init__(
        self,
        name: str,
        read: Callable[[int], bytes],
        columns: Callable[[list[str]], Columns],
        delimiter: str = ",",
    ) -> None:
        self.header: bytes | None = None
        self._name = name
        self._read = read
        self._make_columns = columns
        self._delimiter = delimiter
        self._columns: Columns | None = None
        self._names: list[str] = []

    def records(self) -> Iterator[Record]:
        """One for each row behind the first, which must name columns that the task knows.

        Raises:
            BadInput: it does not.
        """
        rows = _rows(self._read, self._delimiter)
        first = next(rows, None)
        if first is None:
            return
        self._take_header(first)
        for number, row in enumerate(rows):
            yield row._replace(number=number)

    def value(self, record: Record) -> object:
        """What the row stands for."""
        cells = record.cells
        assert isinstance(cells, list), "it is a row without a fault"
        assert self._columns is not None, "rows come behind the header"
        if len(cells) != len(self._names):
            raise Fault(
                f"this row has {_columns(len(cells))}, and the header has {len(self._names)}"
            )
        return self._columns.value(cells)

    def _take_header(self, row: Record) -> None:
        if row.fault is not None:
            raise BadInput(describe(self._name, row, row.fault))
        assert isinstance(row.cells, list), "it is a row without a fault"
        self._names = [name.strip() for name in row.cells]
        try:
            self._check_names()
            self._columns = self._make_columns(self._names)
        except BadInput as error:
            what = f"{error}{self._other_delimiter()}"
            raise BadInput(describe(self._name, row, Fault(what))) from None
        self.header = row.raw

    def _check_names(self) -> None:
        for index, name in enumerate(self._names):
            if not name:
                raise BadInput(f"column {index + 1} has no name; the first row names the columns")
            if name in self._names[:index]:
                raise BadInput(f"two columns have the name {name!r}")

    def _other_delimiter(self) -> str:
        """If a delimiter that was not asked for makes columns of the header: which."""
        if len(self._names) > 1:
            return ""
        for delimiter in "\t;,|":
            if delimiter in self._names[0]:
                word = "tab" if delimiter == "\t" else f"'{delimiter}'"
                return f". Is it --delimiter {word}?"
        return ""


def parse_delimiter(text: str) -> str:
    """``--delimiter``: one character, or ``tab``.

    Raises:
        UsageError: it is something else, or cannot stand between columns.
    """
    text = _DELIMITERS.get(text, text)
    if len(text) != 1 or text in '"\r\n\0':
        raise UsageError(f"{text!r} is no delimiter: it is one character, or tab")
    return text


class _Lines:
    """Lines for the csv module, which takes as many as a row has; they are kept.

    Attributes:
        taken: those of this row; together no longer than a record may be.
    """

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self.taken: list[Line] = []
        self._size = 0

    def begin(self) -> None:
        """A row begins."""
        self.taken.clear()
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._size += len(line.data) + 1
        if not line.whole or self._size > PAYLOAD_BYTES_MAX:
            self.taken = [*self.taken, line][:1]
            raise too_long(PAYLOAD_BYTES_MAX)
        self.taken.append(line)
        return decode(line.data, line.offset) + "\n"

    def record(self, cells: list[str], fault: Fault | None) -> Record:
        """The row that was taken last."""
        first = self.taken[0]
        raw = b"\n".join(line.data for line in self.taken)
        return Record(0, first.number, first.offset, raw, cells, fault)


def _rows(read: Callable[[int], bytes], delimiter: str) -> Iterator[Record]:
    """All rows, the header first; each has the number 0."""
    # The module's own bound is 128 KiB, and global: this process reads one input.
    csv.field_size_limit(PAYLOAD_BYTES_MAX)
    lines = _Lines(split_lines(read))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin()
        fault, cells = None, []
        try:
            cells = next(reader)
        except StopIteration:
            return
        except Fault as error:
            fault = error
        except csv.Error as error:
            fault = Fault(f"this is no CSV: {_in_words(error)}")
        if fault is not None or cells:
            yield lines.record(cells, fault)


def _in_words(error: csv.Error) -> str:
    said = str(error)
    return next((words for begins, words in _WORDS if said.startswith(begins)), said)


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"
