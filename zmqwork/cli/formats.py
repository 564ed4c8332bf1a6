"""Inputs whose records are lines: plain ones, JSON, and numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

from zmqwork.cli.lines import Line, split_lines
from zmqwork.cli.ranges import Ranges
from zmqwork.cli.records import Fault, Record, decode, too_long
from zmqwork.errors import UsageError
from zmqwork.wire.limits import PAYLOAD_BYTES_MAX

# A line of ``--array @FILE`` becomes a list of ranges at once.
_RANGES_BYTES_MAX = 64 * 1024


class PlainLines:
    r"""``--lines``: each line is a text, an empty one too.

    Args:
        read: gives up to so many bytes of the input.
        separator: what ends a line, ``\n`` or ``\0``.
    """

    option = "--lines"
    total: int | None = None
    header: bytes | None = None

    def __init__(self, read: Callable[[int], bytes], separator: bytes = b"\n") -> None:
        self.separator = separator
        self._read = read

    def records(self) -> Iterator[Record]:
        """One for each line."""
        for number, line in enumerate(split_lines(self._read, self.separator)):
            yield record_of(line, number)

    def value(self, record: Record) -> str:
        r"""The line as text, without its end; ``\r\n`` is one, too."""
        data = record.raw
        if self.separator == b"\n" and data.endswith(b"\r"):
            data = data[:-1]
        return decode(data, record.offset)


class JsonLines:
    """``--jsonl``: each line is a JSON value; blank lines are none.

    Args:
        read: gives up to so many bytes of the input.
    """

    option = "--jsonl"
    total: int | None = None
    header: bytes | None = None
    separator = b"\n"

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read

    def records(self) -> Iterator[Record]:
        """One for each line that is not blank."""
        number = 0
        for line in split_lines(self._read):
            if line.data and not line.data.isspace():
                yield record_of(line, number)
                number += 1

    def value(self, record: Record) -> object:
        """The JSON value. What Python reads beyond JSON (NaN, 1e999, a name twice) is refused."""
        text = decode(record.raw, record.offset)
        try:
            return _decoder.decode(text)
        except json.JSONDecodeError as error:
            what = f"this is no JSON: {error.msg}{_document(record)}"
            raise Fault(what, column=error.pos + 1) from None
        except RecursionError:
            raise Fault("this is nested too deeply") from None
        except ValueError as error:
            raise Fault(f"this is no JSON: {error}") from None


class Numbers:
    """``--array``: each number is a record.

    Args:
        ranges: which.
    """

    option = "--array"
    header: bytes | None = None
    separator = b"\n"

    def __init__(self, ranges: Ranges) -> None:
        self._ranges = ranges
        self.total: int | None = ranges.count

    def records(self) -> Iterator[Record]:
        """One for each number."""
        for number, value in enumerate(self._ranges):
            yield Record(number, 0, 0, b"%d" % value, value)

    def value(self, record: Record) -> object:
        """The number."""
        return record.cells


class NumberLines:
    """``--array @FILE``: each number of each line is a record; blank lines have none.

    Args:
        read: gives up to so many bytes of the input.
    """

    option = "--array"
    total: int | None = None
    header: bytes | None = None
    separator = b"\n"

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read

    def records(self) -> Iterator[Record]:
        """One for each number; and one for a line that cannot be read."""
        number = 0
        for line in split_lines(self._read, bytes_max=_RANGES_BYTES_MAX):
            if line.data.isspace() or not line.data:
                continue
            whole = record_of(line, number, _RANGES_BYTES_MAX)
            try:
                ranges = self._ranges(whole)
            except Fault as fault:
                yield whole._replace(fault=fault)
                number += 1
                continue
            for value in ranges:
                yield Record(number, line.number, line.offset, b"%d" % value, value)
                number += 1

    def value(self, record: Record) -> object:
        """The number."""
        return record.cells

    @staticmethod
    def _ranges(line: Record) -> Ranges:
        if line.fault is not None:
            raise line.fault
        try:
            return Ranges.parse(decode(line.raw, line.offset))
        except UsageError as error:
            raise Fault(str(error)) from None


def record_of(line: Line, number: int, bytes_max: int = PAYLOAD_BYTES_MAX) -> Record:
    """A line as a record; a broken one if it is too long."""
    fault = None if line.whole else too_long(bytes_max)
    return Record(number, line.number, line.offset, line.data, None, fault)


def _document(record: Record) -> str:
    """What to say of a file that is JSON, but not one value a line."""
    if record.number or record.raw.strip() not in (b"[", b"{", b"[{"):
        return ""
    return ". If all of the file is one JSON array: `jq -c '.[]' FILE |` makes lines of it"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} is there twice in one object")
    return found


def _constant(text: str) -> float:
    raise ValueError(f"JSON has no {text}")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large")
    return value


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite
)
