"""Hooks: functions of an application that hear what happens to its tasks.

They run in the callback thread of the producer that has the task, one after the other. What they
raise is logged and counted, and harms neither a task nor another hook. Nothing is noted for a kind
of event that nobody listens for.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import logging
import threading
import time
import weakref
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal, get_args

from zmqwork.core.happenings import LATE, REJECTED, RETRIED, Happening
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import FAILED, SETTLED
from zmqwork.definition import origin, place, stand_side_by_side
from zmqwork.errors import ConfigError, UsageError
from zmqwork.failure import error_of
from zmqwork.transport import clock

if TYPE_CHECKING:
    from zmqwork.errors import JournalError, TaskError
    from zmqwork.nodes.callbacks import Callbacks
    from zmqwork.nodes.producer import Producer as Node
    from zmqwork.nodes.telling import Telling

Kind = Literal[
    "submitted",
    "started",
    "succeeded",
    "failed",
    "retried",
    "resubmitted",
    "rejected",
    "dead",
    "cancelled",
    "expired",
    "late",
    "degraded",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
DEGRADED: Kind = "degraded"

# Events that wait for hooks, of one producer. One with an error counts as another for each so many
# characters of it, and for each piece of evidence: together they are some 16 MiB.
WAITING_MAX = 65_536
_WEIGHED_CHARACTERS = 256
# A hook that raises is logged so often: a flood of events must not be a flood of tracebacks.
_LOG_INTERVAL = 60.0
# What is no end of a task, and has an error.
_FAILING = frozenset({RETRIED, REJECTED, LATE})

_log = logging.getLogger("zmqwork")

Hook = Callable[["TaskEvent"], object]


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """What has happened to a task, as hooks hear it (`App.on`).

    Attributes:
        kind: what: ``submitted``; ``started``: its handler has run for 10 ms; ``succeeded``,
            ``failed``, ``dead``, ``cancelled``, ``expired``: so it has ended; ``retried``: an
            attempt has failed, another follows; ``resubmitted``: an attempt was lost with its
            worker or child, another follows; ``rejected``: its handler said that this worker cannot
            run it, another one gets it; ``late``: an attempt that was given up on has ended
            after all; ``degraded``: a fallback takes its place.
        task_id: as `TaskFuture.id`.
        task: the task's name.
        queue: where it waits.
        attempt: which attempt this is about, or the newest; 0: none was made.
        worker: the label of the worker, as ``name#1a2b``; empty: there is none, or it is not known.
        error: what the future would raise, or will; None: nothing is wrong.
        delay: until the retry, in seconds; None: it is none.
        seconds: since it was submitted, or since its countdown or snooze was over.
        item_count: the items of a `map` that it stands for; 1 for any other task.
        ran: of ``degraded``: the name of the fallback.
    """

    kind: Kind
    task_id: str
    task: str
    queue: str
    attempt: int
    worker: str = ""
    error: TaskError | JournalError | None = None
    delay: float | None = None
    seconds: float = 0.0
    item_count: int = 1
    ran: str = ""


class Hooks:
    """The hooks of one app in this process, by kind. Bounded by the program's text."""

    def __init__(self) -> None:
        self._functions: dict[str, list[Hook]] = {}
        self._hearings: weakref.WeakSet[Hearing] = weakref.WeakSet()

    @property
    def kinds(self) -> frozenset[str]:
        """What somebody listens for."""
        return frozenset(self._functions)

    def of(self, kind: str) -> tuple[Hook, ...]:
        """The functions that hear of such events, in the order in which they were added."""
        return tuple(self._functions.get(kind, ()))

    def add(self, kinds: tuple[str, ...], function: Hook) -> None:
        """Let this function hear of such events from now on.

        A module that is reloaded, or a notebook's cell that is run again, replaces its hooks.

        Raises:
            ConfigError: there is no such kind.
            UsageError: it cannot be called, or is a coroutine function.
        """
        _check(kinds, function)
        for kind in kinds:
            functions = self._functions.setdefault(kind, [])
            for index, there in enumerate(functions):
                if _is_again(there, function):
                    functions[index] = function
                    break
            else:
                functions.append(function)
        for hearing in list(self._hearings):
            hearing.renew()

    def join(self, hearing: Hearing) -> None:
        """Tell this one when there are more kinds."""
        self._hearings.add(hearing)


class Hearing:
    """The hooks of an app, as one producer runs them.

    Args:
        hooks: the app's.
        callbacks: the thread in which they run.
    """

    def __init__(self, hooks: Hooks, callbacks: Callbacks) -> None:
        self._hooks = hooks
        self._callbacks = callbacks
        self._nodes: weakref.WeakSet[Node] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._told_of: frozenset[str] = frozenset()
        self._waiting = 0  # bound: WAITING_MAX
        self._told = 0
        self._failed = 0
        self._dropped = 0
        self._logged_at: dict[Hook, float] = {}  # bound: the hooks
        hooks.join(self)

    def status(self) -> dict[str, int]:
        """How many events hooks have heard, calls have raised, and events were dropped."""
        return {"told": self._told, "failed": self._failed, "dropped": self._dropped}

    def telling(self, node_id: str) -> Telling | None:
        """For a producer node that is being made; None: nobody listens yet."""
        self._told_of = self._hooks.kinds
        if not self._told_of:
            return None
        from zmqwork.nodes.telling import Telling  # noqa: PLC0415 - only with hooks

        return Telling(self._told_of, functools.partial(self.hear, node_id))

    def attach(self, node: Node) -> None:
        """This node is there: it shall hear of hooks that are added later."""
        self._nodes.add(node)
        if self._told_of != self._hooks.kinds:  # one was added meanwhile
            self.renew()

    def renew(self) -> None:
        """Listen for what hooks are there for now."""
        for node in list(self._nodes):
            telling = self.telling(node.node_id)
            if telling is not None and not node.has_left:
                node.listen(telling)

    def degraded(self, node_id: str, entry: Entry, ran: str) -> None:
        """A fallback takes the place of this task. On the I/O thread."""
        if DEGRADED in self._hooks.kinds:
            happening = Happening(
                DEGRADED, entry.seq, entry.spec, entry.attempt, entry.since, "",
                {**(entry.error or {}), "state": entry.state, "ran": ran},
            )  # fmt: skip
            self.hear(node_id, [happening])

    def hear(self, node_id: str, happenings: list[Happening]) -> None:
        """Let the hooks hear of these, or drop what is too much. On the I/O thread."""
        weights = list(accumulate(map(_weight, happenings)))
        with self._lock:
            fitting = bisect_right(weights, WAITING_MAX - self._waiting)
            is_first = not self._dropped
            self._dropped += len(weights) - fitting
            self._waiting += weights[fitting - 1] if fitting else 0
        if fitting < len(weights):
            happenings = happenings[:fitting]
            if is_first:
                _log.warning(
                    "hooks are slower than events come: with %d waiting, they are dropped from "
                    "now on; status()['hooks'] counts them",
                    WAITING_MAX,
                )
        if happenings:
            self._callbacks.run(self._call, node_id, happenings, clock.now())

    # -- the callback thread ------------------------------------------------------------------

    def _call(self, node_id: str, happenings: list[Happening], now: float) -> None:
        for happening in happenings:
            event = _event(node_id, happening, now)
            for hook in self._hooks.of(event.kind):
                try:
                    hook(event)
                except BaseException:  # noqa: BLE001 - what users raise here concerns nobody else
                    self._failed += 1
                    self._log(hook, event)
            self._told += 1
            with self._lock:
                self._waiting -= _weight(happening)

    def _log(self, hook: Hook, event: TaskEvent) -> None:
        now = time.monotonic()
        if now - self._logged_at.get(hook, float("-inf")) >= _LOG_INTERVAL:
            self._logged_at[hook] = now
            _log.exception(
                "hook %s raised; the task, and other hooks, go on (said once a minute)",
                place(hook),
                extra={"task_id": event.task_id, "task": event.task, "attempt": event.attempt},
            )


def _check(kinds: tuple[str, ...], function: object) -> None:
    if not callable(function) or inspect.iscoroutinefunction(function):
        raise UsageError(f"a hook is a plain function of one argument, not {function!r}")
    if not kinds:
        raise ConfigError(f"name what the hook is to hear of: {', '.join(KINDS)}")
    for kind in kinds:
        if kind not in KINDS:
            near = difflib.get_close_matches(str(kind), KINDS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(KINDS)}"
            raise ConfigError(f"nothing is told of as {kind!r}: {hint}")


def _weight(happening: Happening) -> int:
    error = happening.error
    if error is None:
        return 1
    told = [error, *(error.get("evidence") or ())]
    said = sum(len(v) for record in told for v in record.values() if type(v) is str)
    return len(told) + said // _WEIGHED_CHARACTERS


def _is_again(there: Hook, function: Hook) -> bool:
    """Whether a definition is that of a hook that is there already, in a text read again."""
    if there is function:
        return True
    name = getattr(function, "__qualname__", "<")
    same = "<" not in name and origin(there) == origin(function)
    return same and not stand_side_by_side(there, function)


def _event(node_id: str, happening: Happening, now: float) -> TaskEvent:
    kind: Any = happening.kind
    spec = happening.spec
    task_id = f"{node_id[:8]}-{happening.seq}"
    record = happening.error or {}
    error = None
    if record and kind in (*SETTLED, DEGRADED):
        error = error_of(task_id, record.get("state", kind), record)
    elif record and kind in _FAILING:
        error = error_of(task_id, FAILED, {"attempts": happening.attempt, **record})
    return TaskEvent(
        kind,
        task_id,
        spec.name,
        spec.options.queue,
        happening.attempt,
        happening.worker,
        error,
        happening.delay,
        max(0.0, now - happening.since),
        spec.item_count,
        str(record.get("ran", "")) if kind == DEGRADED else "",
    )
