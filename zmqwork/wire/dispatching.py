"""TASKS: runs of attempts and their options, as fields of a message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zmqwork.core.messages import BATCH_COUNT_MAX, Run, Tasks
from zmqwork.options import EXCEPTIONS_MAX, PRIORITY_MAX
from zmqwork.wire import advancing, delivering, fields
from zmqwork.wire.limits import HEADER_BYTES_MAX, SUM_MAX
from zmqwork.wire.payloads import Incoming, Outgoing

_KEYS_MAX = 256


def tasks(m: Tasks, out: Outgoing) -> list[Any]:
    """The fields of TASKS."""
    runs = [_run(run, out) for run in m.runs]
    return [runs, m.ack] if m.ack else [runs]


def _run(r: Run, out: Outgoing) -> list[Any]:
    run = [r.name, r.options, r.attempt, r.seqs, out.place(r.args)]
    return run if r.to is None else [*run, delivering.write_destination(r.to)]


def read_tasks(f: list[Any], incoming: Incoming) -> Tasks:
    """TASKS."""
    runs = fields.array_of(f[2], "TASKS' runs", BATCH_COUNT_MAX)
    left = BATCH_COUNT_MAX
    out = []
    for run in runs:
        fields.array_of(run, "a run of TASKS", _KEYS_MAX, 5)
        options = fields.map_of(run[1], "a run's options", _KEYS_MAX)
        if options:
            _check_options(options)
        seqs = fields.numbers(run[3], "a run's tasks", left)
        args = incoming.fetch(run[4], "a run's arguments", left)
        fields.same_length(seqs, args, "tasks and arguments of a run")
        left -= len(seqs)
        attempt = fields.number(run[2], "a run's attempt")
        to = delivering.read_destination(run[5]) if len(run) > 5 and run[5] is not None else None
        if to is not None:
            fields.same_length(seqs, to.sink_seqs, "tasks and numbers of a run")
        out.append(Run(fields.task_name(run[0]), options, attempt, seqs, args, to))
    return Tasks(out, fields.number(f[3], "TASKS' ack") if len(f) > 3 else 0)


def _check_options(options: dict[str, Any]) -> None:
    for key, value in options.items():
        read = _OPTIONS.get(key)
        if read is not None:
            options[key] = read(value)
        else:  # "alone", "stream", or of a newer minor version
            fields.plain(value, "a run's options")


def _headers(value: Any) -> dict[str, str]:
    headers = fields.map_of(value, "a task's headers", _KEYS_MAX)
    for header in headers.values():
        fields.text(header, "a task's header", HEADER_BYTES_MAX)
    return headers


def _exceptions(value: Any) -> list[str]:
    names = fields.array_of(value, "exceptions in a run's options", EXCEPTIONS_MAX)
    return [fields.name(name, "an exception's name in a run's options") for name in names]


_OPTIONS: dict[str, Callable[[Any], Any]] = {
    "queue": lambda value: fields.name(value, "a queue's name"),
    "priority": lambda value: fields.number(value, "a priority", PRIORITY_MAX, -PRIORITY_MAX),
    "deadline": lambda value: fields.seconds(value, "a deadline", -SUM_MAX, SUM_MAX),
    "headers": _headers,
    "timeout": lambda value: fields.seconds(value, "a run's timeout", 0.0, SUM_MAX),
    "soft_timeout": lambda value: fields.seconds(value, "a run's soft_timeout", 0.0, SUM_MAX),
    "retry_for": _exceptions,
    "no_retry_for": _exceptions,
    "checkpoint": advancing.read_checkpoint,
    "part": advancing.read_part,
    "unread": advancing.read_part,
    "unread_bytes": advancing.read_part,
}
