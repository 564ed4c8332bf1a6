"""What an app can do with tasks by their ids, whoever has submitted them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zmqwork.discovery.sources import Discovery


class Asking:
    """What `App` can do with the tasks of other processes.

    A task's id names its producer, which is looked for as workers are, and asked. It must be
    there still.
    """

    name: str
    discover: Callable[..., Discovery]

    def result(self, task_id: str, timeout: float | None = None) -> Any:
        """What a task returned, of whatever process; it is waited for.

        A result is there for as long as the task's `result_ttl` says; that of a task which is not
        settled yet comes in any case, and why one has failed as long as its producer remembers.

        Args:
            task_id: as `TaskFuture.id`.
            timeout: seconds to wait for it; None: as long as it takes.

        Raises:
            TaskError: as `TaskFuture.result` does.
            TimeoutError: it is not settled in time.
            UsageError: it is no id; its producer is not there (which takes 5 s to find out), or
                does not know the result, or not any more.
        """
        from zmqwork.elsewhere import result_of  # noqa: PLC0415 - the nodes load pyzmq

        return result_of(task_id, timeout, self.discover, self.name)

    def cancel(self, task_id: str, *, running: bool = False, hard: bool = False) -> bool:
        """Cancel a task, of whatever process; False: it has begun, or is settled.

        Args:
            task_id: as `TaskFuture.id`.
            running: also if it has begun.
            hard: the same, and it is given no time to end by itself.

        Raises:
            UsageError: as `result`.
        """
        from zmqwork.elsewhere import cancel  # noqa: PLC0415

        return cancel(task_id, self.discover, self.name, running=running, hard=hard)
