"""Every error that zmqwork raises: the branch says who is to blame.

::

    ZmqworkError
    ├── ConfigError (ValueError)          you: an option is wrong
    │   ├── InsecureBind                  you: a routable address without keys
    │   └── KeysError                     you: a key file is missing, unsafe or wrong
    ├── UsageError (RuntimeError)         you: not like this, or not now
    │   ├── ArgumentError (TypeError)     you: a value of another type than the task's
    │   ├── EncodeError (TypeError)       you: a value that cannot travel
    │   └── PendingFull                   you: faster than `max_pending` allows
    ├── ProtocolError                     a peer broke the protocol
    │   ├── DecodeError                   bytes that are no message
    │   └── VersionMismatch               another protocol major
    ├── TransportError (OSError)          the machine or the network
    ├── JournalError                      the disk
    │   ├── JournalFull                   it has no room: make some, it goes on
    │   ├── JournalBroken                 it failed: this process must not go on
    │   └── JournalInUse                  another process has this journal
    ├── StoreError                        the place where a sink puts its results
    ├── SoftTimeout (TimeoutError)        inside a handler: time to clean up
    └── TaskError                         this task: always has `task_id`
        ├── TaskFailed                    its handler raised, attempts used up
        │   └── ArgumentRefused (ArgumentError)  its handler was not run: the worker has refused
        ├── TaskTimeout (TimeoutError)    it ran too long
        ├── TaskLost                      its workers died of it, or rejected it, once too often
        ├── TaskCancelled (CancelledError)  somebody cancelled it
        ├── TaskExpired                   its deadline passed before it ran
        └── NoWorker (TimeoutError)       nobody was there to run it

All of them pickle, because they cross process boundaries.
"""

from __future__ import annotations

import concurrent.futures
import textwrap

# The names of the exceptions after which a task is retried, unless it says otherwise: all.
ANY_ERROR = ("BaseException",)


def name_of(kind: type) -> str:
    """By what name a class of exceptions travels: ``ValueError``, ``subprocess.TimeoutExpired``."""
    try:
        module, name = str(kind.__module__), str(kind.__qualname__)
    except BaseException:  # noqa: BLE001  # a metaclass is user code
        return "Exception"
    return name if module == "builtins" else f"{module}.{name}"


class ZmqworkError(Exception):
    """The root of all errors of this package."""


class ConfigError(ZmqworkError, ValueError):
    """An option has a value that it cannot have."""


class InsecureBind(ConfigError):
    """A routable address was asked for, and there are no keys to guard it."""


class KeysError(ConfigError):
    """Keys, or a roster, that cannot be used: missing, unsafe, or wrong."""


class UsageError(ZmqworkError, RuntimeError):
    """The call does not fit the state, or the way, in which things are."""


class ArgumentError(UsageError, TypeError):
    """An argument is not what its parameter is annotated with, in a task with ``validate=True``.

    Attributes:
        argument: the parameter's name; empty: the call as a whole does not fit.
    """

    def __init__(self, text: str, argument: str = "") -> None:
        super().__init__(text, argument)
        self.argument = argument

    def __str__(self) -> str:
        return str(self.args[0])


class EncodeError(UsageError, TypeError):
    """A value that cannot travel: not one of the types that the wire knows."""


class PendingFull(UsageError):
    """`max_pending` tasks are unsettled and the producer was told not to wait."""


class ProtocolError(ZmqworkError):
    """A peer broke the protocol; it costs that peer its session."""


class DecodeError(ProtocolError):
    """Bytes that are not a message of this protocol."""


class VersionMismatch(ProtocolError):
    """The peer speaks no protocol version that we speak."""


class TransportError(ZmqworkError, OSError):
    """The machine or the network does not do what is needed."""


class JournalError(ZmqworkError):
    """The journal cannot be read or written."""

    @property
    def reason(self) -> str:
        """What it says; as `TaskError` has it, for those who tell of tasks."""
        return str(self)


class JournalFull(JournalError):
    """There is no room: on the disk, or in what the journal may take. Nothing was written."""


class JournalBroken(JournalError):
    """The disk failed: what is written is not known any more, until the journal is opened anew."""


class JournalInUse(JournalError):
    """Another process has the journal, or this one has it already.

    Attributes:
        path: which.
        pid: the process; None: not known.
    """

    def __init__(self, path: str, pid: int | None = None) -> None:
        super().__init__(path, pid)
        self.path = path
        self.pid = pid

    def __str__(self) -> str:
        who = f"process {self.pid}" if self.pid else "another process"
        return f"{self.path} is in use by {who}: a journal belongs to one producer at a time"


class StoreError(ZmqworkError):
    """Where a sink stores its results cannot be opened or written: a full disk, wrong rights."""


class SoftTimeout(ZmqworkError, TimeoutError):
    """Raised in a handler when its `soft_timeout` is over: it may clean up, fail, or return.

    A coroutine is cancelled instead, and has failed with this if that ends it.
    """

    def __str__(self) -> str:
        return "the handler ran longer than its soft_timeout"


class TaskError(ZmqworkError):
    """How one task ended badly.

    Attributes:
        task_id: the task, as `TaskFuture.id` names it.
        reason: what happened, in a sentence.
    """

    def __init__(self, task_id: str, reason: str) -> None:
        super().__init__(task_id, reason)
        self.task_id = task_id
        self.reason = reason

    def __str__(self) -> str:
        return f"task {self.task_id}: {self.reason}"


class TaskFailed(TaskError):
    """The handler raised, and no attempt is left.

    Attributes:
        task_id: the task, as `TaskFuture.id` names it.
        reason: the exception, ``ValueError: no such tile``.
        type_name: the exception's type where it was raised, ``"ValueError"``.
        text: its message.
        traceback: the remote traceback as text; empty when there is none.
        attempts: how many attempts were made.
    """

    def __init__(
        self, task_id: str, type_name: str, text: str, traceback: str = "", attempts: int = 1
    ) -> None:
        super().__init__(task_id, f"{type_name}: {text}" if text else type_name)
        self.args = (task_id, type_name, text, traceback, attempts)
        self.type_name = type_name
        self.text = text
        self.traceback = traceback
        self.attempts = attempts

    def __str__(self) -> str:
        tries = "" if self.attempts == 1 else f" (attempt {self.attempts}, the last)"
        # A text of several lines does not begin one: it could pass for another message.
        reason = self.reason.replace("\n", "\n    ")
        head = f"task {self.task_id}{tries}: {reason}"
        if not self.traceback:
            return head
        return f"{head}\n\nOn the worker:\n{textwrap.indent(self.traceback.rstrip(), '    ')}"


class ArgumentRefused(TaskFailed, ArgumentError):
    """A worker has refused an argument, and has not run the handler: `submit` had let it pass.

    Attributes:
        task_id: the task, as `TaskFuture.id` names it.
        reason: which argument, what it must be, and what it is.
        argument: the parameter's name; empty: the call as a whole does not fit.
        attempts: how many attempts were made, with this one.
    """

    def __init__(self, task_id: str, argument: str, text: str, attempts: int = 1) -> None:
        TaskFailed.__init__(self, task_id, name_of(ArgumentError), text, attempts=attempts)
        self.args = (task_id, argument, text, attempts)
        self.reason = text
        self.argument = argument

    def __str__(self) -> str:
        return TaskFailed.__str__(self)


class TaskTimeout(TaskError, TimeoutError):
    """The task ran longer than it may."""


class TaskLost(TaskError):
    """Every worker that began it died, or has rejected it, and the limit of that is reached.

    Of a part of a broadcast: its own worker did, or left.
    """


class TaskCancelled(TaskError, concurrent.futures.CancelledError):
    """The task was cancelled, or its producer stopped before it was settled."""


class TaskExpired(TaskError):
    """The task's deadline passed before a worker began it."""


class NoWorker(TaskError, TimeoutError):
    """The time to wait is over, and no worker that could run the task is known."""
