"""A worker for an app's tasks: which pool runs them, and how the node is configured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from zmqwork.chunks import chunk_name
from zmqwork.config import WorkerConfig, check_patterns
from zmqwork.errors import ConfigError, UsageError
from zmqwork.nodes.worker import Worker
from zmqwork.pools import PoolName, make_pool
from zmqwork.queues import Queues
from zmqwork.starting import identity

if TYPE_CHECKING:
    from zmqwork.discovery.sources import Discovery
    from zmqwork.task import Task

__all__ = ["Worker", "make_worker"]


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
) -> Worker:
    """A worker that is not started, for `App.worker`."""
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
    )
    return Worker(config, made, discovery=discover(), bind=tuple(bind), insecure_lan=insecure_lan)
