"""What a field of a message may hold. Each function returns the field or raises `DecodeError`.

`what` names the field for whoever reads the log. The field's own content is not quoted: it comes
from a peer, and may be anything. Lists of numbers are judged by loops in C, for they are hot.
"""

from __future__ import annotations

import re
from array import array
from typing import Any

from zmqwork.config import NAME_BYTES_MAX
from zmqwork.errors import DecodeError
from zmqwork.wire.limits import NUMBER_MAX, PLAIN_DEPTH_MAX, TASK_NAME_BYTES_MAX

_NODE_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_FINGERPRINT = re.compile(r"[0-9a-f]{16}", re.ASCII)
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def array_of(value: Any, what: str, count_max: int, count_min: int = 0) -> list[Any]:
    """An array with a bounded number of items of any kind."""
    if type(value) is not list:
        raise DecodeError(f"{what} is no array")
    if not count_min <= len(value) <= count_max:
        raise DecodeError(f"{what} has {len(value)} items, not {count_min} to {count_max}")
    return value


def map_of(value: Any, what: str, count_max: int) -> dict[str, Any]:
    """A map with a bounded number of text keys."""
    if type(value) is not dict:
        raise DecodeError(f"{what} is no map")
    if len(value) > count_max:
        raise DecodeError(f"{what} has {len(value)} keys; {count_max} is the limit")
    if not set(map(type, value)) <= {str}:
        raise DecodeError(f"{what} has a key that is no text")
    return value


def number(value: Any, what: str, most: int = NUMBER_MAX, least: int = 0) -> int:
    """A whole number within bounds."""
    if type(value) is not int or not least <= value <= most:
        raise DecodeError(f"{what} is no whole number from {least} to {most}")
    return value


def boolean(value: Any, what: str) -> bool:
    """True or false."""
    if type(value) is not bool:
        raise DecodeError(f"{what} is no boolean")
    return value


def numbers(value: Any, what: str, count_max: int) -> list[int]:
    """An array of unsigned 64-bit numbers."""
    if type(value) is not list:
        raise DecodeError(f"{what} is no array")
    if len(value) > count_max:
        raise DecodeError(f"{what} has {len(value)} items; {count_max} is the limit")
    if not set(map(type, value)) <= {int}:
        raise DecodeError(f"{what} has an item that is no whole number")
    try:
        array("Q", value)  # a third of the price of min() and max()
    except OverflowError:
        raise DecodeError(f"{what} has an item below 0") from None
    return value


def same_length(first: list[Any], second: list[Any], what: str) -> None:
    """Two columns of one table."""
    if len(first) != len(second):
        raise DecodeError(f"{what} differ in length: {len(first)} and {len(second)}")


def seconds(value: Any, what: str, least: float, most: float) -> float:
    """A float or a whole number within bounds (which NaN never is), as a float."""
    if type(value) not in (float, int) or not least <= value <= most:
        raise DecodeError(f"{what} is no number from {least:g} to {most:g}")
    return float(value)


def text(value: Any, what: str, bytes_max: int, bytes_min: int = 0) -> str:
    """A text of bounded length."""
    if type(value) is not str:
        raise DecodeError(f"{what} is no text")
    # Four bytes per character at most, so that most texts need not be encoded to be measured.
    length = len(value) if len(value) * 4 <= bytes_max else len(value.encode())
    if not bytes_min <= length <= bytes_max:
        raise DecodeError(f"{what} has {length} bytes, not {bytes_min} to {bytes_max}")
    return value


def name(value: Any, what: str, bytes_max: int = NAME_BYTES_MAX) -> str:
    """A name of a queue, a node or a realm: not empty, one line."""
    text(value, what, bytes_max, 1)
    if _CONTROL.search(value):
        raise DecodeError(f"{what} has a control character")
    return str(value)


def name_or_empty(value: Any, what: str) -> str:
    """A name, or an empty text, which says that there is none."""
    return "" if value == "" else name(value, what)


def task_name(value: Any) -> str:
    """The name of a task, or of the one that runs its chunks."""
    return name(value, "a task's name", TASK_NAME_BYTES_MAX)


def word(value: Any, what: str) -> str:
    """A lower-case word of the protocol's own: a role, a reason, a code."""
    if type(value) is not str or not _WORD.fullmatch(value):
        raise DecodeError(f"{what} is no lower-case word of 1 to 32 characters")
    return value


def node_id(value: Any) -> str:
    """A node's id."""
    if type(value) is not str or not _NODE_ID.fullmatch(value):
        raise DecodeError("the node id is not 32 hexadecimal digits in lower case")
    return value


def fingerprint(value: Any) -> str:
    """That of a key; or an empty text, which says that there is none."""
    if value != "" and (type(value) is not str or not _FINGERPRINT.fullmatch(value)):
        raise DecodeError("the fingerprint is not 16 hexadecimal digits in lower case")
    return str(value)


def plain(value: Any, what: str, depth: int = PLAIN_DEPTH_MAX) -> None:
    """Nil, booleans, whole and finite numbers, texts, bytes; arrays and text-keyed maps of them."""
    kind = type(value)
    if kind is float:
        if value - value != 0.0:  # NaN and the infinities
            raise DecodeError(f"{what} holds a number that is not finite")
    elif kind is list or kind is dict:
        if not depth:
            raise DecodeError(f"{what} is nested more than {PLAIN_DEPTH_MAX} deep")
        if kind is dict and not set(map(type, value)) <= {str}:
            raise DecodeError(f"{what} has a key that is no text")
        for item in value.values() if kind is dict else value:
            plain(item, what, depth - 1)
    elif value is not None and kind not in (bool, int, str, bytes):
        raise DecodeError(f"{what} holds a {kind.__name__}, which is no plain value")
