"""Waiting for a task inside of another one; see `execution.helping` for why it is another thing."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from zmqwork.core.events import Claimed
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import FAILED, SUCCEEDED
from zmqwork.core.retry import another_attempt
from zmqwork.errors import ZmqworkError
from zmqwork.execution.context import running
from zmqwork.execution.helping import LentItem, helper

if TYPE_CHECKING:
    from zmqwork.future import TaskFuture

# A worker that has the task gets so long to begin it, and to say so; then it is taken back from
# there. What has begun is asked after again, later and later: its worker may die.
_FIRST_DELAY = 0.02
_LAST_DELAY = 1.0


# What `_help` says of a task whose handler has said that this worker cannot run it.
_REJECTED = -1


def may_wait() -> bool:
    """Whether the task in which this code runs may wait for others."""
    item, here = running.get(), helper.get()
    return item is not None and here is not None and here.may_wait(item)


def wait(future: TaskFuture[Any], timeout: float | None) -> bool:
    """Wait at most `timeout` seconds, or run the task here; False: it is not settled yet."""
    give_up_at = None if timeout is None else time.monotonic() + timeout
    delay, spent = 0.0, 0
    while not future.done():
        left = None if give_up_at is None else give_up_at - time.monotonic()
        if left is not None and left <= 0:
            return False
        if future._wait(delay if left is None else min(delay, left)):
            break
        spent = _help(future, spent, from_worker=delay > 0)
        if spent == _REJECTED:
            # Only another worker can run it.
            return future._wait(None if give_up_at is None else give_up_at - time.monotonic())
        delay = min(_LAST_DELAY, max(_FIRST_DELAY, 2 * delay))
    return True


def _help(future: TaskFuture[Any], spent: int, *, from_worker: bool) -> int:
    """Run the task here if nobody has begun it, and this worker could.

    `spent` attempts were made here under other numbers; how many are it now?
    """
    lender, here = running.get(), helper.get()
    assert lender is not None
    assert here is not None
    claimed = future._producer.claim(
        future.seq, here.handlers, here.queues, from_worker=from_worker
    )
    if claimed is None:
        return spent
    claimed.attempt += spent
    item = LentItem(
        name=claimed.spec.name,
        args=claimed.args,
        seq=future.seq,
        attempt=claimed.attempt,
        options=claimed.options,
        producer_id=future._producer.node_id,
        lender=lender,
        deadline_at=claimed.deadline_at,
    )
    good, payload = here.run(item)
    _settle(future, claimed, good, payload)
    return claimed.attempt if good or not payload.get("rejected") else _REJECTED


def _settle(future: TaskFuture[Any], claimed: Claimed, good: bool, payload: Any) -> None:
    spec = claimed.spec
    entry = Entry(future.seq, spec, claimed.args, future)
    entry.attempt = claimed.attempt
    if good:
        entry.state, entry.value = SUCCEEDED, payload
    else:
        again = another_attempt(spec, payload)
        if again is not None:
            # (If it is full, or has stopped, this was the last attempt.)
            with contextlib.suppress(ZmqworkError):
                future.seq = future._producer.resubmit(again, claimed.args, future)
                return
        entry.state, entry.error = FAILED, {**payload, "attempts": claimed.attempt}
    future._producer.settle([entry])
