"""Chunks: many calls as one task on the wire, with a result or a failure for each.

A task named ``thumbnail`` implies a handler named ``thumbnail[]``, which takes a list of
arguments. `map` sends chunks of about 5 ms of work; what each call costs beyond the handler is
then a fraction of a microsecond. What a chunk is on the wire: docs/protocol.md, section 9.
"""

from __future__ import annotations

from typing import Any

from zmqwork.errors import DecodeError
from zmqwork.execution.chunks import SUFFIX, chunk_handler, chunk_name
from zmqwork.wire.values import decode_value

__all__ = ["CHUNK_SECONDS", "SUFFIX", "ChunkSize", "chunk_handler", "chunk_name", "open_chunk"]

# Work in a chunk: a hundred times what handing it over costs, and no wait for a person.
CHUNK_SECONDS = 0.005
CHUNK_MAX = 4_096
# A chunk of large items ends here: a quarter of a frame, so that it interleaves with others.
CHUNK_BYTES = 64 * 1024
# A measured chunk says something about one that is this much longer.
_GROWTH = 4


def open_chunk(data: object, count: int) -> tuple[float, list[Any], dict[int, dict[str, Any]]]:
    """Seconds, a value per item, and the failures by index; DecodeError if it is not that."""
    if isinstance(data, bytes):
        match decode_value(data):
            case [float() as seconds, list() as values, list() as failures]:
                if len(values) == count and all(_is_failure(f, count) for f in failures):
                    return seconds, values, dict(failures)
    raise DecodeError("the worker's answer to a chunk is not a chunk's result")


def _is_failure(failure: object, count: int) -> bool:
    match failure:
        case [int() as index, dict()]:
            return 0 <= index < count
    return False


class ChunkSize:
    """How many items make a chunk, learnt from those that ran.

    Shared by all maps of a task; a race between two costs an unfortunate chunk, nothing more.
    """

    __slots__ = ("_item_bytes", "_item_seconds", "_proven")

    def __init__(self) -> None:
        self._item_seconds = 0.0
        self._item_bytes = 0.0
        # The longest chunk that was measured; 0: none.
        self._proven = 0

    @property
    def item_bytes(self) -> float:
        """Bytes of an item's argument and result together, 0 if that is not known."""
        return self._item_bytes

    @property
    def growing(self) -> bool:
        """More chunks must be measured before they have their full size."""
        return not self._proven or self._proven * _GROWTH < self._goal()

    def count(self) -> int:
        """Items of the next chunk."""
        if not self._proven:
            return 1
        return max(1, int(min(self._proven * _GROWTH, self._goal())))

    def _goal(self) -> float:
        by_time = CHUNK_SECONDS / max(self._item_seconds, 1e-9)
        by_size = CHUNK_BYTES / max(self._item_bytes, 1.0)
        return min(CHUNK_MAX, by_time, by_size)

    def learn(self, count: int, seconds: float, size_bytes: int) -> None:
        """A chunk of `count` items took so long, and so many bytes of arguments and results."""
        if not self._proven:
            self._item_seconds, self._item_bytes = seconds / count, size_bytes / count
        else:
            self._item_seconds += (seconds / count - self._item_seconds) / 2
            self._item_bytes += (size_bytes / count - self._item_bytes) / 2
        self._proven = max(self._proven, count)
