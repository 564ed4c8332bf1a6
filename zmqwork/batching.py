"""`App.batch`: tasks that are submitted together, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

from zmqwork.core.ledger import TaskSpec
from zmqwork.errors import UsageError
from zmqwork.offering import cancel_unsent

if TYPE_CHECKING:
    from zmqwork.future import TaskFuture
    from zmqwork.nodes.producer import Producer as Node
    from zmqwork.producer import Producer
    from zmqwork.producers import Producers

# The one that this thread, or coroutine, is in.
_current: ContextVar[Group | None] = ContextVar("zmqwork_batch", default=None)
_lock = threading.Lock()


class Group:
    """What is submitted within one block. Bound: the producer's `max_pending`.

    Args:
        producer: whose tasks they are.
        node: its node.
    """

    def __init__(self, producer: Producer, node: Node) -> None:
        self.producer = producer
        self.node = node
        self.is_open = True
        self.size_bytes = 0
        self.tasks: list[tuple[TaskSpec, bytes, object]] = []

    def add(self, spec: TaskSpec, args: bytes, future: object) -> int:
        """Take in a task; it has no number yet."""
        if spec.node or spec.name.endswith("[]"):
            raise UsageError("within app.batch() tasks are submitted with submit() alone")
        self.node.pending.check_group(len(self.tasks) + 1, self.size_bytes + len(args))
        self.size_bytes += len(args)
        self.tasks.append((spec, args, future))
        return 0

    def hand_over(self) -> None:
        """Submit all of it. Raises as `Task.submit`; then nothing of it is."""
        if self.tasks:
            self.node.pending.submit_group(self.tasks, _number)

    def give_up(self) -> None:
        """Nothing of it is submitted: its futures are cancelled."""
        unsent = [(spec, future) for spec, _, future in self.tasks]
        cancel_unsent(unsent, "its batch was not submitted")


def _number(future: object, seq: int) -> None:
    cast("TaskFuture[Any]", future).seq = seq


class Divider:
    """Stands in the place of a producer's `submit` while some block is open: no other pays for it.

    Args:
        producer: whose.
        node: its node.
    """

    def __init__(self, producer: Producer, node: Node) -> None:
        self._producer = producer
        self._node = node
        self.blocks = 0

    def __call__(self, spec: TaskSpec, args: bytes, future: object) -> int:
        """Submit a task, or put it into the group of the block that the caller is in."""
        group = _current.get()
        if group is None or not group.is_open or group.producer is not self._producer:
            return self._node.submit(spec, args, future)
        return group.add(spec, args, future)


class Dividing:
    """The part of `Producer` that is about groups."""

    _node: Node | None
    _submit: Callable[[TaskSpec, bytes, object], int]
    _divider: Divider | None  # while some block of `App.batch` is open
    _started: Callable[..., Node]

    def divide(self, lock: threading.Lock) -> Node:
        """A block of `App.batch` begins: what it submits is put aside. The node."""
        node = self._started()
        with lock:
            if self._divider is None:
                self._divider = self._submit = Divider(cast("Producer", self), node)
            self._divider.blocks += 1
        return node

    def undivide(self, lock: threading.Lock) -> None:
        """A block of `App.batch` has ended."""
        with lock:
            divider = self._divider
            assert divider is not None
            assert self._node is not None
            divider.blocks -= 1
            if not divider.blocks:
                self._divider, self._submit = None, self._node.submit


class Batching:
    """What `App` can do with groups of tasks."""

    _producers: Producers

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Submit a group of tasks, all or nothing.

        ::

            with app.batch():
                futures = [thumbnail.submit(path) for path in paths]

        What is submitted within it is handed over when the block ends, and with a journal it is
        recorded as one. If an exception ends it, nothing is: the futures are cancelled. Until
        then they have no number, and nobody can wait for them. It holds for the thread, or
        coroutine, that is in it; a block within a block joins that. `map` and `broadcast` have no
        place in it.

        Raises:
            UsageError: the group is larger than `max_pending` (or its bytes).
            PendingFull: there is no room for it now, and the producer was told not to wait.
        """
        producer = self._producers.current or self._producers.implicit()
        outer = _current.get()
        if outer is not None and outer.is_open and outer.producer is producer:
            yield
            return
        group = Group(producer, producer.divide(_lock))
        token = _current.set(group)
        try:
            try:
                yield
            finally:
                group.is_open = False
                _current.reset(token)
                producer.undivide(_lock)
            group.hand_over()
        except BaseException:
            group.give_up()
            raise
