"""A handler inside of the middleware of its app, as workers call it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from zmqwork.execution import helping, retry
from zmqwork.execution.context import Context, current

Call = Callable[[tuple[Any, ...], dict[str, Any]], Any]


class Layer(Protocol):
    """What stands around handlers; `zmqwork.Middleware` is one."""

    def run(
        self, call_next: Call, context: Context, args: tuple[Any, ...], kwargs: dict[str, Any], /
    ) -> Any:
        """Around a plain function."""

    async def run_async(
        self, call_next: Call, context: Context, args: tuple[Any, ...], kwargs: dict[str, Any], /
    ) -> Any:
        """Around a coroutine function."""


def inside(function: Callable[..., Any], layers: Sequence[Layer]) -> Callable[..., Any]:
    """The function that workers call in the place of this one; the first layer is the outermost.

    What was declared of the function (`retry_when`, `allow_wait`) holds for that, too.
    """
    make = _around_async if inspect.iscoroutinefunction(function) else _around
    wrapped = make(function, layers)
    retry.share_condition(function, wrapped)
    helping.share_wait(function, wrapped)
    wrapped.__dict__["innermost"] = function  # what pools look at, to know how it is run
    return wrapped


def _around(function: Callable[..., Any], layers: Sequence[Layer]) -> Callable[..., Any]:
    def innermost(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return function(*args, **kwargs)

    def around(layer: Layer, call_next: Call) -> Call:
        return lambda args, kwargs: layer.run(call_next, current(), args, kwargs)

    chain: Call = innermost
    for layer in reversed(layers):
        chain = around(layer, chain)

    def run(*args: Any, **kwargs: Any) -> Any:
        return chain(args, kwargs)

    return run


def _around_async(function: Callable[..., Any], layers: Sequence[Layer]) -> Callable[..., Any]:
    async def innermost(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return await function(*args, **kwargs)

    def around(layer: Layer, call_next: Call) -> Callable[..., Awaitable[Any]]:
        return lambda args, kwargs: layer.run_async(call_next, current(), args, kwargs)

    chain: Call = innermost
    for layer in reversed(layers):
        chain = around(layer, chain)

    async def run(*args: Any, **kwargs: Any) -> Any:
        return await chain(args, kwargs)

    return run
