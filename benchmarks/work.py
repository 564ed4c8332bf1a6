"""What the measured tasks do: the same functions for every program."""

from __future__ import annotations


def noop(argument: int) -> int:
    return argument


def burn(rounds: int) -> int:
    """Work for the processor."""
    total = 0
    for number in range(rounds):
        total += number & 3
    return total
