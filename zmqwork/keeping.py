"""What a producer keeps beyond the moment: its tasks in a journal, and its dead letters."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, cast

from zmqwork.core.letters import LettersRequested, RevivalRequested
from zmqwork.errors import UsageError
from zmqwork.future import TaskFuture

if TYPE_CHECKING:
    from zmqwork.core.letters import DeadLetter
    from zmqwork.nodes.producer import Producer as Node
    from zmqwork.producer import Producer


class Keeping:
    """The part of `Producer` that is about what it keeps."""

    _node: Node | None

    def _started(self) -> Node:
        raise NotImplementedError

    def future_of(self, seq: int) -> TaskFuture[Any]:
        """A future for a task that was submitted by an earlier process with this journal."""
        future: TaskFuture[Any] = TaskFuture(cast("Producer", self))
        future.seq = seq
        return future

    def letters(
        self, seqs: Collection[int] | None = None, *, remove: bool = False
    ) -> list[tuple[DeadLetter, float]]:
        """Dead letters with the seconds since they died: of these tasks, or all.

        `remove`: they are forgotten.
        """
        letters: list[tuple[DeadLetter, float]] = self._started()._ask(
            lambda r: LettersRequested(r, seqs, remove), []
        )
        return letters

    def revive(self, seqs: Collection[int]) -> list[TaskFuture[Any]]:
        """Send the dead letters of these tasks again; a future for each that there was."""
        made: dict[int, TaskFuture[Any]] = {}

        def make_owner(seq: int) -> TaskFuture[Any]:
            made[seq] = future = self.future_of(seq)
            return future

        revived = self._started()._ask(lambda r: RevivalRequested(r, seqs, make_owner), [])
        return [made[seq] for seq in revived]

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all tasks submitted so far are in the journal; False: the time is over.

        Raises:
            JournalFull: there was no room for some of them, since this was called last.
            JournalBroken: the journal failed, or the producer has left before.
            UsageError: the producer has no journal.
        """
        return self._journaled().pending.flush(timeout)

    def confirm(self, seq: int, timeout: float | None) -> bool:
        """Wait until this task is in the journal, or refused by it; False: the time is over."""
        return self._journaled().pending.wait_written(seq, timeout)

    def is_confirmed(self, seq: int) -> bool:
        """Whether this task is in the journal, or was until it was settled."""
        node = self._node
        return node is not None and node.has_journal and node.pending.is_confirmed(seq)

    def _journaled(self) -> Node:
        node = self._started()
        if not node.has_journal:
            raise UsageError("this producer has no journal: app.producer(journal=DIRECTORY)")
        return node
