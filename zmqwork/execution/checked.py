"""A handler behind the check of its arguments, as workers call it: `validate=True`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from zmqwork.execution import helping, retry
from zmqwork.validation.calls import CallChecks


def checked(function: Callable[..., Any], checks: CallChecks) -> Callable[..., Any]:
    """The function that workers call in the place of this one: it raises `Refusal`, or calls it.

    What was declared of the function (`retry_when`, `allow_wait`) holds for that, too.
    """
    make = _checked_async if inspect.iscoroutinefunction(function) else _checked
    wrapped = make(function, checks)
    retry.share_condition(function, wrapped)
    helping.share_wait(function, wrapped)
    # What pools look at, to know how it is run.
    wrapped.__dict__["innermost"] = getattr(function, "innermost", function)
    return wrapped


def _checked(function: Callable[..., Any], checks: CallChecks) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        taken, named = checks.take(args, kwargs)
        return function(*taken, **named)

    return run


def _checked_async(function: Callable[..., Any], checks: CallChecks) -> Callable[..., Any]:
    async def run(*args: Any, **kwargs: Any) -> Any:
        taken, named = checks.take(args, kwargs)
        return await function(*taken, **named)

    return run
