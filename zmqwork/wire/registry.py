"""Types of the user's own that can travel: each has a name, and two functions."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from zmqwork.config import check_name
from zmqwork.errors import UsageError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Codec:
    """How the instances of one type travel."""

    cls: type
    name: str
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


# Bound: what the program registers. Read without the lock: a dict's look-up is atomic.
_lock = threading.Lock()
_by_type: dict[type, Codec] = {}
_by_name: dict[str, Codec] = {}

# Types that travel anyway: a codec for one of them would never be asked.
_built_in: set[type] = {type(None), bool, int, float, str, bytes, bytearray, memoryview, list, dict}


def reserve(types: set[type]) -> None:
    """Keep these from being registered: they travel as they are."""
    _built_in.update(types)


def travels(cls: type) -> bool:
    """Whether values of exactly this type travel, because they do anyway or have a codec."""
    return cls in _built_in or by_type(cls) is not None


def by_type(cls: type) -> Codec | None:
    """The codec for exactly this type."""
    try:
        return _by_type.get(cls)
    except Exception:  # noqa: BLE001 - a metaclass is the user's: its hash may raise anything
        return None


def by_name(name: str) -> Codec | None:
    """The codec that the sender named."""
    return _by_name.get(name)


def register_codec(
    cls: type[T],
    name: str,
    encode: Callable[[T], Any] | None = None,
    decode: Callable[[Any], T] | None = None,
) -> None:
    """Let the instances of a type be arguments and results of tasks.

    Both ends must register it, under the same name: do it beside the class. Subclasses are types
    of their own. ::

        zmqwork.register_codec(Point, "point", lambda p: [p.x, p.y], lambda xy: Point(*xy))
        zmqwork.register_codec(Order, "order")              # a dataclass needs no functions

    Args:
        cls: the class; not one that travels anyway.
        name: what it is called on the wire.
        encode: makes of an instance something that travels: a list, a dict, another such type.
        decode: makes an instance of that again.

    Raises:
        UsageError: the type travels anyway, the name belongs to another type, or a function is
            missing for a type that is no dataclass.
    """
    check_name("the name of a codec", name)
    if not isinstance(cls, type):
        raise UsageError(f"register_codec takes a class first, not an instance of {type(cls)}")
    if cls in _built_in:
        raise UsageError(f"{cls.__qualname__} travels as it is, and needs no codec")
    if encode is None and decode is None and dataclasses.is_dataclass(cls):
        encode, decode = _dataclass_functions(cls)
    if not callable(encode) or not callable(decode):
        raise UsageError(
            f"register_codec({cls.__qualname__}, {name!r}, encode, decode): two functions are "
            "needed (only a dataclass can do without)"
        )
    with _lock:
        other = _by_name.get(name)
        # A module that runs as __main__ and is imported, too, has each of its classes twice.
        if other is not None and other.cls.__qualname__ != cls.__qualname__:
            raise UsageError(f"codec {name!r} belongs to {other.cls.__qualname__} already")
        _by_type[cls] = _by_name[name] = Codec(cls, name, encode, decode)


def _dataclass_functions(cls: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """By field name, so that an older end may lack fields that have a default."""
    names = tuple(field.name for field in dataclasses.fields(cls) if field.init)

    def encode(instance: Any) -> dict[str, Any]:
        return {name: getattr(instance, name) for name in names}

    def decode(values: Any) -> Any:
        return cls(**values)

    return encode, decode
