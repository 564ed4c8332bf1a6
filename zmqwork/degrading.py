"""How a producer settles futures, when something else may take the place of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from zmqwork.future import settle

if TYPE_CHECKING:
    from zmqwork.core.ledger import Entry, TaskSpec
    from zmqwork.future import TaskFuture
    from zmqwork.nodes.producer import Producer as Node
    from zmqwork.producer import Producer


class Degrading:
    """The part of `Producer` that is about fallbacks."""

    _node: Node | None

    def settle(self, entries: list[Entry]) -> None:
        """Settle the futures of these; what a fallback takes over goes on. On the I/O thread."""
        for entry in entries:
            if entry.error is not None:
                from zmqwork.fallback import divert  # noqa: PLC0415 - few tasks fail

                entries = divert(cast("Producer", self), entries)
                break
        settle(entries)

    def follow(self, spec: TaskSpec, args: bytes, future: TaskFuture[Any]) -> None:
        """Let another task settle a future whose own has ended."""
        assert self._node is not None
        # (Whoever submits it may be about to say its number.)
        future.__dict__["followed"] = future.seq = self._node.follow(spec, args, future)
        self._node.wake()

    def hold(self, entry: Entry) -> None:
        """This task counts as unsettled until `let_go`: a function takes its place."""
        assert self._node is not None
        self._node.pending.reopen([entry])

    def let_go(self, entry: Entry) -> None:
        """The function has ended."""
        assert self._node is not None
        self._node.pending.settle([entry])

    @property
    def is_leaving(self) -> bool:
        """Whether nothing more is submitted."""
        return self._node is None or self._node.pending.stopped
