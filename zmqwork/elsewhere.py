"""Tasks of other processes: their producers are found by the ids, and asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from zmqwork.config import NodeConfig
from zmqwork.core.lifecycle import SETTLED, SUCCEEDED
from zmqwork.core.orders import DONE, PATIENCE_MAX, SILENT, UNKNOWN_TASK, Ordered
from zmqwork.errors import UsageError
from zmqwork.failure import error_of
from zmqwork.nodes.observer import Observer
from zmqwork.starting import identity
from zmqwork.task_ids import task_id as parse
from zmqwork.wire.values import decode_value

if TYPE_CHECKING:
    from zmqwork.discovery.sources import Discovery

# How long a producer is looked for that has answered nothing; on one machine it takes milliseconds.
FIND_TIMEOUT = 5.0


def result_of(
    task_id: str, timeout: float | None, discover: Callable[[], Discovery], realm: str
) -> Any:
    """As `App.result`."""
    prefix, seq = parse(task_id)
    begun_at = time.monotonic()
    patience = PATIENCE_MAX if timeout is None else timeout
    with _observer(discover, realm) as observer:
        ask = partial(observer.order, prefix, "result")
        # Whether it is there at all is known at once.
        ordered = ask({"seq": seq}, patience=FIND_TIMEOUT)
        _check(task_id, ordered)
        while (state := ordered.value.get("state")) not in SETTLED:
            left = begun_at + patience - time.monotonic()
            if left <= 0:
                if timeout is not None:
                    raise TimeoutError(f"task {task_id} is {state} after {timeout:g} s")
                begun_at = time.monotonic()
                continue
            waited = ask({"seq": seq, "wait": True}, patience=left)
            if waited.code != SILENT or time.monotonic() - begun_at < patience:
                _check(task_id, waited)
                ordered = waited
    return _opened(task_id, ordered)


def cancel(
    task_id: str,
    discover: Callable[[], Discovery],
    realm: str,
    *,
    running: bool,
    hard: bool,
) -> bool:
    """As `App.cancel`."""
    prefix, seq = parse(task_id)
    arguments = {"tasks": [seq], "running": running or hard, "hard": hard}
    with _observer(discover, realm) as observer:
        ordered = observer.order(prefix, "cancel", arguments, patience=FIND_TIMEOUT)
    _check(task_id, ordered)
    return seq in (ordered.value.get("tasks") or ())


def _observer(discover: Callable[[], Discovery], realm: str) -> Observer:
    return Observer(NodeConfig(**identity(realm, None)), discover(), FIND_TIMEOUT)


def _check(task_id: str, ordered: Ordered) -> None:
    if ordered.code == DONE:
        return
    if ordered.code == UNKNOWN_TASK:
        raise UsageError(f"task {task_id}: {ordered.text}")
    raise UsageError(
        f"task {task_id}: its producer cannot be asked: {ordered.text or ordered.code}. Has it "
        "ended, or is it on another host, or another user's? zmqwork ps shows who is there"
    )


def _opened(task_id: str, ordered: Ordered) -> Any:
    state = str(ordered.value["state"])
    if state != SUCCEEDED:
        error = ordered.value.get("error")
        raise error_of(task_id, state, error if isinstance(error, dict) else None)
    return decode_value(ordered.data[0]) if ordered.data else None
