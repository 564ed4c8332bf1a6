"""`Task[P, R]`: a function that can be submitted."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from datetime import datetime
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    NoReturn,
    ParamSpec,
    Protocol,
    Self,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
    overload,
)

from zmqwork.broadcast import Broadcast, send
from zmqwork.chunks import ChunkSize, chunk_handler
from zmqwork.config import check_options
from zmqwork.core.ledger import TaskSpec
from zmqwork.errors import UsageError
from zmqwork.future import TaskFuture
from zmqwork.instants import INSTANTS, at, check_instants
from zmqwork.mapping import Mappable
from zmqwork.options import TASK_OPTION_NAMES, Exceptions, Headers, TaskOptions
from zmqwork.signature import call_check, fingerprint, is_generator, signature_of
from zmqwork.wire.values import encode_call

if TYPE_CHECKING:
    from zmqwork.fallback import Fallback
    from zmqwork.parts import StreamFuture
    from zmqwork.producers import Producers
    from zmqwork.validation.calls import CallChecks

P = ParamSpec("P")
R = TypeVar("R")
Y = TypeVar("Y")


class Options(TypedDict, total=False):
    """The options of `App.task` and `Task.using`, for type checkers; see `options.TaskOptions`."""

    queue: str
    priority: int
    max_retries: int
    retry_backoff: float
    retry_backoff_max: float
    retry_jitter: bool
    retry_for: Exceptions
    no_retry_for: Exceptions
    countdown: float
    timeout: float | None
    soft_timeout: float | None
    expires: float | None
    sink: str | None
    inbox: str | tuple[str, ...]
    key: str | None
    result_ttl: float
    ignore_result: bool
    headers: Headers


class CallOptions(Options, total=False):
    """What `Task.using` takes: those, and instants."""

    eta: datetime | None
    deadline: datetime | None


class Task(Mappable[P, R]):
    """A function of an app, which can be called here or submitted to a worker.

    `App.task` makes these. A task is called, documented, inspected and pickled like the function.

    Attributes:
        name: how workers know it.
        handler: the function itself.
        served: what workers call: the handler, inside of the middleware of its app if there is any.
        options: how its tasks are queued, retried and given up on.
        signature: what calls it accepts; None for the few builtins that do not tell.
        fingerprint: of the signature; a worker whose handler accepts other calls gets none.
        spec: name, fingerprint and options, as the ledger keeps them.
        chunk_handler: runs the handler for each of a list of arguments; for `map`.
        checks: of the arguments of its calls; None: they may be anything.
        chunk_size: what `map` has learnt of how long the task takes.
    """

    def __init__(
        self,
        function: Callable[P, Any],
        name: str,
        options: TaskOptions,
        producers: Producers,
        fallback: Fallback | None = None,
        *,
        validate: bool = False,
    ) -> None:
        # What others have put at the function stays at hand, but for what would hide our methods.
        for key, value in getattr(function, "__dict__", {}).items():
            if not hasattr(type(self), key):
                setattr(self, key, value)
        functools.update_wrapper(self, function, updated=())
        self.handler: Callable[P, Any] = function
        self.name = name
        self.options = options
        self.signature = signature_of(function)
        self.fingerprint = fingerprint(self.signature)
        self.parameter_names = tuple(self.signature.parameters) if self.signature else ()
        self.check_call = call_check(self.signature, getattr(function, "__qualname__", name))
        self.checks: CallChecks | None = None
        if validate:
            from zmqwork.validation.calls import CallChecks  # noqa: PLC0415 - few tasks have them

            self.checks = CallChecks(name, function, self.signature, self.check_call)
            fallback = fallback and dataclasses.replace(fallback, checks=self.checks)
        streams = is_generator(function)
        self.spec = TaskSpec(name, self.fingerprint, options, fallback=fallback, streams=streams)
        if streams:
            _refuse_sink(self.spec)
        self.chunk_size = ChunkSize()
        self.serve(function)
        self.producers = producers
        self._origin: Task[P, R] = self

    def serve(self, function: Callable[..., Any]) -> None:
        """Let workers call this function: the handler, or what stands around it."""
        self.served: Callable[..., Any] = function
        if self.checks is not None:
            from zmqwork.execution.checked import checked  # noqa: PLC0415 - likewise

            self.served = checked(function, self.checks)
        self.chunk_handler = chunk_handler(self.served)

    def encode(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bytes:
        """The arguments of a call as they travel: all that is submitted is checked here.

        Raises:
            TypeError, ArgumentError, EncodeError: as `submit`.
        """
        self.check_call(*args, **kwargs)
        if self.checks is not None:
            args, kwargs = self.checks.send(args, kwargs)
        return encode_call(args, kwargs, self.name, self.parameter_names)

    def encode_items(self, items: list[Any], *, star: bool) -> bytes:
        """The same for the arguments of several calls, as `chunk_handler` gets them."""
        if star:
            for item in items:
                self.check_call(*item)
        if self.checks is not None:
            send = self.checks.send
            sent = [send(item if star else (item,), {})[0] for item in items]
            items = [list(args) for args in sent] if star else [args[0] for args in sent]
        return encode_call((items, True) if star else (items,), {}, self.name)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the handler here, as if it had never been decorated."""
        result: R = self.handler(*args, **kwargs)
        return result

    def submit(self, *args: P.args, **kwargs: P.kwargs) -> TaskFuture[R]:
        """Hand the call to the app's producer; a worker runs it.

        The result of a task with `sink` or `inbox` goes there. Its future is done when the sink
        has taken it, and the future's result is None.

        Raises:
            TypeError: the function does not take these arguments; said as a call says it.
            ArgumentError: with `validate`, one is not what its parameter is annotated with.
            EncodeError: an argument cannot travel; nothing was sent.
            PendingFull: too many tasks are unsettled, and the producer was told not to wait.
        """
        encoded = self.encode(args, kwargs)
        producers = self.producers
        return (producers.current or producers.implicit()).submit(self.spec, encoded)

    async def asubmit(self, *args: P.args, **kwargs: P.kwargs) -> TaskFuture[R]:
        """As `submit`, for coroutines: where that would wait for room, their event loop goes on.

        ::

            future = await thumbnail.asubmit("a.jpg")
            name = await future
        """
        encoded = self.encode(args, kwargs)
        producers = self.producers
        producer = producers.current or producers.implicit()
        return await producer.asubmit(self.spec, encoded)

    def broadcast(self, *args: P.args, **kwargs: P.kwargs) -> Broadcast[R]:
        """Let every worker that serves this task run it once; a mapping from worker to future.

        "Every worker" are those that are connected now, know the task with this signature, serve
        its queue and do not drain; one that joins later does not get it. At the beginning of a
        program this waits for the first of them, `expires` seconds or 10, and then until none has
        joined for 0.3 s (1 s at most); once workers are known it takes a millisecond. Who must be
        sure of a number looks at ``len()`` of what comes back.

        Each worker runs it in a slot of its own, before other tasks that wait. The task's options
        hold for each: it is retried on the same worker, or expires there. If that worker is lost,
        drains or leaves, its future fails with `TaskLost` at once; no other runs it instead.

        Raises:
            TypeError, ArgumentError, EncodeError, PendingFull: as `submit`; no worker gets it.
            NoWorker: none was there in time.
            UsageError: its results go to a sink.
        """
        encoded = self.encode(args, kwargs)
        producers = self.producers
        return send(producers.current or producers.implicit(), self.spec, encoded)

    def using(self, **options: Unpack[CallOptions]) -> Self:
        """A copy of this task with other options: ``thumbnail.using(expires=60).submit(path)``.

        Besides `options.TaskOptions` there are `eta` and `deadline`: the instants before which no
        worker gets the task, and when it is worthless, as a `datetime` with a time zone.

        Raises:
            ConfigError: an option is unknown (the nearest is named) or has a wrong value.
        """
        check_options(f"task {self.name!r}", options, (*TASK_OPTION_NAMES, *INSTANTS))
        said: dict[str, Any] = {**options}
        instants = check_instants(said) if not said.keys().isdisjoint(INSTANTS) else {}
        kind: Any = type(self)
        copy: Self = object.__new__(timed(kind) if instants else kind)
        copy.__dict__.update(self.__dict__)
        copy.options = dataclasses.replace(self.options, **said)
        spec = dataclasses.replace(self.spec, options=copy.options)
        if spec.streams:
            _refuse_sink(spec)
        copy.__dict__["spec"] = spec
        before = self.__dict__.get("_instants", {})
        kept = {name: at for name, at in before.items() if INSTANTS[name] not in said}
        copy.__dict__["_instants"] = kept | instants
        return copy

    def __repr__(self) -> str:
        return f"<Task {self.name!r}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        if self._origin is self:
            # As functions are: by name, so that whoever imports the module has the task.
            name: str = vars(self)["__qualname__"]
            return name
        return _with_options, (self._origin, self.options, self.__dict__.get("_instants", {}))


class AsyncTask(Task[P, R]):
    """A task made of an ``async def``: a plain call gives the coroutine."""

    def __call__(  # type: ignore[override] # a call here is to be awaited, its result is the same
        self, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, R]:
        """Give the handler's coroutine, as if it had never been decorated."""
        coroutine: Coroutine[Any, Any, R] = self.handler(*args, **kwargs)
        return coroutine


class StreamTask(Task[P, R], Generic[P, Y, R]):
    """A task made of a generator: its futures stream what it yields."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Give the generator, as if it had never been decorated."""
        return self.handler(*args, **kwargs)

    def submit(self, *args: P.args, **kwargs: P.kwargs) -> StreamFuture[Y, R]:
        """As `Task.submit`; ``for part in future.stream()`` gets what it yields."""
        return cast("StreamFuture[Y, R]", super().submit(*args, **kwargs))

    async def asubmit(self, *args: P.args, **kwargs: P.kwargs) -> StreamFuture[Y, R]:
        """As `submit`, for coroutines."""
        return cast("StreamFuture[Y, R]", await super().asubmit(*args, **kwargs))

    def _map_options(self, *_: Any, **__: Any) -> NoReturn:
        raise UsageError(
            f"task {self.name!r} is a generator, and a map has one result for each item: submit it"
        )


def task_kind(function: Callable[..., Any]) -> type[Task[..., Any]]:
    """What a task of this function is."""
    if is_generator(function):
        return StreamTask
    return AsyncTask if inspect.iscoroutinefunction(function) else Task


def _refuse_sink(spec: TaskSpec) -> None:
    if spec.options.goes_to_sink:
        raise UsageError(
            f"task {spec.name!r} is a generator, which streams to whoever submits it: a sink takes "
            "what a function returns"
        )


@functools.cache
def timed(kind: Any) -> Any:
    """Tasks of this kind for which an instant was said: their options depend on when they go."""
    if "_is_timed" in vars(kind):
        return kind

    class Timed(kind):  # type: ignore[misc]
        _is_timed = True
        _instants: dict[str, datetime]

        @property
        def spec(self) -> TaskSpec:
            """As it is submitted now."""
            return at(self.__dict__["spec"], self._instants)

    Timed.__name__, Timed.__qualname__ = kind.__name__, kind.__qualname__
    return Timed


class TaskDecorator(Protocol):
    """What ``@app.task(...)`` is."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...

    @overload
    def __call__(  # type: ignore[overload-overlap] # the more exact one comes first
        self, function: Callable[P, Generator[Y, Any, R]], /
    ) -> StreamTask[P, Y, R]: ...

    @overload
    def __call__(
        self, function: Callable[P, Iterator[Y] | AsyncIterator[Y]], /
    ) -> StreamTask[P, Y, None]: ...

    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R]: ...


def _with_options(
    task: Task[P, R], options: TaskOptions, instants: dict[str, datetime]
) -> Task[P, R]:
    said: Any = {name: getattr(options, name) for name in TASK_OPTION_NAMES}
    other = task.using(**said)
    also: Any = instants
    return other.using(**also) if instants else other
