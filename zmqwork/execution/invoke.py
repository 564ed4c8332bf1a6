"""One call of a handler. The one place of the program that catches whatever user code raises."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Coroutine
from types import AsyncGeneratorType, CoroutineType, TracebackType
from typing import Any

from zmqwork.errors import ArgumentError, DecodeError, EncodeError, SoftTimeout, name_of
from zmqwork.execution.context import Item, running
from zmqwork.execution.retry import verdict
from zmqwork.execution.yielding import GENERATORS, run_through, run_through_async
from zmqwork.validation.refusal import Refusal
from zmqwork.wire.values import decode_call, encode_value

# What travels of a failure, in bytes; the wire's strings are bounded, too.
_TYPE_BYTES_MAX = 256
_TEXT_BYTES_MAX = 4 * 1024
_TRACEBACK_BYTES_MAX = 32 * 1024

# Frames of these modules, above the handler's, say nothing about it.
_OURS = ("zmqwork.execution.", "zmqwork.chunks", "asyncio.")


class Told(Exception):  # it names a kind of failure, and is seen by no user
    """A failure that its text says in full: neither traceback nor module travels with it."""


# What comes back of a task whose result is ignored: None.
NOTHING = encode_value(None)

Outcome = tuple[bool, Any]  # (True, encoded value) or (False, error)
Finish = Callable[[Coroutine[Any, Any, Any]], Any]


def run(handler: Callable[..., Any], item: Item, finish: Finish) -> Outcome:
    """Call `handler` for an attempt: (True, encoded value) or (False, error).

    The error is a dict as in `messages.Failure`: ``type``, ``text``, ``traceback``, and what
    `retry.verdict` says besides.

    Args:
        handler: a function, or an ``async def``.
        item: the attempt.
        finish: runs the coroutine that the handler may return.
    """
    running.set(item)
    ours = True
    try:
        args, kwargs = decode_call(item.args)
        ours = False
        value = handler(*args, **kwargs) if kwargs else handler(*args)
        kind = type(value)
        if kind is CoroutineType:
            value = finish(value)
        elif kind in GENERATORS and "stream" in item.options:
            value = _stream(value, item, finish)
        ours = True
        return True, NOTHING if "ignore_result" in item.options else encode_value(value)
    except BaseException as error:  # noqa: BLE001  # a handler may raise anything, even SystemExit
        return False, _outside(handler, error) if ours else failure(handler, error)
    finally:
        running.set(None)
        if item.speech is not None:
            item.speech.flush()  # what it has said goes before its outcome


def _stream(generator: Any, item: Item, finish: Finish) -> Any:
    if type(generator) is AsyncGeneratorType:
        return finish(run_through_async(generator, item))
    return run_through(generator, item)


async def run_async(
    handler: Callable[..., Any],
    item: Item,
    finish: Callable[[Coroutine[Any, Any, Any]], Awaitable[Any]] | None = None,
) -> Outcome:
    """As `run`, inside a running event loop; `finish` may stand around the handler's coroutine."""
    running.set(item)
    ours = True
    try:
        args, kwargs = decode_call(item.args)
        ours = False
        coroutine = handler(*args, **kwargs)
        if type(coroutine) is AsyncGeneratorType and "stream" in item.options:
            coroutine = run_through_async(coroutine, item)
        value = await (coroutine if finish is None else finish(coroutine))
        ours = True
        return True, NOTHING if "ignore_result" in item.options else encode_value(value)
    except BaseException as error:
        if isinstance(error, GeneratorExit) and not _has_running_loop():
            raise  # not the handler's: the event loop is gone, and this coroutine is closed
        return False, _outside(handler, error) if ours else failure(handler, error)
    finally:
        running.set(None)
        if item.speech is not None:
            item.speech.flush()  # what it has said goes before its outcome


def missing(name: str) -> Outcome:
    """The outcome of a task that is not known here after all."""
    error = {"type": "UnknownTask", "text": f"this worker has no task {name!r}", "final": True}
    return False, error


def failure(handler: Callable[..., Any], error: BaseException) -> dict[str, Any]:
    """What is told of an exception of the handler's own, its consequences included."""
    if isinstance(error, Refusal):
        return error_record(error)
    told, said = verdict(handler, error)
    if isinstance(told, EncodeError):
        said["final"] = True  # what it yields, or submits, would be the same again
    return {**error_record(told), **said}


def error_record(error: BaseException, *, final: bool = False) -> dict[str, Any]:
    """An exception as text, however hostile it is.

    Args:
        error: what was raised.
        final: a retry would raise it again.
    """
    if isinstance(error, Refusal):
        return _refusal_record(error)
    record: dict[str, Any] = {
        "type": _cut(_type_name(error), _TYPE_BYTES_MAX),
        "text": _cut(_text(error), _TEXT_BYTES_MAX),
        "traceback": ""
        if isinstance(error, Told)
        else _cut(_traceback(error), _TRACEBACK_BYTES_MAX),
    }
    if final:
        record["final"] = True
    return record


def _refusal_record(error: Refusal) -> dict[str, Any]:
    return {
        "type": name_of(ArgumentError),
        "text": _cut(str(error), _TEXT_BYTES_MAX),
        "traceback": "",
        "final": True,
        "argument": _cut(error.argument, _TYPE_BYTES_MAX),
    }


def _has_running_loop() -> bool:
    import asyncio  # noqa: PLC0415  # whoever runs coroutines has it; others need not load it

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _outside(handler: Callable[..., Any], error: BaseException) -> dict[str, Any]:
    """What is told of an exception before the handler, or after it.

    Arguments that cannot be read and results that cannot be written stay so.
    """
    for late in (error, error.__cause__, error.__context__):
        if isinstance(late, SoftTimeout):  # raised from outside, while they were read or written
            return failure(handler, late)
    return error_record(error, final=isinstance(error, EncodeError | DecodeError))


def _type_name(error: BaseException) -> str:
    return type(error).__qualname__ if isinstance(error, Told) else name_of(type(error))


def _text(error: BaseException) -> str:
    try:
        if isinstance(error, SystemExit):
            return f"the handler called sys.exit({error.code!r})"
        return str(error)
    except BaseException as second:  # noqa: BLE001  # __str__ is user code
        return f"(its text cannot be had: {type(second).__name__})"


def _traceback(error: BaseException) -> str:
    try:
        lines = traceback.format_exception(type(error), error, _from_handler(error.__traceback__))
        return "".join(lines)
    except BaseException as second:  # noqa: BLE001  # it formats user objects
        return f"(no traceback: {type(second).__name__})"


def _from_handler(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames above the handler's; all of them if it was never called."""
    while trace is not None and _is_ours(trace):
        trace = trace.tb_next
    return trace


def _is_ours(trace: TracebackType) -> bool:
    return str(trace.tb_frame.f_globals.get("__name__")).startswith(_OURS)


def _cut(text: str, size_max: int) -> str:
    # Lone surrogates cannot travel as UTF-8.
    data = text.encode("utf-8", "backslashreplace")
    if len(data) <= size_max:
        return data.decode("utf-8")
    mark = f"\n[... {len(data) - size_max} bytes left out ...]\n"
    half = (size_max - len(mark)) // 2
    # What is cut through in the middle is left out, too.
    first, last = data[:half].decode("utf-8", "ignore"), data[-half:].decode("utf-8", "ignore")
    return f"{first}{mark}{last}"
