"""When a task is due, and when it is worthless, said as instants instead of seconds.

An instant is turned into seconds when the task is submitted, by this machine's wall clock; from
then on no clock of the wall has a say, on any host.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from typing import Any

from zmqwork.core.ledger import TaskSpec
from zmqwork.errors import ConfigError

# What `Task.using` takes besides `options.TaskOptions`: option -> the option in seconds.
INSTANTS = {"eta": "countdown", "deadline": "expires"}


def check_instants(options: dict[str, Any]) -> dict[str, datetime]:
    """Take the instants out of what a user said. Raises `ConfigError`."""
    given = {name: options.pop(name) for name in INSTANTS if options.get(name) is not None}
    for name in INSTANTS:
        options.pop(name, None)
    for name, instant in given.items():
        if not isinstance(instant, datetime):
            raise ConfigError(f"{name} must be a datetime, not {instant!r}")
        if instant.tzinfo is None:
            raise ConfigError(
                f"{name}={instant!r} names no time zone: use datetime.now(UTC) + timedelta(...), "
                "or .astimezone() for local time"
            )
        seconds = INSTANTS[name]
        if seconds in options:
            raise ConfigError(f"{name} and {seconds} say the same thing: use one of them")
    return given


def has_instants(task: object) -> bool:
    """Whether the options of this task depend on when it is submitted."""
    return bool(vars(task).get("_instants"))


def at(spec: TaskSpec, instants: dict[str, datetime]) -> TaskSpec:
    """The task as it is submitted now."""
    now = time.time()  # noqa: TID251 - it is an instant of the wall that was given
    seconds: dict[str, Any] = {
        INSTANTS[name]: max(0.0, instant.timestamp() - now) for name, instant in instants.items()
    }
    return replace(spec, options=replace(spec.options, **seconds))
