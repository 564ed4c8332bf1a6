"""What the options of a benchmark are given: lists, sizes, numbers with a suffix, hosts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TypeVar

from zmqwork.cli.parser import nearest, whole

T = TypeVar("T")

_POWERS = {"k": 1, "m": 2, "g": 3}
_DIGITS_MAX = 15


def listed(parse: Callable[[str], T]) -> Callable[[str], list[T]]:
    """An argparse type: several with commas, each of them once."""

    def parse_all(text: str) -> list[T]:
        return list(dict.fromkeys(parse(word.strip()) for word in text.split(",")))

    return parse_all


def word(what: str, known: Sequence[T]) -> Callable[[str], T]:
    """An argparse type: one of these words."""
    words = {str(item): item for item in known}

    def parse(text: str) -> T:
        if text not in words:
            near = nearest(text, words) or f": choose from {', '.join(words)}"
            raise argparse.ArgumentTypeError(f"unknown {what} {text!r}{near}")
        return words[text]

    return parse


def number(what: str, low: int, high: int) -> Callable[[str], int]:
    """An argparse type: a whole number, perhaps of thousands: ``10k``, ``1M``."""
    return _scaled(what, low, high, 1000, "100, 10k or 1M")


def size(what: str, low: int, high: int) -> Callable[[str], int]:
    """An argparse type: bytes, perhaps of 1,024 each: ``64k``, ``1M``."""
    return _scaled(what, low, high, 1024, "0, 1k (1,024) or 1M")


def _scaled(what: str, low: int, high: int, base: int, examples: str) -> Callable[[str], int]:
    def parse(text: str) -> int:
        power = _POWERS.get(text[-1:].lower(), 0)
        digits = text[:-1] if power else text
        if not (digits.isascii() and digits.isdigit()) or len(digits) > _DIGITS_MAX:
            raise argparse.ArgumentTypeError(f"{text!r} is no {what}, as {examples}")
        value = int(digits)
        for _ in range(power):
            value *= base
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{what} {text} is not between {low:,} and {high:,}")
        return value

    return parse


def hosts(text: str) -> int | tuple[str, ...]:
    """An argparse type: how many hosts, or their names."""
    if text.isascii() and text.isdigit():
        return whole(1, 10_000)(text)
    names = tuple(name for name in text.split(",") if name)
    if not names:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor names of hosts")
    return names
