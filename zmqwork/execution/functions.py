"""Functions that a worker runs without an app: allowed by pattern, found by name, never sent.

A function is called ``module:qualified.name``. The module that the interpreter was started with is
``__main__`` here and cannot be imported elsewhere by that: it goes by its own name.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from zmqwork.core.functions import SEPARATOR, allows
from zmqwork.errors import UsageError
from zmqwork.execution.chunks import SUFFIX, chunk_handler
from zmqwork.execution.context import while_importing
from zmqwork.execution.handlers import MAIN_NAMES, Handlers

# Functions kept at hand; more are found again.
_FOUND_MAX = 4096


def main_name() -> str:
    """By what name others can import this program's main module; empty: by none."""
    module = sys.modules.get("__main__")
    spec = getattr(module, "__spec__", None)
    path = getattr(module, "__file__", None)
    # (For a directory or an archive it is no more than "__main__".)
    if spec is not None and spec.name not in MAIN_NAMES:
        return str(spec.name)
    if isinstance(path, str) and os.path.isfile(path):  # noqa: PTH113  # not worth importing pathlib
        stem, _ = os.path.splitext(os.path.basename(path))  # noqa: PTH119, PTH122
        # A dot would make it a module of a package.
        return "" if stem in MAIN_NAMES or "." in stem else stem
    return ""


def find(name: str) -> Callable[..., Any]:
    """Import the function that travels under this name; whoever calls this has allowed it.

    Raises:
        UsageError: there is no such function here. What a module has imported from elsewhere is
            not its own: allowing ``pkg.*`` does not allow ``os.system`` because pkg imports os.
    """
    module_name, _, path = name.partition(SEPARATOR)
    module = _module(name, module_name)
    found: Any = module
    for part in path.split("."):
        try:
            found = getattr(found, part)
        # What is asked there may be user code (``__getattr__`` of a module), and raise anything.
        except BaseException as error:  # noqa: BLE001
            why = "" if isinstance(error, AttributeError) else f": {type(error).__name__}: {error}"
            raise UsageError(
                f"function {name!r}: module {module_name!r} has no {path!r} on this worker "
                f"({getattr(module, '__file__', 'built in')}){why}"
            ) from None
    owner, own_path = getattr(found, "__module__", None), getattr(found, "__qualname__", None)
    if (owner, own_path) != (module.__name__, path):
        raise UsageError(
            f"function {name!r} is not defined there, but is {owner}{SEPARATOR}{own_path}: "
            "it must be allowed, and sent, under that name"
        )
    # A decorated function is a Task, which carries the raw one.
    function: object = found
    if not isinstance(found, FunctionType | type):
        function = getattr(found, "handler", found)
    if not callable(function):
        raise UsageError(f"{name!r} is no function")
    return function


def _module(name: str, module_name: str) -> ModuleType:
    if module_name == main_name():
        return sys.modules["__main__"]
    try:
        with while_importing():
            return sys.modules.get(module_name) or importlib.import_module(module_name)
    # What stands in a user's module may raise anything, even SystemExit.
    except BaseException as error:
        raise UsageError(
            f"function {name!r}: its module cannot be imported on this worker "
            f"({type(error).__name__}: {error})"
        ) from error


class AllowedHandlers(Mapping[str, Callable[..., Any]]):
    """The handlers of an app's tasks, and functions that patterns allow: found when asked for."""

    def __init__(self, handlers: Handlers, patterns: tuple[str, ...]) -> None:
        self._handlers = handlers
        self._patterns = patterns
        # Bounded by _FOUND_MAX. Slots in threads may find one twice: it is the same one.
        self._found: dict[str, Callable[..., Any]] = {}

    def __getitem__(self, name: str) -> Callable[..., Any]:
        handler = self._handlers.get(name) or self._found.get(name)
        if handler is not None:
            return handler
        if not allows(self._patterns, name):
            raise KeyError(name)
        try:
            handler = find(name.removesuffix(SUFFIX))
        except UsageError as error:
            return _failing(error)  # not kept: what is wrong may be put right
        if name.endswith(SUFFIX):
            handler = chunk_handler(handler)
        if len(self._found) >= _FOUND_MAX:
            self._found.clear()
        self._found[name] = handler
        return handler

    def __contains__(self, name: object) -> bool:
        # Whether it can be imported is another question.
        return name in self._handlers or allows(self._patterns, str(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._handlers)

    def __len__(self) -> int:
        return len(self._handlers)


def _failing(error: UsageError) -> Callable[..., Any]:
    def fail(*args: object, **kwargs: object) -> None:
        del args, kwargs
        raise error

    return fail


def with_allowed(handlers: Handlers, patterns: tuple[str, ...]) -> Handlers:
    """These handlers, and the functions that the patterns allow, if there are any patterns."""
    return AllowedHandlers(handlers, patterns) if patterns else handlers
