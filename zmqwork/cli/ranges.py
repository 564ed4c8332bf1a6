"""Whole numbers as people and job schedulers write them: ``0-9,20,30-39:2``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from zmqwork.errors import UsageError

_PART = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18})(?::([0-9]{1,18}))?)?")
_HOW = "write numbers and ranges, as in 0-9,20,30-39:2"


class Ranges:
    """The numbers, in the order in which they were written; each as often as it was.

    Attributes:
        parts: one after the other.
        count: how many numbers that are.
    """

    def __init__(self, parts: tuple[range, ...]) -> None:
        self.parts = parts
        # Not `len`, which ends at 2**63.
        self.count = sum(map(len, parts))

    @classmethod
    def parse(cls, text: str) -> Ranges:
        """Read ``0-9,20,30-39:2``: both ends belong to a range, ``:2`` takes every second number.

        Raises:
            UsageError: it is something else; the part that is wrong is named.
        """
        return cls(tuple(_part(word.strip()) for word in text.split(",")))

    def __iter__(self) -> Iterator[int]:
        for part in self.parts:
            yield from part

    def __str__(self) -> str:
        """The shortest text that `parse` reads as the same numbers in the same parts."""
        return ",".join(map(_text, self.parts))


def _part(word: str) -> range:
    found = _PART.fullmatch(word)
    if found is None:
        raise UsageError(f"{word!r} is no range of numbers: {_advice(word)}")
    low, high, step = (None if digits is None else int(digits) for digits in found.groups())
    assert low is not None, "the pattern begins with it"
    if high is None:
        return range(low, low + 1)
    if high < low:
        raise UsageError(f"{word!r} ends before it begins: {_HOW}")
    if step == 0:
        raise UsageError(f"{word!r} never gets on: its step is 0")
    return range(low, high + 1, step or 1)


def _advice(word: str) -> str:
    if "%" in word:
        return "how many run at a time is for --window to say"
    if word.startswith("-"):
        return "numbers begin at 0"
    return _HOW


def _text(part: range) -> str:
    if len(part) == 1:
        return str(part[0])
    step = "" if part.step == 1 else f":{part.step}"
    return f"{part[0]}-{part[-1]}{step}"
