"""From how a task ended to the exception that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zmqwork.core import lifecycle
from zmqwork.errors import (
    ArgumentRefused,
    JournalBroken,
    JournalError,
    JournalFull,
    TaskCancelled,
    TaskError,
    TaskExpired,
    TaskFailed,
    TaskLost,
    TaskTimeout,
)
from zmqwork.escaping import LINES, printable

# An error's text names this many pieces of evidence; the rest is in the dead letter.
_EVIDENCE_SHOWN = 3
_LONG = ("traceback", "stderr")


class Raised:
    """An exception where a value could stand; a type of its own, for values may be exceptions."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


def error_of(task_id: str, state: str, error: Mapping[str, Any] | None) -> TaskError | JournalError:
    """The exception of a task that settled as anything but succeeded.

    Args:
        task_id: as `TaskFuture.id`.
        state: the settled state of `core.lifecycle`.
        error: the ledger's record of it; every key may be missing.
    """
    error = error or {}
    text = printable(error.get("text") or "", LINES)
    if state == lifecycle.FAILED and "journal" in error:
        return JournalFull(text) if error["journal"] == "full" else JournalBroken(text)
    if state == lifecycle.FAILED:
        return _failed(task_id, text, error)
    if state == lifecycle.DEAD:
        return TaskLost(task_id, printable(text or _lost(error.get("evidence"))))
    if state == lifecycle.EXPIRED:
        return TaskExpired(task_id, printable(text) or "it expired before a worker began it")
    return TaskCancelled(task_id, printable(text) or "it was cancelled")


def _failed(task_id: str, text: str, error: Mapping[str, Any]) -> TaskError:
    attempts = int(error.get("attempts") or 1)
    if error.get("timeout") is not None:
        return TaskTimeout(task_id, printable(text))
    if "argument" in error:
        return ArgumentRefused(task_id, printable(error["argument"]), text, attempts)
    name = printable(error.get("type") or "Exception")
    traceback = printable(error.get("traceback") or "", LINES)
    return TaskFailed(task_id, name, text, traceback, attempts)


def _lost(evidence: object) -> str:
    reason = "every worker that began it died"
    records = [evidence] if isinstance(evidence, Mapping) else evidence
    if not isinstance(records, Sequence) or isinstance(records, str) or not records:
        return reason
    shown = [_one_line(record) for record in records[-_EVIDENCE_SHOWN:]]
    more = len(records) - len(shown)
    return f"{reason} ({'; '.join(shown)}{f'; and {more} more' if more else ''})"


def _one_line(record: object) -> str:
    if not isinstance(record, Mapping):
        return str(record)
    shown = {key: value for key, value in record.items() if key not in _LONG and value != ""}
    return ", ".join(f"{key} {value}" for key, value in shown.items())
