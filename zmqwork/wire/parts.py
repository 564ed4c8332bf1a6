"""Payloads too large for a frame: sent ahead of their message in PART messages, by number.

A part is a multipart message of its own, without a message number, so that libzmq's heartbeats
and those of the nodes get between two of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zmqwork.errors import DecodeError
from zmqwork.wire import fields, verbs
from zmqwork.wire.limits import (
    COUNT_MAX,
    PART_BYTES_MAX,
    PART_BYTES_MIN,
    REASSEMBLY_BYTES_MAX,
    TRANSFERS_MAX,
)
from zmqwork.wire.packing import pack_header

# What pyzmq sends as one frame. Parts are views: the payload is not copied to be cut.
Frame = bytes | memoryview


def cut(transfer: int, payload: bytes) -> list[list[Frame]]:
    """The PART messages that carry a payload, to be sent in this order."""
    view = memoryview(payload)
    starts = range(0, len(payload), PART_BYTES_MAX)
    return [
        [
            pack_header([verbs.PART, transfer, index, len(starts)]),
            view[start : start + PART_BYTES_MAX],
        ]
        for index, start in enumerate(starts)
    ]


class _Transfer:
    """The parts of one payload that have come."""

    __slots__ = ("count", "parts", "size_bytes")

    def __init__(self, count: int) -> None:
        self.count = count
        self.parts: list[Frame] = []
        self.size_bytes = 0


class Transfers:
    """What came in parts over one link and was not asked for by a message yet.

    Bound: `bytes_max`, and TRANSFERS_MAX of them.
    """

    __slots__ = ("_bytes_max", "_pending", "_size_bytes")

    def __init__(self, bytes_max: int = REASSEMBLY_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._size_bytes = 0
        self._pending: dict[int, _Transfer] = {}

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def size_bytes(self) -> int:
        """Bytes of parts that are held."""
        return self._size_bytes

    def take(self, header: list[Any], frames: Sequence[Frame]) -> None:
        """Take a PART. DecodeError: it is none, out of order, or more than is held."""
        if len(header) < 4 or len(frames) != 2:
            raise DecodeError("PART has 4 fields and one frame beside them")
        number = fields.number(header[1], "PART's transfer")
        count = fields.number(header[3], "PART's count", COUNT_MAX, 1)
        index = fields.number(header[2], "PART's index", count - 1)
        transfer = self._pending.get(number)
        if transfer is None:
            if len(self._pending) >= TRANSFERS_MAX:
                raise DecodeError(f"more than {TRANSFERS_MAX} transfers without their message")
            transfer = _Transfer(count)
        elif transfer.count != count:
            raise DecodeError(f"a transfer of {transfer.count} parts goes on as one of {count}")
        if index != len(transfer.parts):
            raise DecodeError(f"part {len(transfer.parts)} of a transfer was due, not {index}")
        part = frames[1]
        size = len(part)
        least = 1 if index == count - 1 else PART_BYTES_MIN
        if not least <= size <= PART_BYTES_MAX:
            raise DecodeError(f"a part has {size} bytes, not {least} to {PART_BYTES_MAX}")
        if self._size_bytes + size > self._bytes_max:
            raise DecodeError(f"more than {self._bytes_max} bytes in parts without their message")
        self._size_bytes += size
        transfer.size_bytes += size
        transfer.parts.append(part)
        self._pending[number] = transfer

    def claim(self, number: int) -> bytes:
        """The whole payload, which is then forgotten. DecodeError: it did not come, or not all."""
        transfer = self._pending.get(number)
        if transfer is None or len(transfer.parts) < transfer.count:
            raise DecodeError("a message names a transfer that is not complete")
        del self._pending[number]
        self._size_bytes -= transfer.size_bytes
        return b"".join(transfer.parts)
