"""A task that is handed over now, or when there is room for it; and one that never is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from zmqwork.core.ledger import Entry, TaskSpec
from zmqwork.core.lifecycle import CANCELLED
from zmqwork.errors import PendingFull
from zmqwork.settling import settle

if TYPE_CHECKING:
    from zmqwork.future import TaskFuture
    from zmqwork.nodes.pending import Pending


class Offer:
    """One task, for callers that must not wait by blocking their thread.

    Args:
        future: whose task it is; it has no number yet.
        spec, args: the task.
        pending: where it is to go.
        submit: what hands it over in the place of `pending`, and may wait; None: nothing.

    Attributes:
        future: as given; it has its number once the task is handed over.
    """

    def __init__(
        self,
        future: TaskFuture[Any],
        spec: TaskSpec,
        args: bytes,
        pending: Pending,
        submit: Callable[[TaskSpec, bytes, object], int] | None,
    ) -> None:
        future.seq = 0
        self.future = future
        self._spec = spec
        self._args = args
        self._pending = pending
        self._submit = submit

    def make(self) -> bool:
        """Hand it over; False: there is no room now. Raises as `Producer.submit`."""
        future = self.future
        try:
            if self._submit is not None:
                seq = self._submit(self._spec, self._args, future)
            else:
                seq = self._pending.submit(self._spec, self._args, future, wait=False)
        except PendingFull:
            if self._pending.raises:
                raise
            return False
        # (Perhaps another task has taken its place by now.)
        future.seq = future.__dict__.get("followed", seq) if future.degraded else seq
        return True

    async def wait(self) -> None:
        """Hand it over as soon as there is room; the running event loop goes on meanwhile."""
        while not self.make():
            await self._pending.room(len(self._args))

    def give_up(self) -> None:
        """It is not handed over: its future is cancelled."""
        cancel_unsent([(self._spec, self.future)], "it was not submitted")


def cancel_unsent(tasks: Iterable[tuple[TaskSpec, object]], text: str) -> None:
    """Cancel the futures of tasks that no producer has got."""
    entries = []
    for spec, future in tasks:
        entry = Entry(0, spec, b"", future)
        entry.state = CANCELLED
        entry.error = {"type": "CancelledError", "text": text}
        entries.append(entry)
    settle(entries)
