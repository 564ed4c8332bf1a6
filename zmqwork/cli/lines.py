"""Lines of a stream of bytes, one at a time, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from zmqwork.wire.limits import PAYLOAD_BYTES_MAX

# What one read asks for.
CHUNK_BYTES = 256 * 1024

_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One line.

    Attributes:
        number: from 1.
        offset: bytes of the stream before it.
        data: its bytes, without what ends it.
        whole: False if there is more of it than is allowed: `data` is how it begins.
    """

    number: int
    offset: int
    data: bytes
    whole: bool = True


def split_lines(
    read: Callable[[int], bytes], separator: bytes = b"\n", bytes_max: int = PAYLOAD_BYTES_MAX
) -> Iterator[Line]:
    """Cut a stream into lines. A last line without an end is one; a byte order mark is none.

    A line that is too long is handed out when that is known, before the rest of it is read.

    Args:
        read: gives up to so many bytes, and none at the end of the stream.
        separator: the byte that ends a line.
        bytes_max: of a line; the default is the most that a task's arguments may have.
    """
    cutter = _Cutter(separator, bytes_max)
    while chunk := read(CHUNK_BYTES):
        yield from cutter.feed(chunk)
    yield from cutter.rest()


class _Cutter:
    """Holds the line whose end is not read yet."""

    def __init__(self, separator: bytes, bytes_max: int) -> None:
        self._separator = separator
        self._bytes_max = bytes_max
        self._number = 1
        self._offset = 0
        # Together no longer than `bytes_max`; `_size` goes on counting.
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[Line]:
        first, *others = chunk.split(self._separator)
        yield from self._add(first)
        if not others:
            return
        yield from self._end()
        last = others.pop()
        number, offset = self._number, self._offset
        for data in others:
            if len(data) > self._bytes_max:
                yield Line(number, offset, data[: self._bytes_max], False)
            else:
                yield Line(number, offset, data)
            number += 1
            offset += len(data) + 1
        self._number, self._offset = number, offset
        yield from self._add(last)

    def rest(self) -> Iterator[Line]:
        """What stood behind the last end of a line."""
        only_mark = self._number == 1 and b"".join(self._parts) == _BOM
        if self._size and not only_mark:
            yield from self._end()

    def _add(self, data: bytes) -> Iterator[Line]:
        before = self._size
        self._size += len(data)
        if self._size <= self._bytes_max:
            self._parts.append(data)
        elif before <= self._bytes_max:
            self._parts.append(data[: self._bytes_max - before])
            yield Line(self._number, self._offset, b"".join(self._parts), False)
            self._parts = []

    def _end(self) -> Iterator[Line]:
        if self._size <= self._bytes_max:
            data, offset = b"".join(self._parts), self._offset
            if self._number == 1 and data.startswith(_BOM):
                data, offset = data[len(_BOM) :], len(_BOM)
            yield Line(self._number, offset, data)
        self._number += 1
        self._offset += self._size + 1
        self._parts = []
        self._size = 0
