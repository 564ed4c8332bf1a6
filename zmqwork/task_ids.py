"""Ids of tasks, as people give them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from zmqwork.errors import UsageError

# The first digits of the producer's node id, and the task's number.
_ID = re.compile(r"(?P<producer>[0-9a-f]{8,32})-(?P<seq>[1-9][0-9]{0,18})")


def is_task_id(text: str) -> bool:
    """Whether it could be one."""
    return _ID.fullmatch(text.strip().lower()) is not None


def task_id(text: str) -> tuple[str, int]:
    """How the producer's node id begins, and the task's number. Raises `UsageError`."""
    found = _ID.fullmatch(str(text).strip().lower())  # users call this, typed or not
    if found is None:
        raise UsageError(
            f"{text!r} is no id of a task: that is 8 hexadecimal digits, a dash and a number, "
            "1a2b3c4d-17"
        )
    return found["producer"], int(found["seq"])


def by_producer(texts: Iterable[str]) -> dict[str, list[int]]:
    """The numbers of tasks, by the beginning of their producer's node id."""
    found: dict[str, list[int]] = {}
    for text in texts:
        producer, seq = task_id(text)
        found.setdefault(producer[:8], []).append(seq)
    return found
