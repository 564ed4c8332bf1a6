"""A worker for an app's tasks: which pool runs them, and how the node is configured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from zmqwork.chunks import chunk_name
from zmqwork.config import WorkerConfig, check_number, check_options, check_patterns
from zmqwork.errors import ConfigError, UsageError
from zmqwork.execution.wear import Limits
from zmqwork.nodes.worker import Worker
from zmqwork.pools import PoolName, make_pool
from zmqwork.queues import Queues
from zmqwork.starting import identity

if TYPE_CHECKING:
    from zmqwork.discovery.sources import Discovery
    from zmqwork.task import Task

__all__ = ["Stay", "Worker", "make_worker"]

_MIB = 1024 * 1024


class Stay(TypedDict, total=False):
    """How long a worker, and each of its child processes, stays; nothing given: until it is told.

    Attributes:
        idle_exit: it leaves when it has had nothing to do for so many seconds.
        burst: it leaves when no producer that it met has anything for it, or it met none.
        unfit_after: it leaves, with the exit code 75 of `Worker.run`, after so many worker faults
            in a row about different tasks: rejected, or ended with their child.
        max_tasks_per_child: a child process is replaced when it has run so many tasks.
        max_memory_per_child: it is replaced after the task with which it had more MiB of memory.
    """

    idle_exit: float
    burst: bool
    unfit_after: int
    max_tasks_per_child: int
    max_memory_per_child: float


def _limits(stay: Stay) -> Limits:
    tasks, size = stay.get("max_tasks_per_child", 0), stay.get("max_memory_per_child", 0)
    check_number("max_tasks_per_child", tasks, 0)
    check_number("max_memory_per_child", size, 0)
    if not isinstance(tasks, int):
        raise ConfigError(f"max_tasks_per_child must be a whole number, not {tasks!r}")
    return Limits(tasks, int(size * _MIB))


def make_worker(
    tasks: Mapping[str, Task[..., Any]],
    discover: Callable[[], Discovery],
    *,
    realm: str,
    name: str | None,
    concurrency: int | None,
    pool: PoolName,
    queues: Iterable[str],
    strict: bool = False,
    exclude_queues: Iterable[str] = (),
    bind: Iterable[str],
    insecure_lan: bool,
    drain_timeout: float = 30.0,
    allow: Iterable[str] = (),
    initializer: tuple[str, bytes] | None = None,
    home: dict[str, Any] | None = None,
    command: str = "",
    **stay: Unpack[Stay],
) -> Worker:
    """A worker that is not started, for `App.worker`."""
    check_options("a worker", stay, Stay.__annotations__)
    if isinstance(bind, str):
        raise ConfigError(f"bind is a list of endpoints: [{bind!r}]")
    if isinstance(allow, str):
        raise ConfigError(f"allow is a list of patterns: [{allow!r}]")
    allow = tuple(dict.fromkeys(allow))
    check_patterns(allow, tasks)
    if not tasks and not allow:
        raise UsageError(
            f"app {realm!r} has no task: define them (@app.task) before the worker is made"
        )
    chosen = Queues.of(queues, strict=strict, exclude=exclude_queues)
    made = make_pool(
        pool,
        concurrency,
        tasks,
        allow=allow,
        initializer=initializer,
        home=home,
        queues=chosen,
        limits=_limits(stay),
    )
    config = WorkerConfig(
        **identity(realm, name),
        slots=made.slots,
        queues=chosen.names,
        weights=chosen.weights,
        strict=chosen.strict,
        exclude_queues=chosen.excluded,
        tasks={
            known: task.fingerprint
            for task in tasks.values()
            for known in (task.name, chunk_name(task.name))
        },
        allow=allow,
        command=command,
        shares_process=made.shares_process,
        shares_thread=made.shares_thread,
        drain_timeout=drain_timeout,
        idle_exit=stay.get("idle_exit", 0.0),
        burst=stay.get("burst", False),
        unfit_after=stay.get("unfit_after", 0),
    )
    return Worker(config, made, discovery=discover(), bind=tuple(bind), insecure_lan=insecure_lan)
