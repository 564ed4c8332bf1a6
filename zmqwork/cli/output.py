"""What a command prints: tables for people, JSON for programs, or nothing."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from zmqwork.errors import ZmqworkError
from zmqwork.escaping import LINES, printable

TABLE, JSON, QUIET = "table", "json", "quiet"

# Which standard streams whoever started this had closed; three at most.
closed_streams: set[str] = set()


class OutputFailed(ZmqworkError):
    """Standard output takes no more; a reader that has closed its pipe is a BrokenPipeError."""


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Within it an error is one of standard output: `OutputFailed`, with the system's reason."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or error
        raise OutputFailed(f"the output cannot be written: {reason}") from error


def open_closed_streams() -> None:
    """Standard streams that whoever started this had closed (``>&-``) lead nowhere.

    Otherwise the next socket would get their descriptors, and with them what children print.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is not None:
            continue
        closed_streams.add(name)
        try:
            os.fstat(descriptor)
        except OSError:
            lead_nowhere(descriptor)
        setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def spell_out_unknown() -> None:
    r"""Standard output spells out what its encoding does not have, as in ISO 8859-1: ``\u5de5``.

    A name in another script must not end the command. (Standard error does so by itself.)
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def lead_nowhere(descriptor: int) -> None:
    """Let what is still written to a descriptor, also at the interpreter's end, vanish."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere == descriptor:  # it was closed, and the lowest free one
        os.set_inheritable(nowhere, True)
        return
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def counted(count: int, what: str) -> str:
    """`1 file`, `2,000 files`."""
    return f"{count} {what}" if count == 1 else f"{count:,} {what}s"


def width(text: str) -> int:
    """The number of terminal columns that printable text takes."""
    if text.isascii():
        return len(text)
    columns = 0
    for character in text:
        if not unicodedata.combining(character):
            columns += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return columns


class Output:
    """The standard output of one command.

    Args:
        form: one of `TABLE`, `JSON`, `QUIET`.
        stream: written to instead, if standard output is for something else. (No tables.)
    """

    def __init__(self, form: str, stream: TextIO | None = None) -> None:
        self.form = form
        self._stream = stream

    @property
    def for_people(self) -> bool:
        """True if lines and tables are printed."""
        return self.form == TABLE

    def line(self, text: str = "") -> None:
        """A line for people; one, whatever it holds."""
        self.text(printable(text))

    def text(self, text: str) -> None:
        """Some lines for people; what others have said on one of them is made `printable` first."""
        if self.for_people:
            with writing():
                print(printable(text, LINES), file=self._stream, flush=True)

    def lines(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Lines of a name and a value, aligned."""
        pairs = list(pairs)
        room = max((width(name) for name, _ in pairs), default=0)
        for name, value in pairs:
            self.line(f"  {_pad(name, room)}  {printable(value)}")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table for people; columns whose every value is a number are aligned right."""
        if not self.for_people:
            return
        cells = [["" if cell is None else printable(cell) for cell in row] for row in rows]
        with writing():
            if not _print_rich(columns, cells):
                for text in plain_table(columns, cells):
                    print(text)
                sys.stdout.flush()

    def json(self, value: Any) -> None:
        """One JSON object on a line of its own, for programs."""
        if self.form == JSON:
            text = json.dumps(value, default=plain)
            with writing():
                print(text, file=self._stream, flush=True)


def complain(text: str) -> None:
    """Say on standard error what went wrong, in a line or several.

    What a peer sent for one line is made `printable` first: it could make another one.
    """
    lines = text.expandtabs(4).split("\n")
    # What cannot be said there can be said nowhere; the exit code is left.
    with contextlib.suppress(OSError):
        print("\n".join(map(printable, lines)), file=sys.stderr, flush=True)


def plain(value: object) -> object:
    """For `json.dumps`: the nearest thing that JSON has, at last the value's repr."""
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    return printable(repr(value))


def jsonable(value: Any) -> Any:
    """The value if JSON can hold it, `plain` parts included; otherwise its repr."""
    try:
        json.dumps(value, default=plain)
    # A key that is no text, a circle, a depth that nobody can read.
    except (TypeError, ValueError, RecursionError):
        return printable(repr(value))
    return value


def plain_table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table without any decoration."""
    rooms = [
        max([width(name), *(width(row[index]) for row in cells)])
        for index, name in enumerate(columns)
    ]
    right = [_numeric(index, cells) for index in range(len(columns))]
    return [
        "  ".join(
            _pad(cell, room, right=is_right)
            for cell, room, is_right in zip(row, rooms, right, strict=True)
        ).rstrip()
        for row in [columns, *cells]
    ]


def _numeric(index: int, cells: Sequence[Sequence[str]]) -> bool:
    column = [row[index] for row in cells if row[index]]
    return bool(column) and all(map(_is_number, column))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _pad(text: str, room: int, *, right: bool = False) -> str:
    blank = " " * (room - width(text))
    return blank + text if right else text + blank


def _print_rich(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> bool:
    """Print with rich, if it is there and somebody looks at it."""
    if not sys.stdout.isatty():
        return False
    try:
        from rich import box  # noqa: PLC0415 - optional, and slow to import
        from rich.console import Console  # noqa: PLC0415 - likewise
        from rich.table import Table  # noqa: PLC0415 - likewise
        from rich.text import Text  # noqa: PLC0415 - likewise
    except ImportError:
        return False
    table = Table(box=box.SIMPLE_HEAD)
    for index, name in enumerate(columns):
        justify = "right" if _numeric(index, cells) else "left"
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in cells:
        # Text, not markup: "[red]" in a peer's name is a name.
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
    return True
