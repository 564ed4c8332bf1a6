"""What becomes of a result where only text, numbers and lists of them can be written.

JSON's own types stay. Tuples, sets and arrays become lists; bytes become base64; dates, times,
decimals, UUIDs and paths their usual text; a timedelta its seconds; a complex number ``[re, im]``;
NaN and the infinities the texts ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``; keys that are no
text their text; a dataclass an object of its fields. Anything else becomes ``{"$repr": "..."}``.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any
from uuid import UUID

UNKNOWN = "$repr"


def json_text(value: Any) -> str:
    """A value as one line of strict JSON. Never raises, whatever the value is."""
    try:
        return _encode(value)
    # Not only what JSON refuses: a class of the user's may raise anything while it is looked at.
    except Exception:  # noqa: BLE001
        return _encode_slowly(value)


def json_record(task_id: str, task: str, value: Any) -> str:
    """A result and its task as one line of strict JSON. Never raises."""
    record = {"task_id": task_id, "task": task, "result": value}
    try:
        return _encode(record)
    except Exception:  # noqa: BLE001 - as above
        ours = json_text({"task_id": task_id, "task": task})
        return f'{ours[:-1]}, "result": {_encode_slowly(value)}}}'


def cell(value: Any) -> str:
    """A value as the text of one field: text as it is, nothing for None, else `json_text`."""
    if isinstance(value, str):
        return writable(value)
    if value is None:
        return ""
    text = json_text(value)
    return writable(json.loads(text)) if text[0] == '"' else text


def raw(value: Any) -> bytes:
    """A value as the content of a file: bytes as they are, of text its UTF-8, else its JSON."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return writable(value).encode()
    return json_text(value).encode()


def writable(text: str) -> str:
    """Text without halves of characters, which file names may have: those become escapes."""
    return text if _has_bytes(text) else text.encode("utf-8", "backslashreplace").decode()


def plain(value: Any) -> Any:
    """The same of types that JSON has. Raises what its parts raise, RecursionError if too deep."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        # Python makes no decimal digits of numbers that have thousands of them.
        return value if value.bit_length() < _INT_BITS else hex(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else _NAMES.get(value, "NaN")
    if isinstance(value, dict):
        out = {key_text(key): plain(item) for key, item in value.items()}
        return out if len(out) == len(value) else _described(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return plain(_nearest(value))


def fields_of(value: Any) -> dict[str, Any] | None:
    """A dict, or a dataclass's fields, by text; None if it is neither."""
    if isinstance(value, dict):
        return {key_text(key): item for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    return None


_INT_BITS = 14_000
_NAMES = {math.inf: "Infinity", -math.inf: "-Infinity"}


def key_text(key: Any) -> str:
    """The key of a dict as text."""
    if isinstance(key, str):
        return key
    text = json_text(key)
    return str(json.loads(text)) if text[0] == '"' else text


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _isoformat(value: Any) -> str:
    text: str = value.isoformat()
    return text


def _base64(value: Any) -> str:
    return base64.b64encode(value).decode("ascii")


def _in_order(value: Any) -> list[Any]:
    try:
        return sorted(value)
    except TypeError:
        return sorted(value, key=repr)


_NEAREST: tuple[tuple[tuple[type, ...], Callable[[Any], Any]], ...] = (
    ((bytes, bytearray, memoryview), _base64),
    ((datetime, date, time), _isoformat),
    ((timedelta,), timedelta.total_seconds),
    ((Decimal, UUID, PurePath), str),
    ((set, frozenset), _in_order),
    ((complex,), lambda value: [value.real, value.imag]),
)


def _nearest(value: Any) -> Any:
    """For what JSON does not have: something nearer to it."""
    for types, function in _NEAREST:
        if isinstance(value, types):
            return function(value)
    # numpy need not be there, and is not loaded for this.
    if type(value).__module__.partition(".")[0] == "numpy" and hasattr(value, "tolist"):
        # (Of dates with nanoseconds that would make plain numbers.)
        is_date = getattr(getattr(value, "dtype", None), "kind", "") == "M"
        items = (value.astype(str) if is_date else value).tolist()
        return items if type(items) is not type(value) else _described(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    return _described(value)


def _described(value: Any) -> dict[str, str]:
    with contextlib.suppress(Exception):
        return {UNKNOWN: repr(value)}
    return {UNKNOWN: object.__repr__(value)}


_STRICT = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(", ", ": "), default=_nearest
)
_ASCII = json.JSONEncoder(allow_nan=False, default=_nearest)


def _encode_slowly(value: Any) -> str:
    with contextlib.suppress(Exception):
        return _encode(plain(value))
    return _encode(_described(value))


def _encode(value: Any) -> str:
    text = _STRICT.encode(value)
    # Halves of characters, from file names that are no UTF-8, have no bytes of their own.
    return text if _has_bytes(text) else _ASCII.encode(value)


def _has_bytes(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
