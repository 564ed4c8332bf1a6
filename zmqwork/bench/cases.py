"""What is to be measured: each form with each payload and each number of tasks in flight."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Literal, get_args

from zmqwork.app import App
from zmqwork.bench import tasks
from zmqwork.errors import UsageError
from zmqwork.future import TaskFuture
from zmqwork.task import Task

Form = Literal["request", "map", "pipeline"]
Kind = Literal["echo", "noop", "sleep", "cpu"]
FORMS: tuple[Form, ...] = get_args(Form)
KINDS: tuple[Kind, ...] = get_args(Kind)
_TASKS: dict[str, Task[..., Any]] = {
    "echo": tasks.echo,
    "noop": tasks.noop,
    "sleep": tasks.sleep,
    "cpu": tasks.cpu,
}
# Those that take seconds instead of a payload.
LASTING = frozenset({"sleep", "cpu"})
# How often a payload crosses the network.
_WAYS = {"echo": 2, "noop": 1}

# What is on its way at once is kept below this, so that memory is not what is measured.
FLYING_BYTES_MAX = 64 * 1024 * 1024
# Of the forms that choose for themselves how much is in flight; 0 says so.
_OWN_CHOICE = 0

_UNITS = ((1024 * 1024 * 1024, "G"), (1024 * 1024, "M"), (1024, "k"))


@dataclass(frozen=True, slots=True)
class Case:
    """One measurement to make.

    Attributes:
        form: ``request``: submit one by one, so many in flight; ``map``: the same task over an
            input, in chunks; ``pipeline``: ventilator, workers and a sink.
        kind: which task: one of `KINDS`, or one of somebody's own, as it was named.
        payload_bytes: of its argument; 0 for those that take seconds.
        in_flight: tasks at once; 0: the form chooses.
        length: seconds that the task takes; 0.0 for those that take a payload.
    """

    form: Form
    kind: str
    payload_bytes: int
    in_flight: int
    length: float

    @property
    def app(self) -> App:
        """Whose task it is."""
        return tasks.app

    @property
    def task(self) -> Task[..., Any]:
        """The task."""
        return _TASKS[self.kind]

    @property
    def argument(self) -> bytes | float:
        """What each call gets."""
        return self.length if self.kind in LASTING else _payload(self.payload_bytes)

    @property
    def answer(self) -> bytes | None:
        """What each call must return."""
        return _payload(self.payload_bytes) if self.kind == "echo" else None

    @property
    def task_seconds(self) -> float:
        """Seconds that one of them takes by itself, about."""
        return self.length

    def submitter(self) -> Callable[[], TaskFuture[Any]]:
        """What submits one."""
        return partial(self.task.submit, self.argument)

    def mapped(self, inputs: Iterable[Any]) -> Iterator[Any]:
        """The results of `map` over an input of arguments, as they come."""
        return self.task.map(inputs, order="completed")

    def items(self, inputs: Iterable[Any]) -> Iterable[Any]:
        """The same input for a pipeline."""
        return inputs

    def is_wrong(self) -> Callable[[object], bool]:
        """What tells of a result whether it is another one than it must be."""
        return partial(_differs, self.answer)

    @property
    def moved_bytes(self) -> int:
        """Payload that crosses the network for each task, on all ways together."""
        return self.payload_bytes * _WAYS.get(self.kind, 0)

    def __str__(self) -> str:
        what = size(self.payload_bytes) if self.kind not in LASTING else f"{self.length:g} s"
        flying = f", {self.in_flight:,} in flight" if self.in_flight else ""
        return f"{self.form}, {self.kind} {what}{flying}"


def _differs(answer: object, result: object) -> bool:
    return result != answer


@functools.lru_cache(maxsize=1)
def _payload(count: int) -> bytes:
    """So many bytes, always the same ones, that no cache or compression makes fewer.

    (Those of ``bytes(count)`` may be one page of zeros, mapped again and again.)
    """
    return Random(count).randbytes(count)  # noqa: S311 - not to be secret


def cases(
    forms: Sequence[Form],
    kind: Kind,
    payloads: Sequence[int],
    concurrency: Sequence[int],
    length: float = 0.0,
) -> list[Case]:
    """All combinations, each once, in the order given.

    So many tasks of a large payload that they would take more than 64 MiB are fewer; what is
    then the same is measured once.

    Raises:
        UsageError: payloads, or a length, for a task that has none.
    """
    if kind in LASTING:
        if any(payloads):
            raise UsageError(f"the task {kind} takes --length, and no --payload")
        payloads = [0]
    elif length:
        raise UsageError(f"the task {kind} takes --payload, and no --length")
    found: dict[Case, None] = {}
    for form in forms:
        for payload in payloads:
            most = max(1, FLYING_BYTES_MAX // max(1, payload))
            for count in concurrency if form == "request" else [_OWN_CHOICE]:
                found[Case(form, kind, payload, min(count, most), length)] = None
    return list(found)


def size(count: int) -> str:
    """Bytes for people, as they are given: ``0``, ``64k``, ``1M``."""
    for unit, name in _UNITS:
        if count and count % unit == 0:
            return f"{count // unit}{name}"
    return str(count)
