"""A handler that is a generator: what it yields goes to whoever reads it, one by one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from types import AsyncGeneratorType, GeneratorType
from typing import Any

from zmqwork.errors import EncodeError, SoftTimeout
from zmqwork.execution.context import Item
from zmqwork.execution.retry import Reject
from zmqwork.execution.speech import Speech, speech_of, voice

GENERATORS = (GeneratorType, AsyncGeneratorType)


def run_through(generator: GeneratorType[Any, Any, Any], item: Item) -> Any:
    """Run a generator to its end, as far as it is wanted; what it returns.

    A value that cannot travel, and a soft time-out, are raised where it has yielded.
    """
    speech = _speech(item)
    go_on: Callable[[], Any] = partial(next, generator)
    try:
        while True:
            try:
                speech.give(go_on())
                if speech.room is not None and not speech.room.wait():
                    generator.close()
                    return None
                go_on = partial(next, generator)
            except (EncodeError, SoftTimeout) as error:
                if generator.gi_frame is None:
                    raise  # it comes out of it
                go_on = partial(generator.throw, error)
    except StopIteration as end:
        return end.value


async def run_through_async(generator: AsyncGeneratorType[Any, Any], item: Item) -> None:
    """As `run_through`, for those with ``async``, which return nothing."""
    from asyncio import CancelledError  # noqa: PLC0415 - whoever awaits has loaded it

    speech = _speech(item)
    go_on: Callable[[], Awaitable[Any]] = partial(anext, generator)
    try:
        while True:
            try:
                speech.give(await go_on())
                if speech.room is not None and not await speech.room.wait_async():
                    return
                go_on = partial(anext, generator)
            except (EncodeError, SoftTimeout, CancelledError) as error:
                if generator.ag_frame is None:
                    raise
                go_on = partial(generator.athrow, error)
    except StopAsyncIteration:
        return
    finally:
        await generator.aclose()


def _speech(item: Item) -> Speech:
    through = voice.get()
    if through is not None and not through.waits:
        raise Reject("generators need a pool in which they can wait for their reader, not inline")
    return speech_of(item, through)
