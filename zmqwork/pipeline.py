"""`Pipeline`: ventilator, stages and sink, in one definition that all their processes import."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack, overload

from zmqwork.errors import ConfigError, UsageError
from zmqwork.run import Failure, Run
from zmqwork.signature import refuse_generator
from zmqwork.task import Options, Task

if TYPE_CHECKING:
    from zmqwork.app import App
    from zmqwork.nodes.store import Store
    from zmqwork.sink import Sink, SinkOptions
    from zmqwork.task import TaskDecorator

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])


class Pipeline:
    """A pipeline of an app, which `App.pipeline` makes and decorators fill.

    ::

        pipe = zmqwork.App("thumbs").pipeline()

        @pipe.ventilator
        def files():
            yield from map(str, Path("in").glob("*.jpg"))

        @pipe.stage(max_retries=2)
        def thumbnail(path): ...

        @pipe.sink(batch=100)
        def store(results): ...

        @pipe.on_complete
        def report(run):
            print(run)

    Then ``pipe.run()`` is the ventilator's process, ``pipe.app.worker().run()`` (or ``zmqwork
    worker``) a worker's, and ``store.run()`` (or ``zmqwork sink``) a sink's: in any order, on any
    host.

    Args:
        app: whose tasks the stages are.
        sink: the name of its sinks.
        inbox: the ids of inboxes that alone may take the results.
        key: results of items with one key go to one sink.
        window: items in flight at the most.

    Attributes:
        app: likewise.
        stages: the tasks, in order.
    """

    def __init__(
        self,
        app: App,
        *,
        sink: str = "default",
        inbox: str | Sequence[str] = (),
        key: Callable[[Any], str] | None = None,
        window: int | None = None,
    ) -> None:
        self.app = app
        self.stages: list[Task[..., Any]] = []
        self._sink = sink
        self._options: dict[str, Any] = {"sink": sink, "inbox": inbox, "key": key}
        if window is not None:
            self._options["window"] = window
        self._source: Callable[..., Iterable[Any]] | None = None
        self._complete: list[Callable[[Run], object]] = []
        self._failed: list[Callable[[Failure], object]] = []

    def __repr__(self) -> str:
        stages = " > ".join(stage.name for stage in self.stages) or "no stages"
        return f"<Pipeline of {self.app.name!r}: {stages}>"

    def ventilator(self, function: F) -> F:
        """Decorate what yields the items: a generator, or any function that gives an iterable.

        Raises:
            UsageError: it is no function, or an ``async`` one.
        """
        if not callable(function):
            raise UsageError(f"a ventilator is a function that yields items, not {function!r}")
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise UsageError(
                f"{function.__qualname__} is async: a ventilator is pulled by a thread; yield in a "
                "plain def"
            )
        self._source = function
        return function

    @overload
    def stage(self, function: Callable[P, R], /) -> Task[P, R]: ...

    @overload
    def stage(
        self,
        function: None = None,
        /,
        *,
        name: str | None = None,
        allow_wait: bool = False,
        validate: bool | None = None,
        **options: Unpack[Options],
    ) -> TaskDecorator: ...

    def stage(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """Make a function the next stage. Options as for `App.task`.

        The first stage gets an item as its only argument, each other one the result of the one
        before.
        """

        def decorate(decorated: Callable[..., Any]) -> Task[..., Any]:
            refuse_generator(decorated, "a stage hands on what it returns")
            task: Task[..., Any] = self.app.task(**options)(decorated)
            # A module that is reloaded, or a cell that is run again, replaces its stage.
            names = [stage.name for stage in self.stages]
            if task.name in names:
                self.stages[names.index(task.name)] = task
            else:
                self.stages.append(task)
            return task

        return decorate if function is None else decorate(function)

    @overload
    def sink(
        self, target: Callable[..., Any] | Store, /, **options: Unpack[SinkOptions]
    ) -> Sink: ...

    @overload
    def sink(
        self, target: None = None, /, **options: Unpack[SinkOptions]
    ) -> Callable[[Callable[..., Any]], Sink]: ...

    def sink(self, target: Any = None, /, **options: Any) -> Any:
        """Make a function, or a store, the sink. Options as for `App.sink`, without `name`."""
        if "name" in options:
            raise ConfigError(f"sinks of {self!r} are {self._sink!r}: app.pipeline(sink=...)")
        return self.app.sink(target, name=self._sink, **options)

    def on_complete(self, function: F) -> F:
        """Decorate what is called with the `Run` when all items are settled."""
        self._complete.append(function)
        return function

    def on_failed(self, function: F) -> F:
        """Decorate what is called with each `Failure`."""
        self._failed.append(function)
        return function

    def run(self, *args: Any, run: str = "", resume: bool = False, **options: Any) -> Run:
        """Be the ventilator: pull all items, and wait until each is settled.

        Args:
            *args: what the ventilator is called with.
            run: a name under which a later start goes on; see `ventilating.ventilate`.
            resume: go on with a run that was begun before.
            **options: the others of `ventilating.ventilate`: `on_start`, `realm`, `peers`, ...

        Raises:
            UsageError: there is no ventilator, or no stage.
            Exception: what `ventilating.ventilate` raises.
        """
        from zmqwork.ventilating import ventilate  # noqa: PLC0415 - the nodes load pyzmq

        if self._source is None:
            raise UsageError(f"{self!r} has no ventilator: decorate one with @pipe.ventilator")
        if not self.stages:
            raise UsageError(f"{self!r}: decorate at least one function with @pipe.stage")
        items = self._source(*args)
        try:
            done = ventilate(
                self.app,
                self.stages,
                items,
                run=run,
                resume=resume,
                on_failed=self._tell,
                **(self._options | options),
            )
        finally:
            if isinstance(items, Generator):
                items.close()  # at once, whoever keeps the exception and its frames
        for function in self._complete:
            function(done)
        return done

    def _tell(self, failure: Failure) -> None:
        for function in self._failed:
            function(failure)
