"""Functions of a program as they travel: by module and name, never as code."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

from zmqwork.chunks import SUFFIX
from zmqwork.config import NAME_BYTES_MAX
from zmqwork.core.functions import SEPARATOR
from zmqwork.errors import UsageError
from zmqwork.execution.functions import main_name
from zmqwork.execution.handlers import MAIN_NAMES
from zmqwork.signature import refuse_generator, refuse_what_cannot_run

_CURE = "Define it with `def` at the top level of a module that the workers can import"


def function_name(function: Callable[..., Any]) -> str:
    """``module:qualified.name``, by which a worker imports a function.

    Raises:
        UsageError: it cannot be found by a name; the text says why, and what to do.
    """
    _refuse_what_has_no_name(function)
    refuse_what_cannot_run(function)
    refuse_generator(function, "return a list, or make it a task of an app")
    module, path = str(function.__module__), str(function.__qualname__)
    if path.rpartition(".")[2] == "<lambda>":
        raise UsageError(
            f"a lambda cannot travel: functions go by module and name, not as code. {_CURE}"
        )
    if "<locals>" in path:
        raise UsageError(
            f"{path} is defined inside another function, so nobody else can import it. {_CURE}, "
            "and pass as arguments what it took from around it"
        )
    if not _leads_to(module, path, function):
        raise UsageError(
            f"{module}.{path} is not the function that was passed (something else goes by that "
            f"name, or nothing), and a worker would run the wrong one. {_CURE}, under its own name"
        )
    if module in MAIN_NAMES:
        module = main_name()
        if not module:
            raise UsageError(
                f"{path} was defined in a program without a file (a notebook, a prompt, python "
                "-c), which no worker can import. Put it into a module, and import it from there"
            )
    name = f"{module}{SEPARATOR}{path}"
    if len(name.encode()) + len(SUFFIX) > NAME_BYTES_MAX:
        raise UsageError(f"{name!r} is too long a name: at most {NAME_BYTES_MAX} bytes travel")
    return name


def without_partial(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """The same call without `functools.partial`: the arguments in it travel like the others."""
    while isinstance(function, functools.partial):
        args, kwargs = (*function.args, *args), {**function.keywords, **kwargs}
        function = function.func
    return function, args, kwargs


def _refuse_what_has_no_name(function: object) -> None:
    if not callable(function):
        raise UsageError(f"only functions can be submitted, not {function!r}")
    owner = getattr(function, "__self__", None)
    if owner is not None and not isinstance(owner, type | ModuleType):
        raise UsageError(
            f"{getattr(function, '__qualname__', function)} is bound to an object of type "
            f"{type(owner).__name__}, which would have to travel along. Submit a function, and "
            "pass it what it needs of the object"
        )
    if not hasattr(function, "__qualname__") or not getattr(function, "__module__", None):
        raise UsageError(
            f"an object of type {type(function).__name__} cannot travel, though it can be called: "
            f"only functions and classes have a name to be imported by. {_CURE}"
        )


def _leads_to(module_name: str, path: str, function: object) -> bool:
    found: object = sys.modules.get(module_name)
    for part in path.split("."):
        found = getattr(found, part, None)
    # (A class method is a new object each time; a task stands in the place of its function.)
    same = found is function or (found == function and not isinstance(found, FunctionType))
    return same or getattr(found, "handler", None) is function
