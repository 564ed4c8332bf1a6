"""What is done in the place of a task whose attempts are used up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zmqwork.core.ledger import Entry, TaskSpec
from zmqwork.core.lifecycle import CANCELLED, DEAD, EXPIRED, FAILED, SUCCEEDED
from zmqwork.errors import (
    ConfigError,
    NoWorker,
    TaskExpired,
    TaskFailed,
    TaskLost,
    TaskTimeout,
    name_of,
)
from zmqwork.options import TaskOptions
from zmqwork.signature import refuse_generator
from zmqwork.wire.values import decode_call, encode_value

if TYPE_CHECKING:
    from zmqwork.future import TaskFuture
    from zmqwork.producer import Producer
    from zmqwork.task import Task
    from zmqwork.validation.calls import Args, CallChecks, Kwargs

# The exceptions that say how a task ended, by that.
_ENDINGS: dict[str, type[Exception]] = {DEAD: TaskLost, EXPIRED: TaskExpired}


@dataclass(frozen=True)
class Fallback:
    """Another task, or a function of this process, that takes the place of a task.

    Attributes:
        target: the task, or the function; it is called with the same arguments.
        on: after which exceptions.
        checks: of the task whose place it takes: a function gets what its handler would have got.
    """

    target: Task[..., Any] | Callable[..., Any]
    on: tuple[type[BaseException], ...]
    checks: CallChecks | None = None

    @property
    def name(self) -> str:
        """Of the task or function, for people."""
        return str(getattr(self.target, "name", None) or getattr(self.target, "__qualname__", "?"))

    @property
    def spec(self) -> TaskSpec | None:
        """What to submit; None: a function is to be called here."""
        return getattr(self.target, "spec", None)

    def takes(self, state: str, error: Mapping[str, Any]) -> bool:
        """Whether it takes the place of a task that was settled so."""
        if state == CANCELLED or "journal" in error:
            return False
        if state == FAILED:
            timeout = error.get("timeout") is not None
            ending: type[Exception] = TaskTimeout if timeout else TaskFailed
            raised = _known(str(error.get("type", "")))
        else:
            ending, raised = _ENDINGS[state], None
        return any(
            issubclass(ending, kind)
            or (raised is not None and issubclass(raised, kind))
            or name_of(kind) == error.get("type")
            # A task that no worker takes expires: nobody else would ever say that none is there.
            or (kind is NoWorker and state == EXPIRED)
            for kind in self.on
        )

    def begin(self, producer: Producer, entry: Entry) -> None:
        """Let it settle the future of this entry. On the I/O thread."""
        future: TaskFuture[Any] = entry.owner  # type: ignore[assignment]
        future.__dict__["degraded"] = True
        future.__dict__["ran"] = self.name
        producer.degraded[entry.spec.name] = producer.degraded.get(entry.spec.name, 0) + 1
        if producer.hearing is not None:
            producer.hearing.degraded(producer.node_id, entry, self.name)
        if self.spec is not None:
            producer.follow(self.spec, entry.args, future)
        else:
            producer.hold(entry)
            producer.callbacks.run(self._call, producer, entry, entry.args, future)

    def _call(
        self, producer: Producer, failed: Entry, args: bytes, future: TaskFuture[Any]
    ) -> None:
        from zmqwork.execution.invoke import error_record  # noqa: PLC0415 - what workers need

        positional: Args
        named: Kwargs
        entry = Entry(future.seq, TaskSpec(self.name, "", TaskOptions()), b"", future)
        entry.attempt = 1
        try:
            positional, named = decode_call(args)
            if self.checks is not None:
                positional, named = self.checks.take(positional, named)
            entry.value = encode_value(self.target(*positional, **named))
            entry.state = SUCCEEDED
        except BaseException as error:  # noqa: BLE001 - the caller of `result` gets it
            entry.state, entry.error = FAILED, {**error_record(error), "attempts": 1}
        producer.settle([entry])
        producer.let_go(failed)


def fallback_of(target: Any, on: type[BaseException] | Collection[type[BaseException]]) -> Fallback:
    """From what users write. Raises `ConfigError`."""
    if not callable(target):
        raise ConfigError(f"fallback must be a task or a function, not {target!r}")
    if not hasattr(target, "spec"):
        refuse_generator(target, "a fallback returns what stands for the result")
    kinds = on if isinstance(on, (tuple, list)) else (on,)
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise ConfigError(f"fallback_on takes classes of exceptions, not {kind!r}")
    if not kinds:
        raise ConfigError("fallback_on names no exception: the fallback would never be used")
    return Fallback(target, tuple(kinds))


def divert(producer: Producer, entries: list[Entry]) -> list[Entry]:
    """Let fallbacks take over what they can; the others."""
    left = []
    for entry in entries:
        fallback: Fallback | None = entry.spec.fallback
        if (
            fallback is not None
            and entry.error is not None
            and fallback.takes(entry.state, entry.error)
            and not producer.is_leaving
        ):
            fallback.begin(producer, entry)
        else:
            left.append(entry)
    return left


def _known(type_name: str) -> type | None:
    """The class of this name, if its module is loaded here: what it derives from counts, too."""
    module, _, name = type_name.rpartition(".")
    found = getattr(sys.modules.get(module or "builtins"), name, None)
    return found if isinstance(found, type) else None
