"""A task's name and place, and whether a definition is another one or the same one again.

A module that is reloaded, and a notebook's cell that is run again, define their tasks anew under
the same names: that replaces them. Two functions of one name in one module are a mistake, of which
Python itself says nothing: the second would take the place of the first. What tells them apart is
the code that is being run: Python compiles the text of a module as a whole, so two functions of one
text are parts of one code object, while a text that is read again gives new ones.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import CodeType
from typing import TYPE_CHECKING, Any

from zmqwork.chunks import SUFFIX
from zmqwork.config import NAME_BYTES_MAX, check_name
from zmqwork.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from zmqwork.execution.retry import RetryWhen


def check_task_name(name: str) -> None:
    """Raise `ConfigError` unless a task can have this name."""
    check_name("a task's name", name)
    if name.endswith(SUFFIX):
        raise ConfigError(f"a task's name cannot end with {SUFFIX!r}, which means chunks: {name!r}")
    if len(name.encode()) + len(SUFFIX) > NAME_BYTES_MAX:
        most = NAME_BYTES_MAX - len(SUFFIX)
        raise ConfigError(f"a task's name must be at most {most} bytes: {name!r}")


def declare(
    function: Callable[..., Any], *, allow_wait: bool, retry_when: RetryWhen | None
) -> None:
    """Tell the process that may run this function what was said where it was made a task.

    Raises:
        ConfigError: `retry_when` cannot be called.
        UsageError: it is no plain function, and may not wait.
    """
    if retry_when is not None:
        if not callable(retry_when):
            raise ConfigError(f"retry_when is a function of an exception, not {retry_when!r}")
        from zmqwork.execution.retry import set_condition  # noqa: PLC0415 - few tasks need it

        set_condition(function, retry_when)
    if allow_wait:
        if inspect.iscoroutinefunction(function):
            raise UsageError(
                f"allow_wait is for plain functions: what {function.__qualname__} would wait for "
                "could not run in its event loop"
            )
        from zmqwork.execution import helping  # noqa: PLC0415 - few tasks need it

        helping.allow_wait(function)


def origin(function: Callable[..., Any]) -> tuple[str, str]:
    """The module and the qualified name of a function."""
    return getattr(function, "__module__", ""), getattr(function, "__qualname__", repr(function))


def place(function: Callable[..., Any]) -> str:
    """What a person finds a function by: its dotted name, and its file and line if it has some."""
    name = ".".join(origin(function))
    code = _code(function)
    return name if code is None else f"{name}, {code.co_filename}:{code.co_firstlineno}"


def stand_side_by_side(earlier: Callable[..., Any], later: Callable[..., Any]) -> bool:
    """Whether `later`, which is being defined, stands in one text with `earlier`, and is not it."""
    code = _code(earlier)
    if code is None or code is _code(later):
        return False
    frame = inspect.currentframe()
    while frame is not None:
        if _contains(frame.f_code, code):
            return True
        frame = frame.f_back
    return False


def _code(function: Callable[..., Any]) -> CodeType | None:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code if isinstance(code, CodeType) else None


def _contains(outer: CodeType, code: CodeType) -> bool:
    # By identity: equal code objects are what a second reading of the same text gives.
    inner = [part for part in outer.co_consts if isinstance(part, CodeType)]
    return any(part is code or _contains(part, code) for part in inner)
