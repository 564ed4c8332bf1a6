"""Dead letters: tasks whose attempts are used up, for people to look at, and to send again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zmqwork.errors import UsageError
from zmqwork.failure import error_of
from zmqwork.task_ids import task_id as parse
from zmqwork.wire.values import decode_call, encode_call

if TYPE_CHECKING:
    from zmqwork.core.ledger import TaskSpec
    from zmqwork.core.letters import DeadLetter as Kept
    from zmqwork.future import TaskFuture
    from zmqwork.producer import Producer
    from zmqwork.producers import Producers
    from zmqwork.task import Task


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A task that failed, or died with its workers.

    Attributes:
        id: the task's, as `TaskFuture.id`.
        task: its name.
        queue: where it waited.
        state: ``failed``: its handler raised; ``dead``: what ran it died, once too often.
        attempts: how many were made.
        age: seconds since it died; after a restart, with a journal, since it was submitted.
        error: the exception that its future has.
        evidence: a record for each crash and failure that is remembered, the newest last.
        payload: the encoded arguments.
        spec: the task with its options.
    """

    id: str
    task: str
    queue: str
    state: str
    attempts: int
    age: float
    error: Exception
    evidence: list[dict[str, Any]]
    payload: bytes = field(repr=False)
    spec: TaskSpec = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What was sent with the task."""
        return dict(self.spec.options.headers_pairs)

    @property
    def call(self) -> tuple[list[Any], dict[str, Any]]:
        """The arguments, by place and by name.

        Raises:
            DecodeError: a codec that they need is not registered here.
        """
        return decode_call(self.payload)


def _told(kept: Kept, age: float, producer_id: str) -> DeadLetter:
    task_id = f"{producer_id[:8]}-{kept.seq}"
    return DeadLetter(
        task_id,
        kept.spec.name,
        kept.spec.options.queue,
        kept.state,
        int(kept.error.get("attempts") or kept.attempt),
        age,
        error_of(task_id, kept.state, kept.error),
        list(kept.error.get("evidence") or ()),
        kept.args,
        kept.spec,
    )


class DeadLetters:
    """The dead letters of an app's producer in this process; iterating gives all of them.

    They are those of the producer that takes the app's tasks, and of its journal if it has one:
    then they outlive the process. At most 10,000 are kept (`letters_max`), the newest.
    """

    def __init__(self, producers: Producers, tasks: Mapping[str, Task[..., Any]]) -> None:
        self._producers = producers
        self._tasks = tasks

    @property
    def _producer(self) -> Producer:
        return self._producers.current or self._producers.implicit()

    def __iter__(self) -> Iterator[DeadLetter]:
        return iter(self.find())

    def __len__(self) -> int:
        return len(self._producer.letters())

    def __repr__(self) -> str:
        producer = self._producers.current
        return f"<DeadLetters of {producer!r}>"

    def find(
        self,
        *ids: str,
        task: str | None = None,
        older_than: float | None = None,
        newer_than: float | None = None,
    ) -> list[DeadLetter]:
        """Those that meet all of these conditions, in the order in which they died.

        Args:
            ids: their ids; none given: all.
            task: the name of their task.
            older_than: seconds that have passed since they died, at least.
            newer_than: the same, at most.

        Raises:
            UsageError: an id is none of this producer.
        """
        producer = self._producer
        seqs = [_seq_of(task_id, producer.node_id) for task_id in ids] or None
        letters = [_told(kept, age, producer.node_id) for kept, age in producer.letters(seqs)]
        return [
            letter
            for letter in letters
            if (task is None or letter.task == task)
            and (older_than is None or letter.age > older_than)
            and (newer_than is None or letter.age < newer_than)
        ]

    def revive(self, *ids: str, **conditions: Any) -> list[TaskFuture[Any]]:
        """Send them again, under the same ids, with all their attempts; a future for each.

        Args:
            ids: which; none given: all that meet the conditions.
            **conditions: as `find` has them; or ``all=True``.

        Raises:
            UsageError: neither ids nor conditions are given.
        """
        return self._producer.revive(self._seqs(ids, conditions))

    def remove(self, *ids: str, **conditions: Any) -> int:
        """Forget them; how many there were. Arguments as for `revive`."""
        return len(self._producer.letters(self._seqs(ids, conditions), remove=True))

    def edit(self, task_id: str, /, *args: Any, **kwargs: Any) -> TaskFuture[Any]:
        """Send one again with other arguments: as a new task, in the place of the letter.

        Raises:
            UsageError: there is no such letter.
            EncodeError, ArgumentError, TypeError: as `Task.submit`.
        """
        found = self.find(task_id)
        if not found:
            raise UsageError(f"there is no dead letter {task_id}")
        task = self._tasks.get(found[0].task)
        if task is not None:
            payload = task.encode(args, kwargs)
        else:  # of another app that shares the producer's journal, or a chunk
            payload = encode_call(args, kwargs, found[0].task)
        future = self._producer.submit(found[0].spec, payload)
        self.remove(task_id)
        return future

    def _seqs(self, ids: Collection[str], conditions: dict[str, Any]) -> list[int]:
        everything = conditions.pop("all", False)
        if not (ids or conditions or everything):
            raise UsageError("say which dead letters: by ids, by conditions, or all=True")
        producer_id = self._producer.node_id
        return [_seq_of(letter.id, producer_id) for letter in self.find(*ids, **conditions)]


def _seq_of(task_id: str, producer_id: str) -> int:
    """The number in a task's id. Raises `UsageError` if it is none of this producer's."""
    prefix, seq = parse(task_id)
    if not producer_id.startswith(prefix):
        raise UsageError(f"task {task_id} is of another producer than {producer_id[:8]}")
    return seq
