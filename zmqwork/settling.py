"""How batches of futures are settled, and who is told.

A million futures exist at once, and nobody waits for most of them before they are done. So a
future is a few pointers until somebody watches it, and only then gets a condition: that is three
quarters of what the standard library's future costs.

The rule that makes this safe: **a future without a watch changes under the lock of this module,
one with a watch under its own condition**, and a watch is attached under the module's lock. So
who watches either sees the state that the settler stored, or is notified by it, and never both:
the standard library's `as_completed` would yield a future twice that it saw finishing twice.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures._base import CANCELLED_AND_NOTIFIED, FINISHED, PENDING, RUNNING
from typing import TYPE_CHECKING, Any, cast

from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import CANCELLED, SUCCEEDED
from zmqwork.progress import Progress

if TYPE_CHECKING:
    import asyncio

    from zmqwork.future import TaskFuture

SETTLED = (FINISHED, CANCELLED_AND_NOTIFIED)
# Futures settled under one hold of the lock: about 20 us, so that nobody waits long for it.
_HOLD_COUNT = 256

_log = logging.getLogger("zmqwork")

# Reentrant for the finalisers that a garbage collection may run in the middle of a batch.
_lock = threading.RLock()


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603 - a forked child inherits it as some other thread held it
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


class Watch:
    """Those who wait for one future.

    Attributes:
        condition: guards the future from now on; notified when it is settled.
        waiters: of `concurrent.futures.wait` and `as_completed`, and of `map`.
        callbacks: to be called in the callback thread, in this order.
        awaiters: one per coroutine that awaits, each of any loop.
    """

    __slots__ = ("awaiters", "callbacks", "condition", "lock", "waiters")

    def __init__(self) -> None:
        # Entered as itself, not through the condition, whose `__enter__` is Python code: there a
        # KeyboardInterrupt could leave it locked, and the I/O thread would wait for it for ever.
        self.lock = threading.RLock()
        self.condition = threading.Condition(self.lock)
        self.waiters: list[Any] = []
        self.callbacks: list[Callable[[Any], object]] = []
        self.awaiters: list[asyncio.Future[None]] = []


def watch(future: TaskFuture[Any]) -> Watch:
    """The future's watch, attached at first use."""
    # Made before the lock is taken: nothing that can run a finaliser happens under it.
    made = Watch()
    with _lock:
        if future._watch is None:
            future._watch = made
        return future._watch


def keep_opened(future: TaskFuture[Any], opened: object) -> object:
    """Keep what the future's sealed outcome turned out to be; the first thread's object wins."""
    with _lock:
        if future._sealed is not None:
            future._opened = opened
            future._sealed = None
        return future._opened


def settle(entries: Sequence[Entry]) -> None:
    """Settle the futures that own these entries. For the I/O thread; runs no code of users."""
    watched: list[Entry] = []
    for start in range(0, len(entries), _HOLD_COUNT):
        some = entries[start : start + _HOLD_COUNT]
        # In several passes, because the processor runs ahead in short ones, and so waits less for
        # memory: where priorities change the order, the futures lie far from each other.
        # (`cast` is a call, and these are the hottest loops of a producer's futures.)
        futures: list[TaskFuture[Any]] = [entry.owner for entry in some]  # type: ignore[misc]
        with _lock:
            if any([future._watch for future in futures]):  # noqa: C419 - a generator costs more
                pairs = list(zip(some, futures, strict=True))
                watched += [entry for entry, future in pairs if future._watch is not None]
                some = [entry for entry, future in pairs if future._watch is None]
                futures = [future for future in futures if future._watch is None]
            for entry, future in zip(some, futures, strict=True):
                if entry.state == SUCCEEDED and future._state == PENDING:
                    # `store`, inlined: this is what happens to almost all futures.
                    future.attempts = entry.attempt
                    future._sealed = entry.value
                    future._state = FINISHED
                else:
                    store(future, entry)
    if watched:
        _settle_watched(watched)


def mark_running(entries: Sequence[Entry]) -> None:
    """The handlers of these tasks have begun. For the I/O thread, which also settles.

    Needs no lock: nobody waits for this state, and no other thread changes one.
    """
    for entry in entries:
        future: TaskFuture[Any] = entry.owner  # type: ignore[assignment]
        if future._state == PENDING:
            future._state = RUNNING


def mark_progress(entries: Sequence[Entry]) -> None:
    """The handlers of these tasks have said how far they are. For the I/O thread."""
    for entry in entries:
        future: TaskFuture[Any] = entry.owner  # type: ignore[assignment]
        said = entry.headway.said if entry.headway is not None else {}
        future.progress = Progress(said.get("fraction"), said.get("note", ""))


def add_parts(entry: Entry, values: Sequence[bytes]) -> None:
    """The handler of this task has yielded these. For the I/O thread."""
    future: TaskFuture[Any] = entry.owner  # type: ignore[assignment]
    future.add_parts(entry, values)


def store(future: TaskFuture[Any], entry: Entry) -> bool:
    """Take over how the task ended; False if that is known. The future's guard must be held."""
    if future._state in SETTLED:
        return False
    future.attempts = entry.attempt
    if entry.state == SUCCEEDED:
        future._sealed = entry.value
    else:
        future._sealed = (entry.state, entry.error)
    future._state = CANCELLED_AND_NOTIFIED if entry.state == CANCELLED else FINISHED
    return True


def _settle_watched(entries: Sequence[Entry]) -> None:
    calls: list[tuple[TaskFuture[Any], list[Callable[[Any], object]]]] = []
    awaiters: list[asyncio.Future[None]] = []
    for entry in entries:
        future = cast("TaskFuture[Any]", entry.owner)
        watched = cast("Watch", future._watch)
        with watched.lock:
            if not store(future, entry):
                continue
            for waiter in watched.waiters:
                if entry.state == SUCCEEDED:
                    waiter.add_result(future)
                elif entry.state == CANCELLED:
                    waiter.add_cancelled(future)
                else:
                    waiter.add_exception(future)
            watched.condition.notify_all()
            awaiters += watched.awaiters
            watched.awaiters = []
            if watched.callbacks:
                calls.append((future, watched.callbacks))
                watched.callbacks = []
    if awaiters:
        wake_loops(awaiters)
    if calls:
        calls[0][0]._producer.callbacks.run(call_back, calls)


def wake_loops(awaiters: Sequence[asyncio.Future[None]]) -> None:
    """One `call_soon_threadsafe` per loop: it writes to a socket, and so costs 10 us."""
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for awaiter in awaiters:
        by_loop.setdefault(awaiter.get_loop(), []).append(awaiter)
    for loop, woken in by_loop.items():
        try:
            loop.call_soon_threadsafe(_wake, woken)
        except RuntimeError:
            # The loop is closed: nobody is left in it to be woken.
            _log.debug("%d awaiters were in an event loop that is closed", len(woken))


def _wake(awaiters: Sequence[asyncio.Future[None]]) -> None:
    for awaiter in awaiters:
        if not awaiter.done():
            awaiter.set_result(None)


def call_back(calls: Sequence[tuple[TaskFuture[Any], Sequence[Callable[[Any], object]]]]) -> None:
    """Run done-callbacks; what they raise is logged, as by the standard library."""
    for future, functions in calls:
        for function in functions:
            try:
                function(future)
            except BaseException:  # noqa: BLE001 - what users raise here concerns nobody else
                _log.exception("a done-callback of %r raised", future, extra={"task_id": future.id})
