"""The types beyond msgpack's own: for each a code, a function to bytes and one back.

A code, once given, never means anything else. Encoders may raise `Unfit`; what decoders raise is
turned into `DecodeError` where they are called. `pack` and `unpack` are for values inside.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from zmqwork.errors import DecodeError
from zmqwork.wire import registry
from zmqwork.wire.arrays import Pack, Unpack, decode_array, decode_scalar, encode_array
from zmqwork.wire.unfit import Unfit

TUPLE: Final = 1
SET: Final = 2
FROZENSET: Final = 3
DATETIME: Final = 4
DATE: Final = 5
TIMEDELTA: Final = 6
UUID_CODE: Final = 7
DECIMAL: Final = 8
PATH: Final = 9
BIG_INT: Final = 10
COMPLEX: Final = 11
ARRAY: Final = 12
SCALAR: Final = 13
TIME: Final = 14
REGISTERED: Final = 32

_COMPLEX = struct.Struct(">dd")


def _items(value: Any, pack: Pack) -> bytes:
    return pack(list(value))


def _list(data: bytes, unpack: Unpack) -> list[Any]:
    items = unpack(data)
    if type(items) is not list:
        raise DecodeError("a tuple or a set whose payload is no array")
    return items


def _moment(value: datetime | time, pack: Pack) -> bytes:
    kind = type(value).__name__
    zone = value.tzinfo
    key = None
    if type(zone) is ZoneInfo:
        key = zone.key
        if key is None:
            raise Unfit(f"a {kind} whose ZoneInfo has no key does not travel")
    elif zone is not None and type(zone) is not timezone:
        raise Unfit(
            f"a {kind} with a tzinfo of type {type(zone).__module__}.{type(zone).__qualname__} "
            "does not travel: use zoneinfo.ZoneInfo or datetime.UTC"
        )
    return pack([value.isoformat(), key, value.fold])


def _to_datetime(data: bytes, unpack: Unpack) -> datetime:
    match unpack(data):
        case [str() as text, None, (0 | 1) as fold]:
            return datetime.fromisoformat(text).replace(fold=fold)
        case [str() as text, str() as key, (0 | 1) as fold]:
            moment = datetime.fromisoformat(text)
            local = moment.replace(tzinfo=ZoneInfo(key), fold=fold)
            # The sender's time zone data may be of another year: the instant counts.
            same = local.utcoffset() == moment.utcoffset()
            return local if same else moment.astimezone(local.tzinfo)
    raise DecodeError("a datetime is not [text, zone, fold]")


def _to_time(data: bytes, unpack: Unpack) -> time:
    match unpack(data):
        case [str() as text, None, (0 | 1) as fold]:
            return time.fromisoformat(text).replace(fold=fold)
        case [str() as text, str() as key, (0 | 1) as fold]:
            return time.fromisoformat(text).replace(tzinfo=ZoneInfo(key), fold=fold)
    raise DecodeError("a time is not [text, zone, fold]")


def _to_timedelta(data: bytes, unpack: Unpack) -> timedelta:
    match unpack(data):
        case [int() as days, int() as seconds, int() as microseconds]:
            return timedelta(days, seconds, microseconds)
    raise DecodeError("a timedelta is not [days, seconds, microseconds]")


def _path(value: Path, _: Pack) -> bytes:
    # A POSIX path is bytes; those that are no UTF-8 are kept.
    return str(value).encode("utf-8", "surrogateescape")


def _big_int(value: int, _: Pack) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def _to_complex(data: bytes, _: Unpack) -> complex:
    return complex(*_COMPLEX.unpack(data))


def encode_registered(value: Any, pack: Pack) -> bytes:
    """The payload of an instance whose type has a codec."""
    codec = registry.by_type(type(value))
    if codec is None:
        raise Unfit("its codec is gone")
    return pack([codec.name, codec.encode(value)])


def _to_registered(data: bytes, unpack: Unpack) -> Any:
    match unpack(data):
        case [str() as name, value]:
            codec = registry.by_name(name)
            if codec is None:
                raise DecodeError(
                    f"no codec {name[:128]!r} is registered in this process: import the module "
                    "that calls zmqwork.register_codec"
                )
            return codec.decode(value)
    raise DecodeError("an instance of a registered type is not [name, value]")


Encoder = Callable[[Any, Pack], bytes]
Decoder = Callable[[bytes, Unpack], Any]

# `type(Path())` is what `Path` makes here: a PosixPath, or a WindowsPath.
ENCODERS: dict[type, tuple[int, Encoder]] = {
    tuple: (TUPLE, _items),
    set: (SET, _items),
    frozenset: (FROZENSET, _items),
    datetime: (DATETIME, _moment),
    time: (TIME, _moment),
    date: (DATE, lambda value, _: value.isoformat().encode()),
    timedelta: (TIMEDELTA, lambda v, pack: pack([v.days, v.seconds, v.microseconds])),
    UUID: (UUID_CODE, lambda value, _: value.bytes),
    Decimal: (DECIMAL, lambda value, _: str(value).encode()),
    type(Path()): (PATH, _path),
    int: (BIG_INT, _big_int),
    complex: (COMPLEX, lambda value, _: _COMPLEX.pack(value.real, value.imag)),
}
NUMPY_ENCODERS: tuple[tuple[int, Encoder], tuple[int, Encoder]] = (
    (ARRAY, encode_array),
    (SCALAR, encode_array),
)

DECODERS: dict[int, Decoder] = {
    TUPLE: lambda data, unpack: tuple(_list(data, unpack)),
    SET: lambda data, unpack: set(_list(data, unpack)),
    FROZENSET: lambda data, unpack: frozenset(_list(data, unpack)),
    DATETIME: _to_datetime,
    TIME: _to_time,
    DATE: lambda data, _: date.fromisoformat(data.decode("ascii")),
    TIMEDELTA: _to_timedelta,
    UUID_CODE: lambda data, _: UUID(bytes=data),
    DECIMAL: lambda data, _: Decimal(data.decode("ascii")),
    PATH: lambda data, _: Path(data.decode("utf-8", "surrogateescape")),
    BIG_INT: lambda data, _: int.from_bytes(data, "big", signed=True),
    COMPLEX: _to_complex,
    ARRAY: decode_array,
    SCALAR: decode_scalar,
    REGISTERED: _to_registered,
}

registry.reserve(set(ENCODERS))
