"""What can be set of a node, as frozen records that check themselves. Durations are seconds."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, fields

from zmqwork.errors import ConfigError

# Characters of a wrong value that are shown.
_SHOWN_MAX = 200

# The wire's major version, as the range that this package speaks (DESIGN 4).
PROTOCOL_MIN = 1
PROTOCOL_MAX = 1

NAME_BYTES_MAX = 128

# The value of ``--keys``, and of ZMQWORK_KEYS, with which a node uses none.
NO_KEYS = "none"

# Patterns of functions that a worker allows: asked one after the other, for each kind of task.
PATTERNS_MAX = 64


def shown(value: object) -> str:
    """A value that is none, as an error shows it: its beginning, however deep it is."""
    try:
        text = repr(value)
    except RecursionError:
        return f"a {type(value).__name__} that is nested too deeply"
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."


def check_name(what: str, name: str) -> str:
    """Return `name` if it can be the name of `what`, else raise `ConfigError`."""
    if not name or not isinstance(name, str):  # users call this, typed or not
        raise ConfigError(f"{what} must be a non-empty string, not {shown(name)}")
    if len(name.encode("utf-8", "replace")) > NAME_BYTES_MAX or not name.isprintable():
        raise ConfigError(f"{what} must be printable and at most {NAME_BYTES_MAX} bytes: {name!r}")
    return name


def check_number(what: str, value: float, low: float, high: float = math.inf) -> None:
    """Raise `ConfigError` unless ``low <= value <= high`` (NaN and booleans never are)."""
    if type(value) not in (int, float) or not low <= value <= high:
        bound = f"from {_digits(low)} to {_digits(high)}"
        if high == math.inf:
            bound = f"at least {_digits(low)}"
        raise ConfigError(f"{what} must be a number {bound}, not {shown(value)}")


def _digits(value: float) -> str:
    """A bound as people write it, without an exponent."""
    return str(int(value)) if math.isfinite(value) and value == int(value) else f"{value:g}"


def check_options(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise `ConfigError` for the first unknown option, with the nearest known one."""
    names = sorted(known)
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"
            raise ConfigError(f"{what} has no option {name!r}: {hint}")


def check_patterns(patterns: Collection[str], tasks: Collection[str] = ()) -> None:
    """Raise `ConfigError` unless a worker can allow functions by these patterns."""
    if len(patterns) > PATTERNS_MAX:
        raise ConfigError(f"allow has {len(patterns)} patterns, at most {PATTERNS_MAX} are told")
    for pattern in patterns:
        check_name("a pattern of allow", pattern)
        if " " in pattern:
            raise ConfigError(f"allow is for functions, as 'pkg.module.*', not {pattern!r}")
        if pattern in tasks:
            raise ConfigError(f"allow={pattern!r} is the name of a task: write 'MODULE.{pattern}'")
        dotted = pattern.replace(":", ".")
        if ".." in dotted or dotted.startswith(".") or dotted.endswith("."):
            raise ConfigError(
                f"allow={pattern!r} matches nothing: no name of a function begins or ends with a "
                "dot, or has two in a row; 'pkg.*' is all of pkg"
            )
        if "." not in dotted and "*" not in dotted:
            raise ConfigError(
                f"allow={pattern!r} matches nothing: a function has its module before its name; "
                f"'{pattern}.*' is all of {pattern}"
            )


def check_boolean(what: str, value: object) -> None:
    """Raise `ConfigError` unless `value` is True or False."""
    if not isinstance(value, bool):
        raise ConfigError(f"{what} must be True or False, not {shown(value)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """When a silent peer is suspected, when it is lost, and how long a lease lasts (DESIGN 6).

    Attributes:
        heartbeat_interval: a PING is sent after this long, in both directions.
        suspect_timeout: a peer silent for this long gets no new attempts.
        lost_timeout: a peer silent for this long is lost.
        runtime_timeout: the same for a peer that shares its process with user code, as long as
            its link lives: there a long C call silences the heartbeat, not the node.
        gone_timeout: a peer whose link vanished is lost if it is not back within this.
        lease_timeout: a worker's right to an attempt, from the send time that the producer echoed.
        fence_timeout: the worker starts nothing on a lease older than this (before it ends).
        greeting_timeout: no WELCOME within this, and the link is dialled anew.
    """

    heartbeat_interval: float = 1.0
    suspect_timeout: float = 2.0
    lost_timeout: float = 4.0
    runtime_timeout: float = 30.0
    gone_timeout: float = 1.0
    lease_timeout: float = 4.0
    fence_timeout: float = 3.5
    greeting_timeout: float = 5.0

    def __post_init__(self) -> None:
        for name in [f.name for f in fields(self)]:
            check_number(name, getattr(self, name), 0.001)
        if not self.heartbeat_interval < self.suspect_timeout < self.lost_timeout:
            raise ConfigError("heartbeat_interval < suspect_timeout < lost_timeout must hold")
        if not self.fence_timeout < self.lease_timeout <= self.lost_timeout:
            raise ConfigError("fence_timeout < lease_timeout <= lost_timeout must hold")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """Who a node is; the part of the configuration that every role has.

    Attributes:
        node_id: 32 hexadecimal digits, random per process.
        name: a label for people; need not be unique.
        realm: the app's name; nodes of other realms are refused.
        host, pid, version: where the node runs, and what, for `ps`.
        insecure: whether others on a network reach it, without keys, for `ps`.
        health: time-outs.
    """

    node_id: str
    name: str
    realm: str
    host: str = ""
    pid: int = 0
    version: str = ""
    insecure: bool = False
    health: Health = field(default_factory=Health)

    def __post_init__(self) -> None:
        check_name("realm", self.realm)
        check_name("name", self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerConfig(NodeConfig):
    """What a producer's machine must know.

    Attributes:
        crash_limit: a task that was running when this many workers (or children) died is dead.
        max_pending: unsettled tasks before `submit` waits or raises.
        max_pending_bytes: the same in bytes of arguments.
        letters_max: dead letters that are kept, the newest; 0: none.
        letters_bytes: the same in bytes, about.
        result_ttl: seconds that results are kept for other processes (`App.result`), of tasks that
            do not say it; 0: not at all.
        results_max, results_bytes: how many are kept, the newest, and how many bytes, about.
        priority_aging: what waits gains one step of priority per so many seconds; 0: it never does.
        producer_id: under which its tasks are numbered at sinks: that of a run that is gone on with
            after a restart, whose tasks should name inboxes: the numbers of others depend on who
            was there when. Empty: its node id.
        sink_patience: a plain task whose sink does not answer waits again after this.
        notice_delay: a task that nobody can run is spoken of after this long.
        recall_delay: queued attempts of a busy worker are recalled for an idle one after this.
    """

    crash_limit: int = 3
    max_pending: int = 100_000
    max_pending_bytes: int = 256 * 1024 * 1024
    letters_max: int = 10_000
    letters_bytes: int = 16 * 1024 * 1024
    result_ttl: float = 0.0
    results_max: int = 10_000
    results_bytes: int = 64 * 1024 * 1024
    priority_aging: float = 60.0
    producer_id: str = ""
    sink_patience: float = 1.0
    notice_delay: float = 3.0
    recall_delay: float = 0.05

    def __post_init__(self) -> None:
        # dataclass(slots=True) makes a new class, so zero-argument super() would miss it.
        NodeConfig.__post_init__(self)
        check_number("crash_limit", self.crash_limit, 1)
        check_number("max_pending", self.max_pending, 1)
        check_number("max_pending_bytes", self.max_pending_bytes, 1)
        check_number("letters_max", self.letters_max, 0, 1_000_000)
        check_number("letters_bytes", self.letters_bytes, 1)
        check_number("result_ttl", self.result_ttl, 0)
        check_number("results_max", self.results_max, 0, 1_000_000)
        check_number("results_bytes", self.results_bytes, 1)
        check_number("priority_aging", self.priority_aging, 0)
        if self.producer_id:
            check_name("producer_id", self.producer_id)
        check_number("sink_patience", self.sink_patience, 0.001)
        check_number("notice_delay", self.notice_delay, 0.001)
        check_number("recall_delay", self.recall_delay, 0.001)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig(NodeConfig):
    """What a worker's machine must know.

    Attributes:
        slots: attempts that run at the same time.
        queues: the queues that it serves; empty: all of them.
        weights, strict, exclude_queues: as in `queues.Queues`.
        tasks: name -> signature fingerprint of the tasks that it can run.
        allow: patterns of the functions that it runs without an app: ``pkg.*``.
        command: what it runs for each record, for `ps`; empty: handlers.
        shares_process: True if user code runs in this process (inline, thread, asyncio pools).
        shares_thread: True if it runs in the loop's own thread (inline pool): nothing can be said
            while a handler runs.
        chunk_max: attempts handed to a slot at once, at most.
        prefetch_max: attempts granted beyond the slots, at most.
        credit_bytes: bytes of arguments that a producer may have here, unsettled.
        outbox_bytes: bytes of unacked results over all producers. Nothing is started for a
            producer that has more of them here than are left; all of them together pass the
            bound by no more than what the slots had of each when it was reached. One on its way to
            a sink counts for 128 bytes beside its value.
        undelivered_timeout: results for a sink that cannot be reached for so long are given up,
            and their attempts given back.
        drain_timeout: a drain that takes longer returns what still runs.
        idle_exit: leave after so long without anything to do; 0: stay.
        burst: leave when no producer has anything for it.
        unfit_after: leave, unfit, after so many worker faults in a row (`core.fitness`); 0: stay.
    """

    slots: int = 1
    queues: tuple[str, ...] = ()
    weights: tuple[int, ...] = ()
    strict: bool = False
    exclude_queues: tuple[str, ...] = ()
    tasks: dict[str, str] = field(default_factory=dict)
    allow: tuple[str, ...] = ()
    command: str = ""
    shares_process: bool = False
    shares_thread: bool = False
    chunk_max: int = 512
    prefetch_max: int = 16_384
    credit_bytes: int = 64 * 1024 * 1024
    outbox_bytes: int = 64 * 1024 * 1024
    undelivered_timeout: float = 30.0
    drain_timeout: float = 30.0
    idle_exit: float = 0.0
    burst: bool = False
    unfit_after: int = 0

    def __post_init__(self) -> None:
        NodeConfig.__post_init__(self)
        check_number("slots", self.slots, 1, 10_000)
        check_patterns(self.allow, self.tasks)
        check_number("chunk_max", self.chunk_max, 1)
        # (An inventory holds at most 65,536 attempts: `wire.limits.HELD_MAX`.)
        check_number("prefetch_max", self.prefetch_max, 0, 32_768)
        check_number("credit_bytes", self.credit_bytes, 1)
        check_number("outbox_bytes", self.outbox_bytes, 1)
        check_number("undelivered_timeout", self.undelivered_timeout, 0.001)
        check_number("drain_timeout", self.drain_timeout, 0)
        check_number("idle_exit", self.idle_exit, 0)
        check_boolean("burst", self.burst)
        check_number("unfit_after", self.unfit_after, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkConfig(NodeConfig):
    """What a sink's machine must know.

    Attributes:
        sinks: the names under which it takes results.
        inbox: the id of its inbox; empty: it has none.
        batch: results that are handed over at once, at most.
        linger: seconds that a batch which is not full waits for more.
        credit_count, credit_bytes: results, and bytes of them, that may be here and not stored,
            over all workers.
        once: leave when every producer that was met has said END.
        expect: leave when so many results are stored, what an inbox remembers included; 0: never.
        drain_timeout: a drain that takes longer leaves what is not stored to the workers.
    """

    sinks: tuple[str, ...] = ("default",)
    inbox: str = ""
    batch: int = 500
    linger: float = 0.0
    credit_count: int = 65_536
    credit_bytes: int = 64 * 1024 * 1024
    once: bool = False
    expect: int = 0
    drain_timeout: float = 30.0

    def __post_init__(self) -> None:
        NodeConfig.__post_init__(self)
        for sink in self.sinks:
            check_name("a sink", sink)
        if self.inbox:
            check_name("inbox", self.inbox)
        check_number("batch", self.batch, 1)
        check_number("linger", self.linger, 0)
        check_number("credit_count", self.credit_count, 1)
        check_number("credit_bytes", self.credit_bytes, 1)
        check_number("expect", self.expect, 0)
        check_number("drain_timeout", self.drain_timeout, 0)
