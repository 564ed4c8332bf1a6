"""Text of a CSV's cell as the type that a task's parameter is annotated with."""

from __future__ import annotations

import datetime as dt
import decimal
import inspect
import pathlib
import re
import types
import typing
import uuid
from collections.abc import Callable
from typing import Any

from zmqwork.errors import UsageError

_INT = re.compile(r"[+-]?[0-9]+")
_TRUE = {"true", "yes", "1"}
_FALSE = {"false", "no", "0"}


# What a cell gives that is as if the argument was not given.
ABSENT = object()
_REFUSED = object()


class Cell:
    """Makes values of one column's cells.

    An empty cell is the empty text where text is wanted. For other types it is as if the argument
    was not given: the parameter's default, without one None for ``int | None``, else an error.

    Args:
        parameter: which takes them.
        annotation: its type; `inspect.Parameter.empty` and `Any` take text.

    Raises:
        UsageError: no text can be made a value of that type.
    """

    def __init__(self, parameter: inspect.Parameter, annotation: Any) -> None:
        self._name = _name(annotation)
        self._readers = _readers(annotation)
        self._is_text = self._readers == (str,) and type(None) not in _members(annotation)
        # What an empty cell gives, if that is not its text.
        self._if_empty: Any = _REFUSED
        if parameter.default is not parameter.empty or parameter.kind is parameter.VAR_KEYWORD:
            self._if_empty = ABSENT
        elif type(None) in _members(annotation):
            self._if_empty = None
        elif str in self._readers:
            self._if_empty = ""

    def read(self, text: str) -> Any:
        """The value, or `ABSENT`. ValueError: the text is none of that type."""
        if self._is_text:
            return text
        stripped = text.strip()
        if not stripped:
            if self._if_empty is _REFUSED:
                raise ValueError(f"this is empty, where {self._name} is wanted")
            return self._if_empty
        for reader in self._readers:
            try:
                return reader(text if reader is str else stripped)
            except (ValueError, ArithmeticError):
                continue
        raise ValueError(f"{text!r} is no {self._name}{_wanted(self._readers)}")


def _readers(annotation: Any) -> tuple[Callable[[str], Any], ...]:
    """What may read a text as such a type, text itself last."""
    members = [member for member in _members(annotation) if member is not type(None)]
    readers = [_reader(member, annotation) for member in members]
    return tuple(sorted(readers, key=lambda reader: reader is str)) or (str,)


def _members(annotation: Any) -> tuple[Any, ...]:
    """The types of a union; the annotation itself if it is none."""
    annotation = _bare(annotation)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(map(_bare, typing.get_args(annotation)))
    return (annotation,)


def _bare(annotation: Any) -> Any:
    """Without what says more of a type than which it is."""
    while True:
        if typing.get_origin(annotation) is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        else:
            return annotation


def _reader(member: Any, annotation: Any) -> Callable[[str], Any]:
    if member in (inspect.Parameter.empty, Any, object):
        return str
    if typing.get_origin(member) is typing.Literal:
        choices = {str(choice): choice for choice in typing.get_args(member)}
        return lambda text: _choose(choices, text)
    try:
        return _READERS[member]
    except (KeyError, TypeError):
        known = ", ".join(kind.__name__ for kind in _READERS)
        raise UsageError(
            f"the annotation {_name(annotation)} is none that a text can become ({known} are): "
            "use --jsonl, where values have types"
        ) from None


def _name(annotation: Any) -> str:
    if isinstance(annotation, type):
        return annotation.__name__
    return str(annotation).replace("typing.", "").replace("datetime.", "")


def _wanted(readers: tuple[Callable[[str], Any], ...]) -> str:
    return ": true or false, yes or no, 1 or 0" if _bool in readers else ""


def _choose(choices: dict[str, Any], text: str) -> Any:
    if text not in choices:
        raise ValueError(text)
    return choices[text]


def _int(text: str) -> int:
    if _INT.fullmatch(text) is None:  # `int` takes 1_000, and digits of all scripts
        raise ValueError(text)
    return int(text)


def _float(text: str) -> float:
    return float(_checked(text))


def _decimal(text: str) -> decimal.Decimal:
    return decimal.Decimal(_checked(text))


def _checked(text: str) -> str:
    if "_" in text or not text.isascii():
        raise ValueError(text)
    return text


def _bool(text: str) -> bool:
    word = text.lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(text)
    return word in _TRUE


_READERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: _int,
    float: _float,
    bool: _bool,
    decimal.Decimal: _decimal,
    pathlib.Path: pathlib.Path,
    uuid.UUID: uuid.UUID,
    dt.datetime: dt.datetime.fromisoformat,
    dt.date: dt.date.fromisoformat,
}
