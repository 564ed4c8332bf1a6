"""What a handler's exception means for its task. It is asked here, where the exception is.

Classes do not travel, and a producer need not know them: it sends the names in `retry_for` and
`no_retry_for` along with the task, if they are not the default, and is told whether another attempt
is of use. What that attempt costs, and when it is due, is the producer's affair.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from zmqwork.core.retry import is_retried
from zmqwork.errors import SoftTimeout, name_of
from zmqwork.execution.context import running

RetryWhen = Callable[[BaseException, int], object]

# No attempt is put off for longer: a hundred years.
SECONDS_MAX = 3_153_600_000.0

# By handler. Bounded by the program's text.
_conditions: dict[Callable[..., Any], RetryWhen] = {}


class Retry(Exception):  # it is no error, but what a handler wants
    """Raised by a handler: this attempt has failed, and another one is to be made.

    Whatever `retry_for`, `no_retry_for` and `retry_when` of the task say; its `max_retries` holds.
    What it was raised from, or was being handled when it was raised, is told as the failure::

        except Busy as busy:
            raise zmqwork.Retry(after=busy.retry_after)

    Attributes:
        after: seconds until the next attempt; None: as after any failure.

    Raises:
        ValueError: that is no number of seconds.
    """

    def __init__(self, after: float | None = None) -> None:
        super().__init__(after)
        self.after = None if after is None else _seconds("Retry(after)", after)

    def __str__(self) -> str:
        return "the handler wants another attempt"


class Snooze(Exception):
    """Raised by a handler: nothing has failed, the time has not come. It uses up no retry.

    Attributes:
        seconds: until the next attempt.

    Raises:
        ValueError: that is no number of seconds.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = _seconds("Snooze(seconds)", seconds)

    def __str__(self) -> str:
        return f"the handler puts its task off for {self.seconds:g} s"


class Reject(Exception):
    """Raised by a handler: this worker cannot run its task, another one may. It uses up no retry.

    The task is given to this worker no more.

    Attributes:
        reason: why, in a sentence, for people.
        worker_unfit: whether this worker cannot do its work at all: then it drains and leaves.

    Raises:
        ValueError: the reason is no text, or empty.
    """

    def __init__(self, reason: str, worker_unfit: bool = False) -> None:
        super().__init__(reason, worker_unfit)
        if type(reason) is not str or not reason:  # users call this, typed or not
            raise ValueError(f"Reject(reason) says why, not {reason!r}")
        self.reason = reason
        self.worker_unfit = bool(worker_unfit)

    def __str__(self) -> str:
        return self.reason


def _seconds(what: str, value: float) -> float:
    # (NaN is no more than anything. A bool is an int, and Snooze(True) no second.)
    if type(value) not in (int, float) or not value <= math.inf:
        raise ValueError(f"{what} is a number of seconds, not {value!r}")
    return min(max(0.0, float(value)), SECONDS_MAX)


def set_condition(handler: Callable[..., Any], condition: RetryWhen) -> None:
    """Ask `condition` whether what this handler raised is worth another attempt."""
    _conditions[handler] = condition


def share_condition(handler: Callable[..., Any], other: Callable[..., Any]) -> None:
    """`other` runs this handler: the same holds for it."""
    if handler in _conditions:
        _conditions[other] = _conditions[handler]


def verdict(
    handler: Callable[..., Any], error: BaseException
) -> tuple[BaseException, dict[str, Any]]:
    """Which exception of the task that runs here to tell of, and what else stands in its record.

    That is ``final`` (another attempt is of no use), or ``after`` (seconds until it) and ``snooze``
    (it counts as none), or ``rejected`` (this worker cannot run it) and ``unfit`` (nor anything
    else); and ``timeout``, for what ran too long.

    Args:
        handler: what raised.
        error: what it raised.
    """
    if isinstance(error, Retry):
        return _cause(error), {} if error.after is None else {"after": error.after}
    if isinstance(error, Snooze):
        return error, {"after": error.seconds, "snooze": True}
    if isinstance(error, Reject):
        return error, {"rejected": True, **({"unfit": True} if error.worker_unfit else {})}
    item = running.get()  # None: somebody calls a handler of chunks by hand
    options = item.options if item is not None else {}
    said: dict[str, Any] = {}
    if isinstance(error, SoftTimeout) and "soft_timeout" in options:
        said["timeout"] = options["soft_timeout"]
    if is_retried(options, [name_of(kind) for kind in type(error).__mro__]):
        condition = _conditions.get(handler)
        try:
            if condition is None or condition(error, item.attempt if item is not None else 1):
                return error, said
        except Exception as second:  # noqa: BLE001  # it is user code
            # A broken condition decides nothing; that it is broken is told with the failure.
            return second, said
    return error, {**said, "final": True}


def _cause(error: BaseException) -> BaseException:
    if error.__cause__ is not None:
        return error.__cause__
    if error.__context__ is not None and not error.__suppress_context__:
        return error.__context__
    return error
