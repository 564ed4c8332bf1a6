"""Which function runs a task, here and in another process."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from zmqwork.errors import UsageError

Handlers = Mapping[str, Callable[..., Any]]

# Under these names the module is known that the interpreter was started with; the second one is
# what it is called in children of multiprocessing, and in ours.
MAIN_NAMES = ("__main__", "__mp_main__")


@dataclass(frozen=True, slots=True)
class HandlerRef:
    """A task's handler as a child process finds it: by importing its module.

    Attributes:
        name: the task's name.
        module: the module that defines it; ``__main__`` is imported again as by multiprocessing.
        qualname: the way to it inside the module.
    """

    name: str
    module: str
    qualname: str

    @classmethod
    def of(cls, name: str, function: Callable[..., Any], suffix: str = "") -> HandlerRef:
        """The reference to a task's function; `suffix` leads on from there.

        Raises:
            UsageError: another process cannot find it, because it is local or a lambda.
        """
        qualname = getattr(function, "__qualname__", "")
        module = getattr(function, "__module__", "")
        if not module or not qualname or "<" in qualname:
            raise UsageError(
                f"task {name!r} ({qualname or function!r}) is defined inside a function: a child "
                "process cannot import it. Define it at the top level of a module, or use "
                'pool="thread"'
            )
        return cls(name, module, qualname + suffix)

    def resolve(self) -> Callable[..., Any]:
        """Import it.

        Raises:
            UsageError: there is no such thing in that module, or it cannot be called.
        """
        module = sys.modules.get(self.module) or importlib.import_module(self.module)
        found: Any = module
        for part in self.qualname.split("."):
            try:
                found = getattr(found, part)
            except AttributeError:
                raise UsageError(
                    f"task {self.name!r}: module {self.module!r} has no {self.qualname!r} when "
                    "it is imported again (is it defined under a condition?)"
                ) from None
        # A decorated function is a Task, which carries the raw one.
        handler = getattr(found, "handler", found)
        if handler is not found:
            handler = getattr(found, "served", handler)  # with the middleware of its app
        if not callable(handler):
            raise UsageError(f"task {self.name!r}: {self.module}.{self.qualname} is no function")
        resolved: Callable[..., Any] = handler
        return resolved
