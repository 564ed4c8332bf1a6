"""Middleware: code that stands around the submission of tasks, and around their handlers."""

from __future__ import annotations

import functools
import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from zmqwork.errors import ConfigError, UsageError
from zmqwork.task import Task

if TYPE_CHECKING:
    from zmqwork.execution.context import Context
    from zmqwork.future import TaskFuture
    from zmqwork.offering import Offer

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


class Submit(Protocol):
    """What a middleware's `submit` goes on with."""

    def __call__(self, task: Task[..., Any], args: Args, kwargs: Kwargs, /) -> TaskFuture[Any]:
        """Submit this task with these arguments."""


class Middleware:
    """What stands around tasks of an app; `App.add_middleware` takes one.

    Override what you need. Each method goes on with `call_next`, and may pass on other arguments,
    do something before and after, return something else, or raise.

    ::

        @app.middleware
        class Timed(zmqwork.Middleware):
            def run(self, call_next, context, args, kwargs):
                begun_at = time.perf_counter()
                try:
                    return call_next(args, kwargs)
                finally:
                    observe(context.name, time.perf_counter() - begun_at)
    """

    def submit(
        self, call_next: Submit, task: Task[..., Any], args: Args, kwargs: Kwargs
    ) -> TaskFuture[Any]:
        """Around `Task.submit` and `Task.asubmit`, in the thread that submits.

        It may pass on another task: ``task.using(queue="night")``. What it raises, `submit` raises.
        The future that comes back has no number (`id` ends in ``-0``) before its task is handed
        over: within `App.batch`, and of an `asubmit` that has to wait for room.
        """
        return call_next(task, args, kwargs)

    def run(
        self, call_next: Callable[[Args, Kwargs], Any], context: Context, args: Args, kwargs: Kwargs
    ) -> Any:
        """Around the handler of a task that is a plain function, where that runs.

        What it raises is the attempt's failure, as if the handler had raised it. Of a generator,
        also of an ``async`` one, `call_next` gives the generator: pass it on, or one around it.
        """
        del context
        return call_next(args, kwargs)

    async def run_async(
        self,
        call_next: Callable[[Args, Kwargs], Awaitable[Any]],
        context: Context,
        args: Args,
        kwargs: Kwargs,
    ) -> Any:
        """The same around an ``async def``, in its event loop."""
        del context
        return await call_next(args, kwargs)


class Layers:
    """The middleware of one app, the outermost first. Bounded by the program's text."""

    def __init__(self) -> None:
        self._all: list[Middleware] = []

    def add(self, middleware: Middleware, tasks: list[Task[..., Any]]) -> None:
        """Let it stand inside of what is there already, around these tasks and later ones.

        Raises:
            ConfigError: it stands around handlers of one kind, and there is a task of the other.
            UsageError: it is no middleware.
        """
        if not isinstance(middleware, Middleware):
            raise UsageError(f"{middleware!r} is no zmqwork.Middleware")
        for task in tasks:
            _check(middleware, task)
        self._all.append(middleware)
        for task in tasks:
            self.stand_around(task)

    def stand_around(self, task: Task[..., Any]) -> None:
        """Let all of them stand around this task. Raises `ConfigError` as `add`."""
        for middleware in self._all:
            _check(middleware, task)
        submitting = [layer for layer in self._all if _has(layer, "submit")]
        if submitting:
            task.__dict__["_submitting"] = submitting
            task.__dict__["_chain"] = _chain(submitting, _submit)
            kind: Any = type(task)
            if "_chain" not in vars(kind):
                task.__class__ = _layered(kind)
        running = [layer for layer in self._all if _has(layer, _method_for(task))]
        if running:
            from zmqwork.execution.layers import inside  # noqa: PLC0415 - few apps need it

            task.serve(inside(task.handler, running))


def _chain(layers: list[Middleware], innermost: Submit) -> Submit:
    chain = innermost
    for layer in reversed(layers):
        chain = functools.partial(layer.submit, chain)
    return chain


def _submit(task: Task[..., Any], args: Args, kwargs: Kwargs, /) -> TaskFuture[Any]:
    return Task.submit(task, *args, **kwargs)


class _Aside:
    """What one `asubmit` makes within middleware, which cannot wait for room: it goes on at once.

    What finds no room is put aside, and handed over behind it, before `asubmit` returns.
    """

    def __init__(self) -> None:
        self._offers: deque[Offer] = deque()  # bound: what the middleware of one call submits

    def submit(self, task: Task[..., Any], args: Args, kwargs: Kwargs, /) -> TaskFuture[Any]:
        """The innermost `call_next`."""
        encoded = task.encode(args, kwargs)
        producers = task.producers
        offer = (producers.current or producers.implicit()).offer(task.spec, encoded)
        # (What came later must not overtake what waits.)
        if self._offers or not offer.make():
            self._offers.append(offer)
        return offer.future

    async def hand_over(self) -> None:
        """Wait for room for what was put aside."""
        while self._offers:
            await self._offers[0].wait()
            self._offers.popleft()

    def give_up(self) -> None:
        """Nobody waits any more: what is left is not submitted."""
        for offer in self._offers:
            offer.give_up()


@functools.cache
def _layered(kind: Any) -> Any:
    """Tasks of this kind that are submitted through middleware; others do not even ask."""

    class Layered(kind):  # type: ignore[misc]
        _chain: Submit = staticmethod(_submit)
        _submitting: list[Middleware]

        def submit(self, *args: Any, **kwargs: Any) -> TaskFuture[Any]:
            return self._chain(self, args, kwargs)

        async def asubmit(self, *args: Any, **kwargs: Any) -> TaskFuture[Any]:
            aside = _Aside()
            try:
                future = _chain(self._submitting, aside.submit)(self, args, kwargs)
                await aside.hand_over()
            except BaseException:
                aside.give_up()
                raise
            return future

    Layered.__name__, Layered.__qualname__ = kind.__name__, kind.__qualname__
    Layered.__doc__ = kind.__doc__
    return Layered


def _method_for(task: Task[..., Any]) -> str:
    return "run_async" if inspect.iscoroutinefunction(task.handler) else "run"


def _has(middleware: Middleware, method: str) -> bool:
    return getattr(type(middleware), method) is not getattr(Middleware, method)


def _check(middleware: Middleware, task: Task[..., Any]) -> None:
    """Silently standing around one half of the tasks would be found out too late."""
    needed = _method_for(task)
    other = "run" if needed == "run_async" else "run_async"
    if _has(middleware, other) and not _has(middleware, needed):
        what = "an async def" if needed == "run_async" else "a plain function"
        raise ConfigError(
            f"middleware {type(middleware).__qualname__} has {other}, and no {needed} for task "
            f"{task.name!r}, which is {what}: define it, even if it only goes on with call_next"
        )
