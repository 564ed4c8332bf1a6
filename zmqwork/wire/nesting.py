"""Values to msgpack and back, with the extension types, each inside another as deep as allowed.

A value inside an extension type is a msgpack document of its own, so there is a level per depth:
with its own packers, and its own hook that opens what lies one level further in.
"""

from __future__ import annotations

from typing import Any

from msgpack import ExtType, unpackb

from zmqwork.errors import DecodeError
from zmqwork.wire import arrays, registry
from zmqwork.wire.extensions import (
    DECODERS,
    ENCODERS,
    NUMPY_ENCODERS,
    REGISTERED,
    Encoder,
    encode_registered,
)
from zmqwork.wire.limits import EXTENSION_DEPTH_MAX, UNCHECKED_BYTES, VALUE_DEPTH_MAX
from zmqwork.wire.packing import Packers, walk
from zmqwork.wire.unfit import Unfit

_new = tuple.__new__


class _Level:
    """What is packed and unpacked inside `depth` extension types."""

    __slots__ = ("_depth", "_inner", "pack_small")

    def __init__(self, depth: int, inner: _Level | None) -> None:
        self._depth = depth
        self._inner = inner
        # Without the test whether it can be opened again, which only long documents need.
        self.pack_small = Packers(default=self._extend, strict_types=True).pack

    def pack(self, value: Any) -> bytes:
        """The value as bytes. Raises whatever the value makes msgpack or an encoder raise."""
        data = self.pack_small(value)
        if len(data) > VALUE_DEPTH_MAX:
            walk(data)  # msgpack packs one level more than it unpacks
        return data

    def unpack(self, data: bytes) -> Any:
        """The value again. Raises whatever the bytes make msgpack or a decoder raise."""
        if len(data) > UNCHECKED_BYTES:
            walk(data)
        return unpackb(data, ext_hook=self._open, strict_map_key=False, timestamp=3)

    def _extend(self, value: Any) -> Any:
        """What msgpack asks for a value that is none of its own."""
        code, encode = ENCODERS.get(type(value)) or _encoder_for(type(value))
        if self._inner is None:
            raise Unfit(
                f"tuples, sets and registered types are nested more than {EXTENSION_DEPTH_MAX} "
                "deep; lists and dicts may be"
            )
        # ExtType(code, payload), without the checks of its constructor: a third of the time.
        return _new(ExtType, (code, encode(value, self._inner.pack)))

    def _open(self, code: int, data: bytes) -> Any:
        decode = DECODERS.get(code)
        if decode is None:
            raise DecodeError(f"extension type {code} is unknown")
        if self._inner is None:
            raise DecodeError(f"extension types are nested more than {EXTENSION_DEPTH_MAX} deep")
        return decode(data, self._inner.unpack)


def _encoder_for(kind: type) -> tuple[int, Encoder]:
    if registry.by_type(kind) is not None:
        return REGISTERED, encode_registered
    if arrays.is_array(kind):
        return NUMPY_ENCODERS[0]
    if arrays.is_scalar(kind):
        return NUMPY_ENCODERS[1]
    raise TypeError("no type that travels")


def _levels() -> _Level:
    level = None
    for depth in range(EXTENSION_DEPTH_MAX, -1, -1):
        level = _Level(depth, level)
    assert level is not None
    return level


OUTERMOST = _levels()
