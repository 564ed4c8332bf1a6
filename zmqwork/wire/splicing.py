"""Large values, packed by writing a head before them: msgpack would copy them twice.

What comes out is what msgpack would have made, byte by byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from zmqwork.wire import arrays
from zmqwork.wire.extensions import ARRAY
from zmqwork.wire.limits import FRAME_OWN_BYTES
from zmqwork.wire.memory import keep_freed

# Values from this size on. (Its heads are those of 32 bits: msgpack's of 16 end a byte below.)
LARGE_BYTES = FRAME_OWN_BYTES

Piece = bytes | bytearray | memoryview
Pack = Callable[[Any], bytes]


def is_large(value: Any) -> bool:
    """Whether a value can be spliced in, and is worth it: bytes, or an array of numpy."""
    kind = type(value)
    if kind is bytes or kind is bytearray:
        return len(value) >= LARGE_BYTES
    if kind is memoryview:
        return bool(value.nbytes >= LARGE_BYTES and value.c_contiguous)
    return bool(arrays.is_array(kind) and value.nbytes >= LARGE_BYTES)


def splice_value(value: Any, pack: Pack) -> bytes:
    """A large value as a document. Raises `Unfit`: it does not travel."""
    return b"".join(_pieces(value, pack))


def splice_call(args: Sequence[Any], kwargs: Mapping[str, Any], pack: Pack) -> bytes:
    """A call with large arguments, as `values` has it.

    Args:
        args: the positional ones.
        kwargs: the keyword ones.
        pack: what makes documents of all that is not large; what it raises is raised.
    """
    pieces: list[Piece] = [b"\x92" if kwargs else b"\x91", _head(0x90, 0xDC, len(args))]
    pieces += _each(args, pack)
    if kwargs:
        pieces.append(_head(0x80, 0xDE, len(kwargs)))
        for name, value in kwargs.items():
            pieces += pack(name), *_pieces(value, pack)
    return b"".join(pieces)


def _each(values: Iterable[Any], pack: Pack) -> list[Piece]:
    return [piece for value in values for piece in _pieces(value, pack)]


def _pieces(value: Any, pack: Pack) -> list[Piece]:
    if not is_large(value):
        return [pack(value)]
    keep_freed()
    if not arrays.is_array(type(value)):
        return [_sized(0xC6, [value]), value]
    pieces = arrays.cut_array(value, pack)
    return [_sized(0xC9, pieces), bytes([ARRAY]), *pieces]


def _head(short: int, long: int, count: int) -> bytes:
    """The head of an array or a map: of one byte, or with 16 or 32 bits of length."""
    if count < 16:
        return bytes([short + count])
    if count < 65_536:
        return bytes([long]) + count.to_bytes(2, "big")
    return bytes([long + 1]) + count.to_bytes(4, "big")


def _sized(kind: int, pieces: Iterable[Piece]) -> bytes:
    size = sum(memoryview(piece).nbytes for piece in pieces)
    return bytes([kind]) + size.to_bytes(4, "big")
