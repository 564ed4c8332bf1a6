"""A task of somebody's own, in the place of the benchmark's: one call, again and again."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from zmqwork.app import App
from zmqwork.bench.cases import FLYING_BYTES_MAX, Case, Form
from zmqwork.errors import ArgumentError, EncodeError, UsageError
from zmqwork.future import TaskFuture
from zmqwork.task import Task
from zmqwork.ventilating import Call
from zmqwork.wire.values import encode_value

# One that takes longer there is not called here as well: somebody waits for it.
HERE_SECONDS_MAX = 10.0
# Calls here are measured for so long, or one if that takes longer.
_ROUNDS = 5
_ROUND_SECONDS = 0.02
_TRIES, _TRIES_SECONDS = 5, 1.0
# Shorter tasks want many in flight, whatever the number of slots.
SHORT_SECONDS = 0.01
_PER_SLOT = 4
_CALL_CHARACTERS_MAX = 200


@dataclass(slots=True)
class Own:
    """A call.

    Attributes:
        app, task: whose, and which; its results come back to who submits, whatever it says.
        name: as it was named on the command line.
        args, kwargs: what it is called with, each time.
        argument_bytes: what these are on the wire.
        round_trip: seconds of a call there, and back; 0.0: none was tried.
        result_bytes: of its result on the wire.
        here: seconds of a call in this process; None: see `why_not_here`.
        why_not_here: why it was not called here; empty: it was.
    """

    app: App
    task: Task[..., Any]
    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    argument_bytes: int = 0
    round_trip: float = 0.0
    result_bytes: int = 0
    here: float | None = None
    why_not_here: str = "it was not asked for"

    def __post_init__(self) -> None:
        """Raises `UsageError`: it cannot be measured, or does not take these arguments."""
        task = self.task
        if task.spec.streams:
            raise UsageError(
                f"task {task.name!r} is a generator: what is measured has one result for each call"
            )
        if task.options.goes_to_sink:
            self.task = task = task.using(sink=None, inbox=())
        try:
            self.argument_bytes = len(task.encode(self.args, self.kwargs))
        except (TypeError, ArgumentError, EncodeError) as error:
            raise UsageError(f"{error}; it is {task.name}{task.signature}") from error

    def __str__(self) -> str:
        words = [repr(arg) for arg in self.args]
        words += [f"{name}={value!r}" for name, value in self.kwargs.items()]
        text = f"{self.name}({', '.join(words)})"
        return text if len(text) <= _CALL_CHARACTERS_MAX else f"{text[:_CALL_CHARACTERS_MAX]}..."

    def submit(self) -> TaskFuture[Any]:
        """One more."""
        return self.task.submit(*self.args, **self.kwargs)

    def try_there(self, timeout: float) -> None:
        """Let a worker run it: that it can, how long it takes, and how large its result is.

        Raises:
            TaskError, TimeoutError: it fails, or is not done in time.
        """
        trips: list[float] = []
        # The first one may begin with a child process, and what it imports.
        while len(trips) < _TRIES and sum(trips) < _TRIES_SECONDS:
            begun_at = time.perf_counter()
            result = self.submit().result(timeout)
            trips.append(time.perf_counter() - begun_at)
            self.result_bytes = len(encode_value(result))
        self.round_trip = min(trips)

    def try_here(self) -> None:
        """Call it in this process, if it can be; how long that takes."""
        self.here = None
        if self.round_trip > HERE_SECONDS_MAX:
            self.why_not_here = f"it takes {self.round_trip:.0f} s there"
            return
        try:
            self.here = self._measured()
        # Whatever it does here, it was to be measured there: so this is no reason to stop.
        except Exception as error:  # noqa: BLE001
            self.why_not_here = f"{type(error).__name__}: {error}".partition("\n")[0]
        else:
            self.why_not_here = ""

    def _measured(self) -> float:
        task, args, kwargs = self.task, self.args, self.kwargs
        if not inspect.iscoroutinefunction(task.handler):
            return _shortest(lambda: task(*args, **kwargs))
        with asyncio.Runner() as runner:
            return _shortest(lambda: runner.run(task(*args, **kwargs)))


def _shortest(call: Callable[[], object]) -> float:
    """Seconds of one call, by the best of some rounds of as many as take a while."""
    begun_at = time.perf_counter()
    call()
    best = time.perf_counter() - begun_at
    if best > _ROUNDS * _ROUND_SECONDS:
        return best
    for _ in range(_ROUNDS):
        calls, begun_at = 0, time.perf_counter()
        while (now := time.perf_counter()) - begun_at < _ROUND_SECONDS:
            call()
            calls += 1
        best = min(best, (now - begun_at) / calls)
    return best


@dataclass(frozen=True, slots=True)
class OwnCase(Case):
    """A case of it: `kind` is its name, `payload_bytes` its arguments."""

    own: Own = field(compare=False, repr=False)

    @property
    def app(self) -> App:
        """Whose task it is."""
        return self.own.app

    @property
    def task(self) -> Task[..., Any]:
        """The task."""
        return self.own.task

    @property
    def task_seconds(self) -> float:
        """Seconds that one of them takes by itself, about."""
        return self.own.round_trip

    def submitter(self) -> Callable[[], TaskFuture[Any]]:
        """What submits one."""
        return partial(self.task.submit, *self.own.args, **self.own.kwargs)

    @property
    def argument(self) -> tuple[Any, ...]:  # type: ignore[override] # several, for `starmap`
        """What each call gets, by position."""
        return self.own.args

    def mapped(self, inputs: Iterable[Any]) -> Iterator[Any]:
        """The results of `starmap` over an input of arguments, as they come."""
        return self.task.starmap(inputs, order="completed")

    def items(self, inputs: Iterable[Any]) -> Iterable[Any]:
        """The same input for a pipeline."""
        kwargs = self.own.kwargs
        return (Call(number, args, kwargs, number) for number, args in enumerate(inputs))

    def is_wrong(self) -> Callable[[object], bool]:
        """Nobody here knows what it must return."""
        return _never

    @property
    def moved_bytes(self) -> int:
        """Arguments and result."""
        return self.payload_bytes + self.own.result_bytes


def own_cases(own: Own, forms: Sequence[Form], concurrency: Sequence[int]) -> list[Case]:
    """All forms with all numbers in flight, each once, in the order given.

    Raises:
        UsageError: `map`, and arguments by name, which it does not take.
    """
    if own.kwargs and "map" in forms:
        raise UsageError("--form map takes arguments by position: --args, and no --kwargs")
    size = own.argument_bytes
    most = max(1, FLYING_BYTES_MAX // max(1, size, own.result_bytes))
    found: dict[Case, None] = {}
    for form in forms:
        for count in concurrency if form == "request" else [0]:
            found[OwnCase(form, own.name, size, min(count, most), 0.0, own)] = None
    return list(found)


def in_flight(own: Own, slots: int) -> list[int]:
    """How many at once, if nobody has said it: one, and as many as keep the slots busy."""
    return [1, 100 if own.round_trip < SHORT_SECONDS else _PER_SLOT * slots]


def _never(result: object) -> bool:
    del result
    return False
