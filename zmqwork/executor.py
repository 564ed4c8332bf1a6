"""`Executor`: the standard library's interface, over workers wherever they are."""

from __future__ import annotations

import concurrent.futures
import functools
import secrets
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, Unpack

from zmqwork.app import App
from zmqwork.backing import Backing
from zmqwork.chunks import open_chunk
from zmqwork.config import check_number, check_options
from zmqwork.core.functions import ANY
from zmqwork.core.ledger import TaskSpec
from zmqwork.core.lifecycle import FAILED
from zmqwork.errors import ConfigError
from zmqwork.failure import error_of
from zmqwork.functions import function_name, without_partial
from zmqwork.future import TaskFuture
from zmqwork.options import TASK_OPTION_NAMES, TaskOptions
from zmqwork.task import Options, Task
from zmqwork.whereabouts import Whereabouts
from zmqwork.wire.values import encode_call

if TYPE_CHECKING:
    from zmqwork.nodes.worker import Worker
    from zmqwork.producer import Producer
    from zmqwork.producers import Producers

P = ParamSpec("P")
R = TypeVar("R")

# The realm of executors and of workers that name none.
DEFAULT_REALM = "default"

# Functions of which an executor remembers how they travel.
_KNOWN_MAX = 1024
# Local workers: what `concurrent.futures` allows on any system is far less.
_LOCAL_MAX = 1024


class Executor(concurrent.futures.Executor):
    """A `concurrent.futures.Executor` whose functions run on zmqwork's workers.

    ::

        with zmqwork.Executor(local_workers=4) as executor:
            print(list(executor.map(math.factorial, range(20))))

    Functions travel by module and name, never as code; arguments and results travel as all values
    do. A worker imports the function from its own copy of the module, if it allows it: with
    ``zmqwork worker --allow 'pkg.*'``. The executor's own local workers allow everything. A task
    of its app travels as that task, which every worker of the app runs.

    It differs from `ProcessPoolExecutor` where a remote process must:

    - A function's exception arrives as `TaskFailed`, with its type as text and the traceback. No
      worker allowing the function is no error: the task waits, the log says so, and
      ``result(timeout)`` raises `NoWorker`.
    - Lambdas, local functions and bound methods are refused by `submit` (`UsageError`), arguments
      that cannot travel likewise (`EncodeError`), and a call that the function does not take
      (`TypeError`). With the standard library some of these are the future's exception.
    - A process that dies takes one attempt along, not the executor: it is tried in three
      processes, then the future raises `TaskLost`, and the others go on. There is no
      `BrokenProcessPool`. So a function may run more than once.
    - Done-callbacks run in a thread of their own.
    - It can be used in a forked child, which gets connections of its own.
    - At the end of the program it waits for tasks as long as a worker is known, and 10 s for one.

    Args:
        app: an `App`, or the name of one: the realm in which workers are looked for. None: the
            realm ``"default"``, or with `local_workers` one that nobody else uses.
        local_workers: processes to start on this machine, which end with the executor, or with
            this process, however that ends. Only processes of this user reach them.
        initializer: called first in each of these; a function that travels like the others. What
            it raises is a `UsageError` here.
        initargs: its arguments.
        on_full: what `submit` does when 100,000 tasks are unsettled: it waits (``"block"``) or
            raises `PendingFull` (``"raise"``).
        **options: of all its tasks, see `options.TaskOptions`; `max_retries` is 0 if not given.

    Raises:
        ConfigError: an argument has a value that it cannot have.
        UsageError: the local workers cannot be started; the text says why. A module that starts
            some without the guard ``if __name__ == "__main__":`` is one reason.
    """

    def __init__(
        self,
        app: App | str | None = None,
        *,
        local_workers: int = 0,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        on_full: Literal["block", "raise"] = "block",
        **options: Unpack[Options],
    ) -> None:
        _refuse_max_workers(app, dict(options))
        check_options("an executor", options, TASK_OPTION_NAMES)
        check_number("local_workers", local_workers, 0, _LOCAL_MAX)
        if not isinstance(local_workers, int):
            raise ConfigError(f"local_workers must be a whole number, not {local_workers!r}")
        if initializer is not None and not local_workers:
            raise ConfigError(
                "an initializer runs in the executor's own workers: give local_workers=N. Other "
                "workers initialize themselves, at the top level of their modules"
            )
        options.setdefault("max_retries", 0)
        self._options = TaskOptions(**options)
        if self._options.goes_to_sink:
            raise ConfigError(
                "an executor hands results back, so that its tasks have neither sink nor inbox: "
                "submit() tasks of an App, or use a pipeline"
            )
        if app is None and local_workers:
            # (Its own children only: they need not be members of anything.)
            name = f"executor-{secrets.token_hex(6)}"
            app = App(name, peers=(), discovery="local", keys=False)
        self._app = app if isinstance(app, App) else App(app or DEFAULT_REALM)
        first = None if initializer is None else _call(initializer, initargs)
        worker = _start_worker(self._app, local_workers, first) if local_workers else None
        self._backing = Backing(_producer_maker(self._app, on_full), worker)
        # Bounded by _KNOWN_MAX.
        self._known: dict[Callable[..., Any], Task[..., Any]] = {}
        # The interpreter's end is handled by `producers`, in the right order.
        weakref.finalize(self, self._backing.shut, wait=False, cancel=False).atexit = False

    def __repr__(self) -> str:
        state = "shut down" if self._backing.is_shut else "open"
        return f"<Executor {self._app.name!r}, {state}>"

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> TaskFuture[R]:
        """Have ``fn(*args, **kwargs)`` called by a worker.

        Raises:
            UsageError: the function cannot travel, it is a task whose results go to a sink, or the
                executor was shut down.
            EncodeError: an argument cannot travel.
            ArgumentError: it is a task that checks them, and one does not fit.
            TypeError: the function does not take these arguments.
            PendingFull: too many tasks are unsettled, and the executor was told not to wait.
        """
        function, given, named = without_partial(fn, args, kwargs)
        producer = self._backing.producer()
        task = self._known.get(function) or self._learn(function)
        encoded = task.encode(given, named)
        return producer.submit(task.spec, encoded)

    def map(
        self,
        fn: Callable[..., R],
        /,
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[R]:
        """Call ``fn`` for each set of items, as `map` does; the results in order.

        Args:
            fn: what to call.
            *iterables: read at once and to the end, unless there is a `buffersize`.
            timeout: seconds from now, after which waiting for a result raises TimeoutError.
            chunksize: calls that travel together as one task.
            buffersize: tasks whose results were not taken yet, at most; None: no bound but that of
                `on_full`.

        An exception ends the iteration. What was not begun is cancelled then, and when the
        iterator is closed.

        Raises:
            ValueError, TypeError: a number is none that it can be.
        """
        if chunksize < 1:
            raise ValueError(f"chunksize must be >= 1, not {chunksize!r}")
        if buffersize is not None and not isinstance(buffersize, int):
            raise TypeError("buffersize must be an integer or None")
        if buffersize is not None and buffersize < 1:
            raise ValueError("buffersize must be None or > 0")
        end_at = None if timeout is None else time.monotonic() + timeout
        # Bound: `buffersize`, or what the iterables hold and the producer takes.
        under_way: deque[_Part] = deque()
        parts = self._parts(fn, zip(*iterables, strict=False), chunksize)
        under_way.extend(islice(parts, buffersize))
        return _results(under_way, parts, end_at)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks, and free everything when all are settled.

        Args:
            wait: return when that is done: as long as it takes, also for a worker. Ctrl-C
                abandons the tasks.
            cancel_futures: cancel first what has not begun.
        """
        self._backing.shut(wait=wait, cancel=cancel_futures)

    # --- inside

    def _learn(self, function: Callable[..., Any]) -> Task[..., Any]:
        """How a function travels."""
        if isinstance(function, Task):
            function.options.need_results(f"an executor cannot run task {function.name!r}")
        if isinstance(function, Task) and self._app.tasks.get(function.name) is function._origin:
            spec = TaskSpec(function.name, function.fingerprint, self._options)
            task = function.using()
        else:
            if isinstance(function, Task):
                function = function.handler
            name = function_name(function)
            task = Task(function, name, self._options, self._backing.producers)
            spec = TaskSpec(name, ANY, self._options)
        task.spec = spec
        task.fingerprint = spec.fingerprint
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known[function] = task
        return task

    def _parts(
        self, fn: Callable[..., R], calls: Iterator[tuple[Any, ...]], chunksize: int
    ) -> Iterator[_Part]:
        if chunksize == 1:
            for args in calls:
                yield self.submit(fn, *args), 0
            return
        function, before, named = without_partial(fn, (), {})
        if named:
            raise ConfigError("a partial with keywords cannot travel in chunks: chunksize=1")
        task = self._known.get(function) or self._learn(function)
        once = TaskSpec(f"{task.name}[]", task.fingerprint, self._options)
        while chunk := [[*before, *args] for args in islice(calls, chunksize)]:
            encoded = task.encode_items(chunk, star=True)
            yield self._backing.producer().submit(once, encoded), len(chunk)


# A future, and how many results it brings; 0: it is the result.
_Part = tuple[TaskFuture[Any], int]


def _results(
    under_way: deque[_Part], parts: Iterator[_Part], end_at: float | None
) -> Iterator[Any]:
    try:
        while under_way:
            future, count = under_way[0]
            left = None if end_at is None else end_at - time.monotonic()
            value = future.result(left)
            under_way.popleft()
            under_way.extend(islice(parts, 1))
            if not count:
                yield value
                continue
            _, values, failures = open_chunk(value, count)
            for index, item in enumerate(values):
                if index in failures:
                    record = {**failures[index], "attempts": 1}
                    raise error_of(f"{future.id}[{index}]", FAILED, record)
                yield item
    finally:
        if under_way:
            producer: Producer = under_way[0][0]._producer
            producer.abandon([future.seq for future, _ in under_way])


def _refuse_max_workers(app: object, options: dict[str, object]) -> None:
    """What the standard library's executors take, first or by that name, is another thing here."""
    count = options.get("max_workers")
    if count is None and isinstance(app, int):
        count = app
    if count is not None:
        raise ConfigError(
            f"an executor uses workers wherever they are; to start some of its own here: "
            f"local_workers={count!r}"
        )


def _producer_maker(
    app: App, on_full: Literal["block", "raise"]
) -> Callable[[Producers], Producer]:
    if on_full not in ("block", "raise"):
        raise ConfigError(f"on_full must be 'block' or 'raise', not {on_full!r}")

    def make(producers: Producers) -> Producer:
        from zmqwork.starting import make_producer  # noqa: PLC0415 - the nodes load pyzmq

        return make_producer(producers, app.discover, realm=app.name, options={"on_full": on_full})

    return make


def _call(function: Callable[..., object], args: tuple[Any, ...]) -> tuple[str, bytes]:
    function, args, kwargs = without_partial(function, args, {})
    return function_name(function), encode_call(args, kwargs, "the initializer")


def _start_worker(app: App, slots: int, initializer: tuple[str, bytes] | None) -> Worker:
    from zmqwork.worker import make_worker  # noqa: PLC0415 - the nodes load pyzmq

    return make_worker(
        app.tasks,
        # It allows everything: only this user's processes may reach it, whatever the app says.
        functools.partial(app.discover, Whereabouts.of(discovery="local", interface=())),
        realm=app.name,
        name=None,
        concurrency=slots,
        pool="process",
        queues=(),
        bind=(),
        insecure_lan=False,
        drain_timeout=30.0,
        allow=("*",),
        initializer=initializer,
    ).start()
