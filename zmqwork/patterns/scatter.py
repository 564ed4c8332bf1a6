"""Scatter: split the work, run the parts everywhere, gather the results in order.

::

                +--> part 1 --> worker --> result 1 --+
    items ------+--> part 2 --> worker --> result 2 --+------> [result 1, result 2, result 3]
                +--> part 3 --> worker --> result 3 --+

**Guarantee:** there is a result for each part, in the order of the items; or one error that names
each part without. Parts of a worker that dies are run by another.

**Use it** where a whole is cut into parts that know nothing of each other: sums, renderings,
searches. For very many items that are independent one by one, `Task.map` cuts by itself.

**From** the ZeroMQ guide, chapter 1, "Divide and Conquer", and chapter 3, "The DEALER to REP
Combination": one socket deals parts out to many. What was dealt to a worker that dies is gone, the
sink waits for ever, and nobody knows for which part.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from zmqwork import ConfigError, Task

A = TypeVar("A")
R = TypeVar("R")

_NAMED_MAX = 5


def gather(task: Task[[list[A]], R], items: Iterable[A], *, parts: int = 16) -> list[R]:
    """Run the task for each part of the items; its results in order.

    Args:
        task: takes a list of items.
        items: what is to be split; all of it is held in memory.
        parts: how many parts, of almost equal size; fewer if there are fewer items. Several for
            each slot of the workers, so that a slow part holds up little.

    Raises:
        ExceptionGroup: parts failed; it has the error of each, with a note that says which items
            it is about. Everything else has been done by then.
        ConfigError: `parts` is less than 1.
    """
    pieces = split(list(items), parts)
    results: list[R] = []
    failed: list[str] = []
    errors: list[Exception] = []
    first = 0
    for number, outcome in enumerate(task.map(pieces, chunk=1, return_exceptions=True), 1):
        last = first + len(pieces[number - 1]) - 1
        if isinstance(outcome, Exception):
            outcome.add_note(f"scatter: part {number} of {len(pieces)}, items {first} to {last}")
            failed.append(f"{number} (items {first} to {last})")
            errors.append(outcome)
        else:
            results.append(outcome)
        first = last + 1
    if errors:
        named = ", ".join(failed[:_NAMED_MAX]) + (", ..." if len(failed) > _NAMED_MAX else "")
        raise ExceptionGroup(f"{len(errors)} of {len(pieces)} parts failed: {named}", errors)
    return results


def split(items: list[A], parts: int) -> list[list[A]]:
    """The items, in order, in at most `parts` lists; their lengths differ by one at most."""
    if parts < 1:
        raise ConfigError(f"parts must be 1 or more, not {parts!r}")
    parts = min(parts, len(items))
    return [
        items[len(items) * part // parts : len(items) * (part + 1) // parts]
        for part in range(parts)
    ]
