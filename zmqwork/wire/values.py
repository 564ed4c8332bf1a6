"""Arguments and results, as opaque bytes until they reach the process that runs the task.

A value is a msgpack document with the extension types of `extensions`. A **call** is an array of
one array, the positional arguments, followed by a map of the keyword arguments if there are any.
What goes in comes out with the same types; `bytearray` and `memoryview` come out as `bytes`, and
arrays of numpy read-only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zmqwork.errors import DecodeError, EncodeError
from zmqwork.wire import diagnosis
from zmqwork.wire.limits import PAYLOAD_BYTES_MAX, VALUE_DEPTH_MAX
from zmqwork.wire.nesting import OUTERMOST
from zmqwork.wire.packing import explain, walk
from zmqwork.wire.registry import register_codec
from zmqwork.wire.splicing import is_large, splice_call, splice_value

__all__ = [
    "call_with",
    "decode_call",
    "decode_value",
    "encode_call",
    "encode_value",
    "register_codec",
]

_pack = OUTERMOST.pack_small


def encode_value(value: Any) -> bytes:
    """A value as bytes. EncodeError: it, or something in it, cannot travel; the text says what."""
    try:
        data = splice_value(value, _pack) if is_large(value) else _pack(value)
        if len(data) > VALUE_DEPTH_MAX:
            walk(data)
    except Exception as error:  # noqa: BLE001 - codecs are the user's: they may raise anything
        raise diagnosis.of_value(value, error) from diagnosis.cause(error)
    if len(data) > PAYLOAD_BYTES_MAX:
        raise _too_large("the value", len(data))
    return data


def encode_call(
    args: Sequence[Any], kwargs: Mapping[str, Any], what: str = "task", names: Sequence[str] = ()
) -> bytes:
    """The arguments of a call as bytes.

    Args:
        args: the positional ones.
        kwargs: the keyword ones.
        what: what is called, for the error.
        names: the names of its parameters in order, for the error.

    Raises:
        EncodeError: one of them cannot travel; it is named, and what to do instead.
    """
    try:
        if any(map(is_large, args)) or any(map(is_large, kwargs.values())):
            data = splice_call(args, kwargs, _pack)
        else:
            data = _pack([list(args), kwargs] if kwargs else [list(args)])
        if len(data) > VALUE_DEPTH_MAX:
            walk(data)
    except Exception as error:  # noqa: BLE001 - codecs are the user's: they may raise anything
        raise diagnosis.of_call(args, kwargs, what, names, error) from diagnosis.cause(error)
    if len(data) > PAYLOAD_BYTES_MAX:
        raise _too_large(f"the arguments of {what}", len(data))
    return data


def call_with(data: bytes) -> bytes:
    """The call whose only argument is this value, which is encoded already."""
    return b"\x91\x91" + data


def decode_value(data: bytes) -> Any:
    """A value from bytes. DecodeError: they are none, or hold what cannot be opened here."""
    if len(data) > PAYLOAD_BYTES_MAX:
        raise DecodeError(f"a value has {len(data)} bytes; {PAYLOAD_BYTES_MAX} is the limit")
    try:
        return OUTERMOST.unpack(data)
    except DecodeError:
        raise
    except Exception as error:  # codecs are the user's: they may raise anything
        raise DecodeError(f"a value cannot be decoded: {explain(error)}") from error


def decode_call(data: bytes) -> tuple[list[Any], dict[str, Any]]:
    """Positional and keyword arguments from bytes. DecodeError: as `decode_value`."""
    match decode_value(data):
        case [list() as args]:
            return args, {}
        case [list() as args, dict() as kwargs] if all(type(key) is str for key in kwargs):
            return args, kwargs
    raise DecodeError("the arguments are not an array with an array, and a map with text keys")


def _too_large(what: str, size_bytes: int) -> EncodeError:
    return EncodeError(
        f"{what} have {size_bytes:,} bytes encoded; {PAYLOAD_BYTES_MAX:,} is the limit: put them "
        "into a file, and send its path"
        if what.startswith("the arguments")
        else f"{what} has {size_bytes:,} bytes encoded; {PAYLOAD_BYTES_MAX:,} is the limit: put it "
        "into a file, and send its path"
    )
