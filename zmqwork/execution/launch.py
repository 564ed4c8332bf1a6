"""What the children of a pool are made from."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from zmqwork.errors import UsageError
from zmqwork.execution import logs
from zmqwork.execution.handlers import MAIN_NAMES, HandlerRef
from zmqwork.execution.interpreter import Launched, search_path, start, take_early
from zmqwork.execution.wear import UNLIMITED, Limits
from zmqwork.queues import ALL_QUEUES, Queues
from zmqwork.wire.channel import SETUP, pack_message


@dataclass(frozen=True, slots=True)
class Recipe:
    """What all children of a pool are made from.

    Attributes:
        handlers: what they import.
        allow: patterns of the functions that they import when asked to.
        initializer: a function to call first, by name, and its encoded arguments.
        home: as `context.home`.
        queues: those that the worker serves.
        limits: when a child is replaced.
        setup: the frame that tells a child what to import.

    Raises:
        UsageError: a child cannot import the module that this process was started with.
    """

    handlers: Sequence[HandlerRef]
    allow: tuple[str, ...] = ()
    initializer: tuple[str, bytes] | None = None
    home: dict[str, Any] | None = None
    queues: Queues = ALL_QUEUES
    limits: Limits = UNLIMITED
    setup: bytes = field(init=False)

    def __post_init__(self) -> None:
        main = _main_module() if any(ref.module in MAIN_NAMES for ref in self.handlers) else None
        content: dict[str, Any] = {
            "argv": [os.fsencode(argument) for argument in sys.argv],
            "main": main,
            "handlers": [[ref.name, ref.module, ref.qualname] for ref in self.handlers],
            "allow": list(self.allow),
            "initializer": self.initializer,
            "home": self.home,
            "log": logs.chosen,
            "queues": [list(self.queues.names), list(self.queues.excluded)],
            "limits": list(self.limits),
            "path": [os.fsencode(item) for item in search_path()],
        }
        object.__setattr__(self, "setup", pack_message(SETUP, content))

    def launch(self) -> Launched:
        """Start a child, to which `setup` is to be sent; see `interpreter.start`."""
        return take_early() or start(search_path())


def _main_module() -> list[str]:
    """How to import again what this process was started with: ["name" or "path", which]."""
    module = sys.modules["__main__"]
    spec = getattr(module, "__spec__", None)
    path = getattr(module, "__file__", None)
    # For a directory or an archive the name is no more than that.
    if spec is not None and spec.name not in MAIN_NAMES:
        return ["name", spec.name]
    if isinstance(path, str) and os.path.isfile(path):  # noqa: PTH113  # not worth importing pathlib
        return ["path", os.path.abspath(path)]  # noqa: PTH100
    raise UsageError(
        "child processes cannot import the module that this one was started with (there is no "
        'file of it): move the tasks into a module, or use pool="thread"'
    )
