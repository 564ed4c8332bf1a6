"""What is logged says which task it is about; as text for people, or as JSON for programs."""

from __future__ import annotations

import json
import logging
import time
from typing import Any, Final

from zmqwork.escaping import LINES, printable
from zmqwork.execution.context import Context, running

TEXT: Final = "text"
JSON: Final = "json"
FORMATS: Final = (TEXT, JSON)

_TEXT_FORMAT = "%(asctime)s %(levelname)s %(message)s"

# What a record has without being told; all else is an extra.
_OWN = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"})

# How this process logs, for children that are to do the same; None: that is its program's business.
chosen: tuple[str, str] | None = None


class LogContext(logging.Filter):
    """Gives each record that is logged inside of a task its `task_id`, `task` and `attempt`.

    Add it to a handler; formats may name the three then, and outside of tasks they are empty::

        handler = logging.StreamHandler()
        handler.addFilter(zmqwork.LogContext())
        handler.setFormatter(logging.Formatter("%(levelname)s [%(task_id)s] %(message)s"))
        logging.basicConfig(handlers=[handler])

    What a record says of itself (``extra={"task_id": ...}``) stays.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, with what is known of its task."""
        item = running.get()
        known: dict[str, Any] = {"task_id": "", "task": "", "attempt": ""}
        if item is not None:
            context = Context(item)
            known = {"task_id": context.task_id, "task": context.name, "attempt": context.attempt}
        if not hasattr(record, "task_id"):
            for key, value in known.items():
                if not hasattr(record, key):
                    setattr(record, key, value)
        return True


class TextFormatter(logging.Formatter):
    """Each record as text that a terminal shows, and does not obey.

    Tracebacks, and what handlers log, may have several lines.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The lines, without their end."""
        return printable(super().format(record), LINES)


class JsonFormatter(logging.Formatter):
    """Each record as one line: a JSON object.

    It has ``time`` (UTC, RFC 3339), ``level``, ``logger``, ``message``, what came as `extra`
    (empty values are left out), and ``exception`` and ``stack`` if there are any. What JSON does
    not know is there as text.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        instant = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{instant}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for key, value in vars(record).items():
            if key not in _OWN and key not in line and value not in (None, ""):
                line[key] = value
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return json.dumps(line, default=_text, skipkeys=True)


def log_to_stderr(level: str, form: str) -> None:
    """Show on standard error what is logged, of this level and above; children do the same.

    Does nothing if the program has configured the root logger itself.
    """
    global chosen  # noqa: PLW0603 - a fact about the process
    chosen = (level, form)
    handler = logging.StreamHandler()
    handler.addFilter(LogContext())
    handler.setFormatter(JsonFormatter() if form == JSON else TextFormatter(_TEXT_FORMAT))
    logging.basicConfig(level=level.upper(), handlers=[handler])


def said(role: str, text: str) -> str:
    """What a signal handler writes to standard error, where it must not wait for the log."""
    if chosen is not None and chosen[1] == JSON:
        record = logging.makeLogRecord({"name": "zmqwork", "levelname": "INFO", "msg": text})
        return JsonFormatter().format(record) + "\n"
    return f"\nzmqwork {role}: {text}\n"


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - it is user code
        return f"({type(value).__name__}: its text cannot be had: {type(error).__name__})"
