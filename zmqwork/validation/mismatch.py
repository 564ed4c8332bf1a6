"""What is wrong with an argument, in words that may be shown to anybody."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

# Characters of a value, and of what somebody else's code says, that are shown.
_SHOWN_MAX = 40
_SAID_MAX = 500

# Their text is Python's own, and short. Others may be hostile, or as long as they like.
_SHOWN = (bool, float, complex, dt.datetime, dt.date, dt.time, dt.timedelta, UUID, Decimal)
_INT_BITS_MAX = 128


class Mismatch(Exception):
    """A value is not what its annotation says.

    Attributes:
        steps: the way to it from the argument: ``[2]``, ``['x']``.
        problem: what it must be, and what it is.
        is_inside: the value is of the right kind, and something inside of it is wrong.
    """

    def __init__(self, problem: str, *, is_inside: bool = True) -> None:
        super().__init__(problem)
        self.steps: list[str] = []
        self.problem = problem
        self.is_inside = is_inside

    @classmethod
    def of(cls, wanted: str, value: Any) -> Mismatch:
        """A value that is not of the wanted type."""
        return cls(f"must be {wanted}, and is {described(value)}", is_inside=False)

    @property
    def place(self) -> str:
        """Where inside of the argument it is; empty: it is the argument."""
        return f" at {''.join(self.steps).strip()}" if self.steps else ""

    def within(self, step: str) -> Mismatch:
        """The same, one step further out."""
        self.steps.insert(0, step)
        self.is_inside = True
        return self


def described(value: Any) -> str:
    """The type of a value, and the value itself if it is short and harmless."""
    if value is None:
        return "None"
    shown = _shown(value)
    return f"{type_name(type(value))}{f' ({shown})' if shown else ''}"


def key(value: Any) -> str:
    """A key of a dict as a step."""
    return f"[{_shown(value) or type_name(type(value))}]"


def type_name(kind: type) -> str:
    """What a type is called; a metaclass may have made that anything."""
    try:
        module, name = str(kind.__module__), str(kind.__qualname__)
    except Exception:  # noqa: BLE001 - a metaclass is the user's: it may raise anything
        return "something without a name"
    return printable(name if module == "builtins" else f"{module}.{name}", 120)


def printable(text: str, most: int = _SAID_MAX) -> str:
    """Text of somebody else's, on one line, and not too much of it."""
    text = text if len(text) <= most else f"{text[:most]}..."
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def said(error: BaseException) -> str:
    """What an exception of user code says; it may refuse to."""
    try:
        return printable(f"{type_name(type(error))}: {error}")
    except Exception:  # noqa: BLE001 - its `__str__` is the user's: it may raise anything
        return type_name(type(error))


def _shown(value: Any) -> str:
    """A value as Python writes it; empty: that is not worth the risk, or the room."""
    kind = type(value)
    if kind is str or kind is bytes:
        cut = value[:_SHOWN_MAX]
        return f"{cut!r}..." if len(cut) < len(value) else repr(cut)
    if kind is int:
        bits = value.bit_length()
        return str(value) if bits <= _INT_BITS_MAX else f"of {bits} bits"
    if any(kind is one for one in _SHOWN):
        try:
            return printable(str(value), 2 * _SHOWN_MAX)
        except Exception:  # noqa: BLE001 - a tzinfo is user code
            return ""
    return ""
