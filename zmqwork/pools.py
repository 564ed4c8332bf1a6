"""From the tasks of an app to a pool that runs them."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from zmqwork.chunks import chunk_name
from zmqwork.config import check_number
from zmqwork.errors import ConfigError, UsageError
from zmqwork.execution.functions import with_allowed
from zmqwork.execution.handlers import HandlerRef
from zmqwork.execution.wear import UNLIMITED, Limits
from zmqwork.queues import ALL_QUEUES, Queues

if TYPE_CHECKING:
    from zmqwork.execution.pool import Pool
    from zmqwork.task import Task

Tasks = Mapping[str, "Task[..., Any]"]
PoolName = Literal["process", "thread", "asyncio", "inline"]
_NAMES = ("process", "thread", "asyncio", "inline")

# Slots without a word from the user. Threads: as many as the standard library's executor starts;
# coroutines: they wait most of the time, and cost kilobytes.
_THREADS_BEYOND = 4
_THREADS_MAX = 32
_COROUTINES = 100
_SLOTS_MAX = 10_000


def make_pool(
    name: str,
    concurrency: int | None,
    tasks: Tasks,
    *,
    allow: tuple[str, ...] = (),
    initializer: tuple[str, bytes] | None = None,
    home: dict[str, Any] | None = None,
    queues: Queues = ALL_QUEUES,
    limits: Limits = UNLIMITED,
) -> Pool:
    """A pool that is not started.

    Args:
        name: which.
        concurrency: its slots; None: as many as are usual.
        tasks: what it runs.
        allow: patterns of the functions that it runs, too.
        initializer: for child processes: what each calls first, by name, and encoded arguments.
        home: for child processes: how the tasks that tasks submit find workers.
        queues: those that the worker serves.
        limits: of child processes: when they are replaced.

    Raises:
        ConfigError: no such pool, or it cannot have that many slots.
        UsageError: child processes cannot find one of the tasks.
    """
    if name not in _NAMES:
        near = difflib.get_close_matches(str(name), _NAMES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(_NAMES)}"
        raise ConfigError(f"there is no pool {name!r}: {hint}")
    slots = _slots(name, concurrency)
    # Each kind of pool brings modules that the others do not need.
    if name == "process":
        from zmqwork.execution.process import ProcessPool  # noqa: PLC0415

        return ProcessPool(
            slots,
            references(tasks),
            allow=allow,
            initializer=initializer,
            home=home,
            queues=queues,
            limits=limits,
        )
    if any(limits):
        raise ConfigError(
            "max_tasks_per_child and max_memory_per_child replace child processes: they need "
            f"pool='process', not {name!r}"
        )
    handlers = with_allowed(_handlers(tasks), allow)
    if name == "asyncio":
        from zmqwork.execution.coroutines import CoroutinePool  # noqa: PLC0415

        return CoroutinePool(slots, handlers, queues)
    if name == "thread":
        from zmqwork.execution.thread import ThreadPool  # noqa: PLC0415

        return ThreadPool(slots, handlers, queues)
    from zmqwork.execution.inline import InlinePool  # noqa: PLC0415

    return InlinePool(handlers)


def processors() -> int:
    """The processors that this process may use."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    return found or os.cpu_count() or 1


def _slots(name: str, concurrency: int | None) -> int:
    if concurrency is None:
        processes = processors()
        threads = min(_THREADS_MAX, processes + _THREADS_BEYOND)
        return {"process": processes, "thread": threads, "asyncio": _COROUTINES}.get(name, 1)
    check_number("concurrency", concurrency, 1, _SLOTS_MAX)
    if not isinstance(concurrency, int):
        raise ConfigError(f"concurrency must be a whole number, not {concurrency!r}")
    if name == "inline" and concurrency != 1:
        raise ConfigError("pool='inline' runs one task at a time: concurrency must be 1")
    return concurrency


def _handlers(tasks: Tasks) -> dict[str, Callable[..., Any]]:
    handlers: dict[str, Callable[..., Any]] = {}
    for name, task in tasks.items():
        handlers[name] = task.served
        handlers[chunk_name(name)] = task.chunk_handler
    return handlers


def references(tasks: Tasks) -> list[HandlerRef]:
    """How child processes find the handlers of these tasks, and those of their chunks.

    Raises:
        UsageError: one cannot be found by importing its module.
    """
    found: list[HandlerRef] = []
    for name, task in tasks.items():
        module, path = _place(task)
        found.append(HandlerRef(name, module, path))
        found.append(HandlerRef(chunk_name(name), module, f"{path}.chunk_handler"))
    return found


def _place(task: Task[..., Any]) -> tuple[str, str]:
    """The module and the dotted path under which the task itself is found."""
    reference = HandlerRef.of(task.name, task.handler)
    if _look_up(reference.module, reference.qualname) is task:
        return reference.module, reference.qualname
    # Made of a function that goes by its own name: ``tokenise = app.task(name="t")(other.split)``.
    for module_name, module in list(sys.modules.items()):
        for attribute, value in list(getattr(module, "__dict__", {}).items()):
            if value is task:
                return module_name, attribute
    raise UsageError(
        f"task {task.name!r} is bound to no name at the top level of a module, so a child process "
        'cannot find it. Bind it to one (tokenise = app.task(split)), or use pool="thread"'
    )


def _look_up(module_name: str, path: str) -> object:
    found: object = sys.modules.get(module_name)
    for part in path.split("."):
        found = getattr(found, part, None)
    return found
