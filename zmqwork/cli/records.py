"""A record of the input: one task to be. What is wrong with one, and how that is said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from zmqwork.errors import ZmqworkError
from zmqwork.escaping import printable

# Characters of a broken record that are shown: one row of a terminal.
_SHOWN_MAX = 72
# How files begin that are no text, and what makes text of them.
_NO_TEXT = (
    (b"\x1f\x8b", "gzip: `zcat FILE |` makes text of it"),
    (b"BZh", "bzip2: `bzcat FILE |` makes text of it"),
    (b"\xfd7zXZ", "xz: `xzcat FILE |` makes text of it"),
    (b"\x28\xb5\x2f\xfd", "zstd: `zstdcat FILE |` makes text of it"),
    (b"PK\x03\x04", "zip: `unzip -p FILE |` makes text of it (a spreadsheet must be saved as CSV)"),
    (b"\xff\xfe", "UTF-16: `iconv -f UTF-16 -t UTF-8 FILE |` makes UTF-8 of it"),
    (b"\xfe\xff", "UTF-16: `iconv -f UTF-16 -t UTF-8 FILE |` makes UTF-8 of it"),
)


class BadInput(ZmqworkError):
    """The input is broken, or does not fit the task; the text names file and line."""


class Fault(Exception):
    """What is wrong with one record.

    Attributes:
        what: a sentence without its end.
        column: the character, from 1, or the name of the CSV's column; None: all of it.
        offset: the byte in the file, from 0, where text ends to be text; None: it is text.
        is_cut: the record is not there, only its beginning: it is too long.
    """

    def __init__(
        self,
        what: str,
        *,
        column: int | str | None = None,
        offset: int | None = None,
        is_cut: bool = False,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.column = column
        self.offset = offset
        self.is_cut = is_cut


class Record(NamedTuple):
    """One record, as it was found in the input.

    A record that cannot be read is one, too, and has its number: numbers depend on nothing but
    the input, so that a second run (``--resume``) means the same records by the same numbers.

    Attributes:
        number: from 0.
        line: where it begins, from 1; 0 if it is from no file.
        offset: bytes of the file before it.
        raw: its text as it stands in the input, without what ends it; only the beginning of what
            is too long.
        cells: of a CSV's row, its columns; of --array, the number; else nothing.
        fault: why it is no record; None: it may be one.
    """

    number: int
    line: int
    offset: int
    raw: bytes
    cells: list[str] | int | None = None
    fault: Fault | None = None


class Format(Protocol):
    """How an input is cut into records, and what each stands for.

    Attributes:
        option: which option of the command asks for it, ``--jsonl``.
        total: how many records there are, if that is known before they are read.
        separator: what ends a record in a file of this format.
        header: what such a file begins with; None: nothing, or it is not read yet.
    """

    option: str
    total: int | None
    separator: bytes
    header: bytes | None

    def records(self) -> Iterator[Record]:
        """The records, one at a time. Raises `BadInput` if nothing of it can be understood."""

    def value(self, record: Record) -> object:
        """What the record stands for. Raises `Fault`."""


def too_long(bytes_max: int) -> Fault:
    """What is wrong with a record that has more bytes."""
    return Fault(
        f"this is longer than {bytes_max:,} bytes, the most that a record may have. Is it a text "
        "file, with line ends? Large data belongs into files of its own, with their paths as "
        "records",
        is_cut=True,
    )


def decode(data: bytes, offset: int) -> str:
    """Bytes of the input as text.

    Args:
        data: a record, or a line of one.
        offset: bytes of the file before it, for the error.

    Raises:
        Fault: they are no UTF-8, or hold a NUL.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        what = f"the byte 0x{data[error.start]:02x} is no UTF-8"
        raise Fault(what + _kind(data, offset), offset=offset + error.start) from None
    if "\0" in text:
        what = "a NUL byte, which no text has" + _kind(data, offset)
        raise Fault(what, offset=offset + data.index(b"\0"))
    return text


def describe(name: str, record: Record, fault: Fault) -> str:
    """Where a record is, what is wrong with it, and how it begins.

    Args:
        name: of the file.
        record: the broken one.
        fault: what is wrong.
    """
    where = f"{name}, line {record.line}" if record.line else f"{name}, number {record.number}"
    if fault.offset is not None:
        where += f", byte {fault.offset}"
    elif isinstance(fault.column, str):
        where += f", column {printable(fault.column)!r}"
    elif fault.column is not None:
        where += f", column {fault.column}"
    return f"{where}: {fault.what}\n    {beginning(record.raw)}"


def beginning(raw: bytes) -> str:
    """The first characters of a record, for a terminal."""
    text = printable(raw[: 4 * _SHOWN_MAX].decode("utf-8", "replace").rstrip("\r"))
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."


def _kind(data: bytes, offset: int) -> str:
    """What the file seems to be, if this is where it begins."""
    if not offset:
        for begins, what in _NO_TEXT:
            if data.startswith(begins):
                return f". The file looks like {what}"
    return ""
