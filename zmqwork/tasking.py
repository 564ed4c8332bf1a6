"""The part of `App` that makes tasks of functions."""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Coroutine,
    Generator,
    Iterator,
    Mapping,
)
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack, overload

from zmqwork.config import check_boolean, check_options
from zmqwork.definition import check_task_name, declare, origin, place, stand_side_by_side
from zmqwork.errors import ConfigError, UsageError
from zmqwork.fallback import Fallback, fallback_of
from zmqwork.middleware import Layers
from zmqwork.options import TASK_OPTION_NAMES, TaskOptions
from zmqwork.producers import Producers
from zmqwork.signature import refuse_what_cannot_run
from zmqwork.task import AsyncTask, Options, StreamTask, Task, TaskDecorator, task_kind
from zmqwork.validation.needs import need_msgspec

if TYPE_CHECKING:
    from zmqwork.execution.retry import RetryWhen

P = ParamSpec("P")
R = TypeVar("R")
Y = TypeVar("Y")


class Tasking:
    """What an `App` has of it."""

    name: str
    layers: Layers
    _validate: bool
    _tasks: dict[str, Task[..., Any]]
    _producers: Producers

    @property
    def tasks(self) -> Mapping[str, Task[..., Any]]:
        """The app's tasks by name."""
        return MappingProxyType(self._tasks)

    @overload
    def task(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...

    @overload
    def task(  # type: ignore[overload-overlap] # the more exact one comes first
        self, function: Callable[P, Generator[Y, Any, R]], /
    ) -> StreamTask[P, Y, R]: ...

    @overload
    def task(
        self, function: Callable[P, Iterator[Y] | AsyncIterator[Y]], /
    ) -> StreamTask[P, Y, None]: ...

    @overload
    def task(self, function: Callable[P, R], /) -> Task[P, R]: ...

    @overload
    def task(
        self,
        function: None = None,
        /,
        *,
        name: str | None = None,
        allow_wait: bool = False,
        retry_when: RetryWhen | None = None,
        fallback: Callable[..., Any] | None = None,
        fallback_on: type[BaseException] | Collection[type[BaseException]] = Exception,
        validate: bool | None = None,
        **options: Unpack[Options],
    ) -> TaskDecorator: ...

    def task(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        name: str | None = None,
        allow_wait: bool = False,
        retry_when: RetryWhen | None = None,
        fallback: Callable[..., Any] | None = None,
        fallback_on: type[BaseException] | Collection[type[BaseException]] = Exception,
        validate: bool | None = None,
        **options: Unpack[Options],
    ) -> Any:
        """Make a function a task: ``@app.task`` or ``@app.task(max_retries=5)``.

        A module that is reloaded, or a notebook's cell that is run again, replaces its tasks. Two
        functions of one name in one module are refused, as is a name of another module's task.

        Args:
            function: what a worker runs: a function, an ``async def``, or a generator of either
                kind, whose futures stream what it yields.
            name: how workers know it; the function's qualified name if it is not given.
            allow_wait: the function may wait for tasks that it submits. It lends its slot to them:
                what nobody has begun yet runs in its place (to its end, whatever the time-out of
                `result`). For plain functions, and not in the inline pool.
            retry_when: asked on the worker with what the function raised, and the number of the
                attempt (from 1): whether another one is worth it. Only if the options allow it.
            fallback: another task, or a plain function that is called in the submitting process,
                in whose hands the call is when this task's attempts are used up; see
                `TaskFuture.degraded`.
            fallback_on: after which exceptions: those of `result`, or what the handler raised.
            validate: check the arguments of each call against the function's annotations, when it
                is submitted and where it runs; None: as the app says. See docs/validation.md.
            **options: see `options.TaskOptions`: `queue`, `priority`, `max_retries`,
                `retry_backoff`, `retry_for`, `countdown`, `expires` and others.

        Raises:
            ConfigError: an option is unknown (the nearest is named) or has a wrong value, or the
                name is taken; or `validate` needs what is not installed.
            UsageError: it is nothing that a worker can run.
        """
        what = name or getattr(function, "__qualname__", None)
        check_options(f"task {what!r}" if what else "a task", options, TASK_OPTION_NAMES)
        checked = TaskOptions(**options)
        instead = None if fallback is None else fallback_of(fallback, fallback_on)
        if name is not None:
            check_task_name(name)
        validates = self._validate if validate is None else validate
        check_boolean("validate", validates)
        if validate and not self._validate:
            need_msgspec(f"task {what!r}" if what else "a task")

        def decorate(decorated: Callable[..., Any]) -> Task[..., Any]:
            declare(decorated, allow_wait=allow_wait, retry_when=retry_when)
            return self._add(decorated, name, checked, instead, validates)

        return decorate if function is None else decorate(function)

    def _add(
        self,
        function: Callable[..., Any],
        name: str | None,
        options: TaskOptions,
        fallback: Fallback | None,
        validate: bool,
    ) -> Task[..., Any]:
        if isinstance(function, Task):
            raise UsageError(f"{function!r} is a task already; for other options: .using(...)")
        refuse_what_cannot_run(function)
        if name is None:
            name = getattr(function, "__qualname__", None)
            if name is None:
                raise UsageError(f"{function!r} has no name of its own: pass name='...'")
            check_task_name(name)
        there = self._tasks.get(name)
        if there is not None and (
            origin(there.handler) != origin(function) or stand_side_by_side(there.handler, function)
        ):
            raise ConfigError(
                f"app {self.name!r} has a task {name!r} already ({place(there.handler)}): give the "
                f"other one ({place(function)}) another name, or pass name='...'"
            )
        kind = task_kind(function)
        task: Task[..., Any] = kind(
            function, name, options, self._producers, fallback, validate=validate
        )
        self.layers.stand_around(task)
        self._tasks[name] = task
        return task
