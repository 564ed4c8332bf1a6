"""The worker's side of `zmqwork.chunks`: a handler that calls another for each item."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator
from itertools import starmap
from typing import Any

from zmqwork.errors import EncodeError
from zmqwork.wire.values import encode_value

SUFFIX = "[]"


def chunk_name(name: str) -> str:
    """The name of the handler that takes chunks of the task with this name."""
    return name + SUFFIX


def chunk_handler(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function ``(items, star=False) -> bytes`` that runs `function` for each item.

    With `star` each item is the list of arguments of a call, else the only argument. What comes
    back is read by `open_chunk`.
    """
    if inspect.iscoroutinefunction(function):

        async def run_chunk_async(items: list[Any], star: bool = False) -> bytes:
            done = _Done(function)
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
        done = _Done(function)
        rest = iter(items)
        while True:
            try:
                done.run(rest, star=star)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - as in `invoke`
                done.fail(error)
                continue
            if len(done.values) == len(items):
                return done.encoded()
            # `map` takes for its end what the function raised. (Where it did is not known then.)
            done.fail(StopIteration("raised by the function"))

    return run_chunk


class _Done:
    """What has come out of a chunk so far: a value per item, None where it failed."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.values: list[Any] = []
        self.failures: list[list[Any]] = []
        self._begun_at = time.perf_counter()

    def run(self, rest: Iterator[Any], *, star: bool) -> None:
        """Run the items up to the end, or to the first that raises: that one is consumed."""
        # No loop of ours, which would cost more than a short handler. (A list keeps what it was
        # extended by before an item raised.)
        self.values.extend(starmap(self._function, rest) if star else map(self._function, rest))

    def fail(self, error: BaseException) -> None:
        """The item after the last value raised this."""
        # Only workers run chunks; whoever maps has no use for what this imports.
        from zmqwork.execution.invoke import failure  # noqa: PLC0415

        record = failure(self._function, _without_own_frames(error))
        self.failures.append([len(self.values), record])
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
                    self.failures.append([index, _final(error)])
        return encode_value([seconds, self.values, self.failures])


def _final(error: EncodeError) -> dict[str, Any]:
    from zmqwork.execution.invoke import error_record  # noqa: PLC0415

    return error_record(error, final=True)


def _without_own_frames(error: BaseException) -> BaseException:
    """Let the traceback begin at the handler: what stands above it is not the user's business."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return error.with_traceback(trace or error.__traceback__)
