"""Chunks: many calls as one task on the wire, with a result or a failure for each.

A task named ``thumbnail`` implies a handler named ``thumbnail[]``, which takes a list of
arguments. `map` sends chunks of about 5 ms of work; what each call costs beyond the handler is
then a fraction of a microsecond. What a chunk is on the wire: docs/protocol.md, section 8.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator
from typing import Any

from zmqwork.errors import DecodeError, EncodeError
from zmqwork.wire.values import decode_value, encode_value

SUFFIX = "[]"

# Work in a chunk: a hundred times what handing it over costs, and no wait for a person.
CHUNK_SECONDS = 0.005
CHUNK_MAX = 4_096
# A chunk of large items ends here: a quarter of a frame, so that it interleaves with others.
CHUNK_BYTES = 64 * 1024
# A measured chunk says something about one that is this much longer.
_GROWTH = 4


def chunk_handler(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function ``(items, star=False) -> bytes`` that runs `function` for each item.

    With `star` each item is the list of arguments of a call, else the only argument. What comes
    back is read by `open_chunk`.
    """
    if inspect.iscoroutinefunction(function):

        async def run_chunk_async(items: list[Any], star: bool = False) -> bytes:
            done = _Done()
            rest = iter(items)
            for item in rest:
                try:
                    done.values.append(await (function(*item) if star else function(item)))
                # (A CancelledError is for the chunk: its producer wants none of it any more.)
                except (Exception, SystemExit) as error:  # noqa: BLE001 - as in `invoke`
                    done.fail(error)
            return done.encoded()

        return run_chunk_async

    def run_chunk(items: list[Any], star: bool = False) -> bytes:
        done = _Done()
        rest = iter(items)
        while True:
            try:
                done.run(function, rest, star=star)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - as in `invoke`
                done.fail(error)
            else:
                return done.encoded()

    return run_chunk


class _Done:
    """What has come out of a chunk so far: a value per item, None where it failed."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.failures: list[list[Any]] = []
        self._begun_at = time.perf_counter()

    def run(self, function: Callable[..., Any], rest: Iterator[Any], *, star: bool) -> None:
        """Run the items up to the end, or to the first that raises: that one is consumed."""
        append = self.values.append
        if star:
            for item in rest:
                append(function(*item))
        else:
            for item in rest:
                append(function(item))

    def fail(self, error: BaseException) -> None:
        """The item after the last value raised this."""
        self.failures.append([len(self.values), _record(_without_own_frames(error))])
        self.values.append(None)

    def encoded(self) -> bytes:
        """Everything as bytes; a value that cannot travel is its item's failure, and final."""
        seconds = time.perf_counter() - self._begun_at
        try:
            return encode_value([seconds, self.values, self.failures])
        except EncodeError:
            for index, value in enumerate(self.values):
                try:
                    encode_value(value)
                except EncodeError as error:
                    self.values[index] = None
                    self.failures.append([index, _record(error, final=True)])
        return encode_value([seconds, self.values, self.failures])


def _record(error: BaseException, *, final: bool = False) -> dict[str, Any]:
    # Only workers run chunks; whoever maps has no use for what this imports.
    from zmqwork.execution.invoke import error_record  # noqa: PLC0415

    return error_record(error, final=final)


def _without_own_frames(error: BaseException) -> BaseException:
    """Let the traceback begin at the handler: what stands above it is not the user's business."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return error.with_traceback(trace or error.__traceback__)


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


def chunk_name(name: str) -> str:
    """The name of the handler that takes chunks of the task with this name."""
    return name + SUFFIX
