"""What can be set of a task, as a frozen record that checks itself. Durations are seconds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields

from zmqwork.config import check_boolean, check_name, check_number, shown
from zmqwork.errors import ANY_ERROR, ConfigError, UsageError, name_of

# Priorities go from minus this to this.
PRIORITY_MAX = 100

# Exceptions that a task is, or is not, retried for: their names go with its attempts.
EXCEPTIONS_MAX = 32

# Headers of a task, and bytes of their names and texts together.
HEADERS_MAX = 32
HEADERS_BYTES_MAX = 4096
Headers = Mapping[str, str] | Collection[tuple[str, str]]
Exceptions = type[BaseException] | str | Collection[type[BaseException] | str]


def exception_names(what: str, given: Exceptions) -> tuple[str, ...]:
    """Exceptions by class or name, as names. Raises `ConfigError` for what is neither."""
    some = given if isinstance(given, (tuple, list, set, frozenset)) else (given,)
    if len(some) > EXCEPTIONS_MAX:
        raise ConfigError(f"{what} names {len(some)} exceptions, at most {EXCEPTIONS_MAX} are told")
    names = []
    for one in some:
        if isinstance(one, type) and issubclass(one, BaseException):
            one = name_of(one)  # noqa: PLW2901
        elif not isinstance(one, str):
            raise ConfigError(
                f"{what} takes classes of exceptions, or their names, not {shown(one)}"
            )
        names.append(check_name(f"a name in {what}", one))
    return tuple(names)


def _header_pairs(given: Headers) -> tuple[tuple[str, str], ...]:
    """Headers in the one form that can be compared. Raises `ConfigError`."""
    try:
        headers = dict(given)
    except (TypeError, ValueError):
        raise ConfigError(f"headers must be a dict of texts, not {shown(given)}") from None
    if len(headers) > HEADERS_MAX:
        raise ConfigError(f"{len(headers)} headers are too many: {HEADERS_MAX} is the limit")
    size_bytes = 0
    for name, text in headers.items():
        check_name("the name of a header", name)
        if not isinstance(text, str):
            raise ConfigError(f"header {name!r} must be a text, not {shown(text)}")
        size_bytes += len(name.encode()) + len(text.encode("utf-8", "backslashreplace"))
    if size_bytes > HEADERS_BYTES_MAX:
        raise ConfigError(f"headers have {size_bytes} bytes; {HEADERS_BYTES_MAX} is the limit")
    return tuple(sorted(headers.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOptions:
    """How a task is queued, retried and given up on.

    Attributes:
        queue: the lane it waits in; workers serve queues by name.
        priority: from -100 to 100; the larger goes first, in its queue and over those without
            weights. What waits gains one with each `ProducerConfig.priority_aging`.
        max_retries: further attempts after the handler raised (0: the first failure settles).
        retry_backoff: the longest first delay before a retry; doubles with each failure.
        retry_backoff_max: no delay is longer than this.
        retry_jitter: a delay is anything up to that, so that what failed together does not come
            back together; False: it is exactly that.
        retry_for: the exceptions after which it is tried again, by class or by name (as
            `TaskFailed.type_name` has it), with those derived from them.
        no_retry_for: those of them after which it is not.
        countdown: seconds after submit before which no worker gets it.
        timeout: seconds that an attempt may run; then it has failed, and its process is killed.
            None: as long as it takes. (The inline pool cannot interrupt what runs.)
        soft_timeout: seconds after which `SoftTimeout` is raised in the handler: it may clean up.
        expires: seconds after submit when the task is worthless; None: never.
        sink: the name of the sinks to one of which the result goes; None: back to the producer.
        inbox: the ids of the inboxes one of which alone may take the result.
        result_ttl: seconds that the producer keeps the result for other processes (`App.result`).
            0: as long as the producer's own option says, which is not at all.
        ignore_result: nothing comes back but that it succeeded: the value, which is None then, does
            not leave the worker.
        headers: small texts by name that go with the task, as ``{"traceparent": ...}``: at most
            HEADERS_MAX, and HEADERS_BYTES_MAX together. Its handler sees them in `current()`.
        key: results of one key go to one sink, as long as it is there; None: the task's number.
    """

    queue: str = "default"
    priority: int = 0
    max_retries: int = 3
    retry_backoff: float = 1.0
    retry_backoff_max: float = 600.0
    retry_jitter: bool = True
    retry_for: Exceptions = ANY_ERROR
    no_retry_for: Exceptions = ()
    countdown: float = 0.0
    timeout: float | None = None
    soft_timeout: float | None = None
    expires: float | None = None
    sink: str | None = None
    inbox: str | tuple[str, ...] = ()
    key: str | None = None
    result_ttl: float = 0.0
    ignore_result: bool = False
    headers: Headers = ()

    def __post_init__(self) -> None:
        check_name("queue", self.queue)
        check_number("priority", self.priority, -PRIORITY_MAX, PRIORITY_MAX)
        check_number("max_retries", self.max_retries, 0, 1_000_000)
        for what in ("priority", "max_retries"):
            if not isinstance(getattr(self, what), int):
                raise ConfigError(
                    f"{what} must be a whole number, not {shown(getattr(self, what))}"
                )
        check_number("retry_backoff", self.retry_backoff, 0)
        check_number("retry_backoff_max", self.retry_backoff_max, 0)
        check_boolean("retry_jitter", self.retry_jitter)
        object.__setattr__(self, "retry_for", exception_names("retry_for", self.retry_for))
        object.__setattr__(self, "no_retry_for", exception_names("no_retry_for", self.no_retry_for))
        check_number("countdown", self.countdown, 0)
        for what in ("timeout", "soft_timeout", "expires"):
            if getattr(self, what) is not None:
                check_number(what, getattr(self, what), 0)
        if self.sink is not None:
            check_name("sink", self.sink)
        inboxes = (self.inbox,) if isinstance(self.inbox, str) else self.inbox
        if not isinstance(inboxes, (tuple, list)):
            raise ConfigError(
                f"inbox must be the id of one, or a tuple of some, not {shown(inboxes)}"
            )
        object.__setattr__(self, "inbox", tuple(check_name("inbox", inbox) for inbox in inboxes))
        if self.key is not None:
            check_name("key", self.key)
        check_number("result_ttl", self.result_ttl, 0)
        check_boolean("ignore_result", self.ignore_result)
        object.__setattr__(self, "headers", _header_pairs(self.headers))
        if self.ignore_result and self.goes_to_sink:
            raise ConfigError("ignore_result and sink (or inbox) exclude each other")

    @property
    def exceptions(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """`retry_for` and `no_retry_for`, as they are after the check."""
        return self.retry_for, self.no_retry_for  # type: ignore[return-value]  # as `inboxes`

    @property
    def headers_pairs(self) -> tuple[tuple[str, str], ...]:
        """`headers`, as they are after the check: names and texts, by name."""
        return self.headers  # type: ignore[return-value]  # as `inboxes`

    @property
    def inboxes(self) -> tuple[str, ...]:
        """`inbox`, as it is after the check."""
        return self.inbox  # type: ignore[return-value]  # __post_init__ made it a tuple

    @property
    def goes_to_sink(self) -> bool:
        """Whether the result goes elsewhere than back to the producer."""
        return self.sink is not None or bool(self.inbox)

    def need_results(self, what: str) -> None:
        """Raise `UsageError` if no results come back; `what` cannot be done with the task then."""
        if self.ignore_result:
            raise UsageError(f"{what}: its results are ignored (ignore_result); submit() its calls")
        if self.goes_to_sink:
            where = f"inbox {', '.join(self.inboxes)}" if self.inbox else f"sink {self.sink}"
            raise UsageError(
                f"{what}: its results go to {where}, and do not come back; submit() its calls, "
                "or use a pipeline"
            )


TASK_OPTION_NAMES = tuple(f.name for f in fields(TaskOptions))
