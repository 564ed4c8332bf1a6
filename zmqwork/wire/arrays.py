"""numpy arrays and scalars, without importing numpy before somebody else has, or sent one.

The extension's payload: the length of the description (2 bytes, big-endian); the description, a
msgpack array of the dtype's text and the shape; zeros up to a multiple of 16; the items in C order.
So the items of a decoded array are a view of the bytes that came, and aligned.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from zmqwork.errors import DecodeError
from zmqwork.wire.unfit import Unfit

Pack = Callable[[Any], bytes]
Unpack = Callable[[bytes], Any]

_ALIGNMENT = 16

# What numpy calls `dtype.str`: byte order, kind, size, unit. Objects are pointers, records have a
# dtype that is no text, and the long double differs between machines: they stay at home.
_DTYPE = re.compile(r"[<>|](?:b1|[iu][1248]|f[248]|c(?:8|16)|[SU][1-9]\d{0,8}|[mM]8(?:\[\w+\])?)")

# numpy 2 allows 64 dimensions, numpy 1 half of that.
_DIMENSIONS_MAX = 64


def is_array(kind: type) -> bool:
    """Whether this is numpy's own array type (a masked array is more than its items)."""
    numpy: Any = sys.modules.get("numpy")
    return numpy is not None and kind is getattr(numpy, "ndarray", None)


def is_scalar(kind: type) -> bool:
    """Whether this is one of numpy's own scalar types."""
    numpy: Any = sys.modules.get("numpy")
    generic = getattr(numpy, "generic", None)
    return generic is not None and kind.__module__ == "numpy" and issubclass(kind, generic)


def encode_array(value: Any, pack: Pack) -> bytes:
    """The payload of an array or a scalar."""
    return b"".join(cut_array(value, pack))


def cut_array(value: Any, pack: Pack) -> list[bytes | memoryview]:
    """The same in pieces, of which the items are a view of it, if they lie as they travel."""
    dtype = value.dtype.str
    if value.dtype.hasobject or value.dtype.names is not None or not _DTYPE.fullmatch(dtype):
        raise Unfit(
            f"a numpy array of dtype {str(value.dtype)[:60]} does not travel: booleans, integers, "
            "floats up to 64 bits, complex numbers, fixed texts and datetimes do; send "
            ".tolist(), or one array per column"
        )
    description = pack([dtype, list(value.shape)])
    items = -(-(2 + len(description)) // _ALIGNMENT) * _ALIGNMENT
    padding = items - 2 - len(description)
    length = len(description).to_bytes(2, "big")
    return [length, description, bytes(padding), _items(value)]


def decode_array(data: bytes, unpack: Unpack) -> Any:
    """A read-only array whose items are those bytes."""
    numpy: Any
    try:
        numpy = import_module("numpy")
    except ImportError as error:
        raise DecodeError("this value holds a numpy array, and numpy is not installed") from error
    length = int.from_bytes(data[:2], "big")
    description = unpack(data[2 : 2 + length])
    match description:
        case [str() as dtype, list() as shape] if _DTYPE.fullmatch(dtype) and _is_shape(shape):
            kind = numpy.dtype(dtype)
        case _:
            raise DecodeError("a numpy array's description is none")
    items = -(-(2 + length) // _ALIGNMENT) * _ALIGNMENT
    size_bytes = math.prod(shape) * kind.itemsize
    if len(data) - items != size_bytes:
        raise DecodeError("a numpy array has another number of bytes than its shape says")
    return numpy.ndarray(shape, kind, data, items)


def decode_scalar(data: bytes, unpack: Unpack) -> Any:
    """The only item of an array without dimensions."""
    array = decode_array(data, unpack)
    if array.shape != ():
        raise DecodeError("a numpy scalar has a shape")
    return array[()]


def _items(value: Any) -> bytes | memoryview:
    if is_array(type(value)) and value.size and value.flags.c_contiguous:
        view: memoryview = (
            value.reshape(-1).view("u1").data
        )  # datetimes have no buffer of their own
        return view
    data: bytes = value.tobytes()
    return data


def _is_shape(shape: list[Any]) -> bool:
    return len(shape) <= _DIMENSIONS_MAX and all(type(n) is int and n >= 0 for n in shape)
