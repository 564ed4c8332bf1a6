"""Brokerless work distribution: push tasks over ZeroMQ straight to workers that find each other.

::

    import zmqwork

    app = zmqwork.App("thumbs")


    @app.task(max_retries=5)
    def thumbnail(path: str, width: int = 200) -> str: ...


    future = thumbnail.submit("a.jpg", width=100)
    print(future.result(timeout=10))

Importing this opens no socket, starts no thread and loads no more than the name that is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zmqwork.app import App
    from zmqwork.errors import (
        ArgumentError,
        ArgumentRefused,
        ConfigError,
        DecodeError,
        EncodeError,
        InsecureBind,
        JournalBroken,
        JournalError,
        JournalFull,
        JournalInUse,
        KeysError,
        NoWorker,
        PendingFull,
        ProtocolError,
        SoftTimeout,
        StoreError,
        TaskCancelled,
        TaskError,
        TaskExpired,
        TaskFailed,
        TaskLost,
        TaskTimeout,
        TransportError,
        UsageError,
        VersionMismatch,
        ZmqworkError,
    )
    from zmqwork.execution.context import Context, checkpoint, current
    from zmqwork.execution.logs import LogContext
    from zmqwork.execution.retry import Reject, Retry, Snooze
    from zmqwork.executor import Executor
    from zmqwork.future import TaskFuture
    from zmqwork.hooks import TaskEvent
    from zmqwork.middleware import Middleware
    from zmqwork.nodes.worker import Worker
    from zmqwork.pipeline import Pipeline
    from zmqwork.producer import Producer
    from zmqwork.run import Failure, Run
    from zmqwork.sink import Sink
    from zmqwork.sinks.inbox import SqliteInbox
    from zmqwork.task import Task
    from zmqwork.ventilating import ventilate
    from zmqwork.wire.values import register_codec

__version__ = "0.1.0"

__all__ = [
    "App",
    "ArgumentError",
    "ArgumentRefused",
    "ConfigError",
    "Context",
    "DecodeError",
    "EncodeError",
    "Executor",
    "Failure",
    "InsecureBind",
    "JournalBroken",
    "JournalError",
    "JournalFull",
    "JournalInUse",
    "KeysError",
    "LogContext",
    "Middleware",
    "NoWorker",
    "PendingFull",
    "Pipeline",
    "Producer",
    "ProtocolError",
    "Reject",
    "Retry",
    "Run",
    "Sink",
    "Snooze",
    "SoftTimeout",
    "SqliteInbox",
    "StoreError",
    "Task",
    "TaskCancelled",
    "TaskError",
    "TaskEvent",
    "TaskExpired",
    "TaskFailed",
    "TaskFuture",
    "TaskLost",
    "TaskTimeout",
    "TransportError",
    "UsageError",
    "VersionMismatch",
    "Worker",
    "ZmqworkError",
    "checkpoint",
    "current",
    "register_codec",
    "ventilate",
]

_HOMES = {
    "App": "zmqwork.app",
    "Context": "zmqwork.execution.context",
    "Executor": "zmqwork.executor",
    "Failure": "zmqwork.run",
    "LogContext": "zmqwork.execution.logs",
    "Middleware": "zmqwork.middleware",
    "Pipeline": "zmqwork.pipeline",
    "Producer": "zmqwork.producer",
    "Reject": "zmqwork.execution.retry",
    "Retry": "zmqwork.execution.retry",
    "Run": "zmqwork.run",
    "Sink": "zmqwork.sink",
    "Snooze": "zmqwork.execution.retry",
    "SqliteInbox": "zmqwork.sinks.inbox",
    "Task": "zmqwork.task",
    "TaskEvent": "zmqwork.hooks",
    "TaskFuture": "zmqwork.future",
    "Worker": "zmqwork.nodes.worker",
    "checkpoint": "zmqwork.execution.context",
    "current": "zmqwork.execution.context",
    "register_codec": "zmqwork.wire.values",
    "ventilate": "zmqwork.ventilating",
}


def __getattr__(name: str) -> object:
    """Load a public name at its first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES.get(name, "zmqwork.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
