"""`TaskFuture`: a task as its submitter holds it. Those who watch one: see `settling`."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures._base import CANCELLED_AND_NOTIFIED, FINISHED, PENDING, RUNNING
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from zmqwork.core.progress import ALL_PARTS
from zmqwork.errors import DecodeError, JournalFull, UsageError
from zmqwork.failure import Raised, error_of
from zmqwork.inside import inside_task, refuse_inside_task
from zmqwork.settling import SETTLED, Watch, call_back, keep_opened, mark_running, settle, watch
from zmqwork.wire.values import decode_value

if TYPE_CHECKING:
    import asyncio

    from zmqwork.core.ledger import Entry
    from zmqwork.parts import Parts
    from zmqwork.producer import Producer
    from zmqwork.progress import Progress

__all__ = ["TaskFuture", "mark_running", "settle"]

R = TypeVar("R")

# `cancel` was granted by the producer's loop, whose next act is to settle the future.
_CANCEL_TIMEOUT = 5.0


class TaskFuture(concurrent.futures.Future[R]):
    """A submitted task: a `concurrent.futures.Future` that can be awaited, too.

    It works with everything that takes the standard library's futures (`wait`, `as_completed`,
    `asyncio.wrap_future`), and ``await future`` works in any number of event loops at once;
    cancelling one that awaits does not cancel the task. Done-callbacks run in a thread of their
    own, in order. Values are decoded by the first thread that asks for them.

    Attributes:
        seq: the task's number at its producer.
        attempts: how many attempts were made, once it is settled; 0 before.
        degraded: whether a fallback has taken the task's place.
        ran: the name of the task or function that did; empty: it is the task's own outcome.
        progress: what its handler has said last of how far it is; None: nothing, as yet.
    """

    __slots__ = ("_opened", "_producer", "_sealed", "_state", "_watch", "attempts", "seq")

    seq: int
    attempts: int
    # (Few futures have other values: these are in the instance's dictionary, which is made then.)
    degraded: bool = False
    ran: str = ""
    progress: Progress | None = None
    # What `_sealed` turned out to be; set when it is opened.
    _opened: object

    # The base class's constructor is not called: all that it would set is a slot or a property.
    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._state = PENDING
        self._watch: Watch | None = None
        # What the wire said: bytes, or (state, error record). None before, and once it is opened.
        self._sealed: bytes | tuple[str, dict[str, Any] | None] | None = None
        self.attempts = 0

    @property
    def id(self) -> str:
        """The task's id, as logs and errors name it: producer and number."""
        return f"{self._producer.node_id[:8]}-{self.seq}"

    def result(self, timeout: float | None = None) -> R:
        """What the handler returned, waiting for it at most `timeout` seconds.

        Raises:
            TaskFailed: the handler raised, and no attempt is left.
            TaskLost: its workers died, once too often.
            TaskCancelled: it was cancelled, or its producer stopped (a `CancelledError`).
            TaskExpired: its deadline passed before it began.
            NoWorker: `timeout` is over, and no worker that could run it is known (a
                `TimeoutError`); the text says where was looked for one, and what to try.
            TimeoutError: `timeout` is over; the text says in which state the task is.
            DecodeError: the result needs a codec that is not registered here.
            UsageError: the future was inherited through a fork.
        """
        if self._state not in SETTLED:
            self._wait_or_raise(timeout)
        opened = self._open()
        if type(opened) is not Raised:
            return opened  # type: ignore[return-value] # (`cast` would take a tenth of this call)
        try:
            raise opened.error
        finally:
            # The traceback refers to this frame, which must not refer to the exception.
            del self, opened

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """The exception that `result` raises, or None. Raises what the base class says."""
        if self._state not in SETTLED:
            self._wait_or_raise(timeout)
        opened = self._open()
        if type(opened) is not Raised:
            return None
        if self._state == CANCELLED_AND_NOTIFIED:
            raise opened.error
        return opened.error

    @property
    def confirmed(self) -> bool:
        """Whether the task is in its producer's journal: it settles, whatever crashes.

        Always False without a journal.
        """
        return self._producer.is_confirmed(self.seq) and not self._was_refused()

    def confirm(self, timeout: float | None = None) -> bool:
        """Wait until the task is `confirmed`; False: the time is over.

        Raises:
            JournalFull: the journal has no room for it; so does `result`.
            JournalBroken: the producer has left, or its journal failed, before it was recorded.
            UsageError: its producer has no journal.
        """
        done = self._producer.confirm(self.seq, timeout)
        if done and self._was_refused():
            self.result()
        return done

    def _was_refused(self) -> bool:
        if self._state != FINISHED:
            return False
        opened = self._open()
        return type(opened) is Raised and isinstance(opened.error, JournalFull)

    def cancel(self) -> bool:
        """Cancel the task unless its handler was begun; True if it is cancelled now."""
        if self._state not in SETTLED and self._producer.cancel(self.seq):
            self._wait(_CANCEL_TIMEOUT)
        return self._state == CANCELLED_AND_NOTIFIED

    def revoke(self, *, hard: bool = False) -> bool:
        """Cancel the task even if its handler runs; True if it is cancelled now.

        The handler sees `current().cancelled`; in the process pool it is killed if it has not
        ended a second later, and a coroutine is cancelled.

        Args:
            hard: kill it at once; in a thread, raise `SoftTimeout` in it: it cannot be killed.
        """
        if self._state not in SETTLED and self._producer.cancel(self.seq, running=True, hard=hard):
            self._wait(_CANCEL_TIMEOUT)
        return self._state == CANCELLED_AND_NOTIFIED

    def cancelled(self) -> bool:
        """True if the task was cancelled."""
        return self._state == CANCELLED_AND_NOTIFIED

    def running(self) -> bool:
        """True if the handler was begun and the task is not settled."""
        return self._state == RUNNING

    def done(self) -> bool:
        """True if the task is settled."""
        return self._state in SETTLED

    def stream(self, timeout: float | None = None) -> Parts[Any]:  # noqa: ARG002 - `StreamFuture`'s
        """What the task yields; see `StreamFuture.stream`. UsageError: it is no generator."""
        raise UsageError(
            f"task {self.id} does not stream: that do generators that were submitted by this "
            "process"
        )

    def add_parts(self, entry: Entry, values: Sequence[bytes]) -> None:
        """Parts have come of a task that an earlier process has submitted: nobody reads them."""
        del values
        self._producer.take_parts(entry.seq, ALL_PARTS)

    def add_done_callback(self, fn: Callable[[TaskFuture[R]], object]) -> None:
        """Call ``fn(future)`` when the task is settled: in the callback thread, or here and now."""
        if self._state not in SETTLED:
            watched = self._watched
            with watched.lock:
                if self._state not in SETTLED:
                    watched.callbacks.append(fn)
                    return
        call_back([(self, [fn])])

    def __await__(self) -> Generator[Any, None, R]:
        if self._state not in SETTLED:
            yield from self._arrival()
        # Settled: this does not wait.
        return self.result()

    def __repr__(self) -> str:
        state = "cancelled" if self.cancelled() else self._state.lower()
        return f"<{type(self).__name__} {self.id} {state}>"

    def __reduce__(self) -> NoReturn:
        raise UsageError(f"{self!r} belongs to its process: send its result")

    def set_result(self, result: object) -> NoReturn:  # noqa: ARG002 - the base class's
        """Refused: the producer settles a task."""
        self._refuse_to_be_set()

    def set_exception(self, exception: BaseException | None) -> NoReturn:  # noqa: ARG002
        """Refused: the producer settles a task."""
        self._refuse_to_be_set()

    def set_running_or_notify_cancel(self) -> NoReturn:
        """Refused: the producer knows what runs."""
        self._refuse_to_be_set()

    def _refuse_to_be_set(self) -> NoReturn:
        raise UsageError(f"{self!r} is settled by its producer and by nobody else")

    # --- what the standard library's functions use of a future

    @property
    def _watched(self) -> Watch:
        """The watch, attached at first use."""
        # In a forked child a condition may be held for ever, by a thread that is not there.
        self._producer.refuse_if_inherited()
        return self._watch or watch(self)

    if not TYPE_CHECKING:  # where they are what the base class says: attributes

        @property
        def _condition(self) -> threading.Condition:
            refuse_inside_task("concurrent.futures.wait")
            return self._watched.condition

        @property
        def _waiters(self) -> list[Any]:
            return self._watched.waiters

        @property
        def _result(self) -> R | None:
            opened = self._open() if self.done() else None
            return None if type(opened) is Raised else opened

        @property
        def _exception(self) -> Exception | None:
            opened = self._open() if self.done() else None
            return opened.error if type(opened) is Raised else None

    # --- waiting

    def _wait(self, timeout: float | None) -> bool:
        """Wait until it is settled; False: it is not, and the time is over."""
        if timeout is not None:
            timeout = min(timeout, threading.TIMEOUT_MAX)
        watched = self._watched
        with watched.lock:
            return watched.condition.wait_for(self.done, timeout)

    def _wait_or_help(self, timeout: float | None) -> bool:
        """As `_wait`; inside a task it may run here meanwhile."""
        if inside_task():
            from zmqwork import helping  # noqa: PLC0415 - loads what only workers need

            return helping.wait(self, timeout)
        return self._wait(timeout)

    def _wait_or_raise(self, timeout: float | None) -> None:
        if timeout is not None and timeout <= 0:
            state = "running" if self._state == RUNNING else "not running yet"
            raise TimeoutError(f"task {self.id} is {state}")
        self._refuse_unsubmitted()
        self._producer.refuse_waiting()
        if not self._wait_or_help(timeout):
            raise self._producer.overdue(self, cast("float", timeout))

    def _refuse_unsubmitted(self) -> None:
        if not self.seq:
            raise UsageError(
                "the task is part of a batch that is not submitted yet: wait for it behind the "
                "end of `with app.batch():`"
            )

    def _arrival(self) -> Generator[Any, None, None]:
        """Wait in the running event loop until it is settled."""
        refuse_inside_task("await")
        self._refuse_unsubmitted()
        import asyncio  # noqa: PLC0415 - takes 40 ms, and programs without a loop never need it

        awaiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        watched = self._watched
        with watched.lock:
            if self._state in SETTLED:
                return
            watched.awaiters.append(awaiter)
        try:
            yield from awaiter
        finally:
            # Still there if the awaiting task was cancelled: who polls would pile them up.
            if not awaiter.done() or awaiter.cancelled():
                with watched.lock:
                    if awaiter in watched.awaiters:
                        watched.awaiters.remove(awaiter)

    def _open(self) -> object:
        """The value, or a `Raised`; the same object each time. It must be settled."""
        sealed = self._sealed
        if sealed is None:
            return self._opened
        opened: object
        if isinstance(sealed, tuple):
            opened = Raised(error_of(self.id, *sealed))
        else:
            try:
                opened = decode_value(sealed)
            except DecodeError as error:
                opened = Raised(error.with_traceback(None))
        return keep_opened(self, opened)
