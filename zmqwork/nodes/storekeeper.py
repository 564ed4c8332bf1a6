"""The handler thread of a sink: the only one that calls its store, one batch after the other."""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from queue import SimpleQueue
from types import TracebackType

from zmqwork.core.effects import Deliver
from zmqwork.core.events import Event, Stored, StoreFailed
from zmqwork.core.ranges import Ranges
from zmqwork.errors import StoreError
from zmqwork.nodes.store import Batch, Results, Store

_log = logging.getLogger("zmqwork")

# Errors of the disk itself: whoever calls learns of them by the exit code.
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG)

# Frames of these modules, above the user's, say nothing about an error.
_OURS = ("zmqwork.", "asyncio.")

# The stores that have a keeper, by identity: each is opened and closed by one. Bound: the sinks.
_kept: set[int] = set()
_kept_lock = threading.Lock()


class Storekeeper:
    """Calls a store, in a daemon thread of its own, and tries again what fails.

    Args:
        store: what it calls.
        retries: how often a batch is tried again after the store raised.
        retry_delay: seconds before that.

    Attributes:
        stored: results of which the store said that they have taken effect.
        counts: those that it had when it was opened, by producer id.
        exit_code: 0, or why it gave up: 74 for a place that cannot be written, 70 for all else.
    """

    def __init__(self, store: Store, *, retries: int, retry_delay: float) -> None:
        self._store = store
        self._retries = retries
        self._retry_delay = retry_delay
        # Bound: one, since the machine hands over one at a time; and the end.
        self._queue: SimpleQueue[Deliver | None] = SimpleQueue()
        self._opened = threading.Event()
        self._ended = threading.Event()
        self._taken: Mapping[str, Sequence[tuple[int, int]]] = {}
        self._error: BaseException | None = None
        self._post: Callable[[Event], None] | None = None
        self._thread: threading.Thread | None = None
        self.stored = 0
        self.counts: Mapping[str, int] = {}
        self.exit_code = 0

    def open(self, name: str) -> dict[str, Ranges]:
        """Start the thread, and open the store in it: what it has taken already.

        Raises whatever the store raises, `StoreError` for a place that cannot be used, or a store
        that another sink of this process has; that one goes on.
        """
        _claim(self._store)
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system gives no more threads
            _let_go(self._store)
            raise
        self._thread = thread
        # In steps, so that a signal is handled meanwhile also where a wait cannot be interrupted.
        while not self._opened.wait(0.5):
            pass
        if self._error is not None:
            raise self._error
        taken = {producer_id: Ranges(spans) for producer_id, spans in self._taken.items()}
        known = getattr(self._store, "counts", None) or {}
        self.counts = {key: known.get(key, ranges.count) for key, ranges in taken.items()}
        return taken

    def start(self, post: Callable[[Event], None]) -> None:
        """Answer from now on through `post`."""
        self._post = post

    def hand_over(self, deliver: Deliver) -> None:
        """Let this be stored; the answer comes by and by."""
        self._queue.put(deliver)

    def close(self, timeout: float) -> bool:
        """End the thread, and close the store; False if it is still busy after `timeout`."""
        self._ended.set()
        self._queue.put(None)
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # -- the handler thread -------------------------------------------------------------------

    def _work(self) -> None:
        try:
            try:
                self._taken = self._store.open()
            except BaseException as error:  # noqa: BLE001 - the caller of `open` gets it
                self._error = error
                return
            finally:
                self._opened.set()
            # (What was stored is not kept here while there is nothing to store.)
            while self._store_next():
                pass
        finally:
            self._close()
            _let_go(self._store)

    def _store_next(self) -> bool:
        """Store a batch, again and again if need be; False if that was the end, or given up."""
        deliver = self._queue.get()
        if deliver is None:
            return False
        tries = 0
        while not self._ended.is_set() or not tries:
            tries += 1
            batch = Batch(Results(deliver.parcels), deliver.marks.taken, deliver.marks.floors)
            try:
                self._store.store(batch)
            except BaseException as error:  # noqa: BLE001 - a handler may raise anything
                final = tries > self._retries or _is_final(error)
                self._complain(error, len(batch.results), tries, final=final)
                self._answer(StoreFailed(deliver.number, _line(error), final))
                if final:
                    return False
                self._ended.wait(self._retry_delay)
            else:
                self.stored += len(batch.results)
                self._answer(Stored(deliver.number))
                return True
        return False

    def _answer(self, event: Event) -> None:
        assert self._post is not None
        self._post(event)

    def _complain(self, error: BaseException, count: int, tries: int, *, final: bool) -> None:
        more = "the sink gives up" if final else f"again in {self._retry_delay:g} s"
        if final:
            self.exit_code = os.EX_IOERR if _is_of_the_disk(error) else os.EX_SOFTWARE
        if isinstance(error, StoreError):
            return  # it says all, and the machine says it, with what becomes of the results
        _log.error(
            "%d results could not be stored (try %d of %d), %s: %s",
            count, tries, self._retries + 1, more, _line(error),
            exc_info=(type(error), error, _of_user(error)),
        )  # fmt: skip

    def _close(self) -> None:
        try:
            self._store.close()
        except BaseException:  # noqa: BLE001 - the user's; what is stored is stored
            _log.exception("the store of a sink could not be closed")


def _claim(store: Store) -> None:
    with _kept_lock:
        if id(store) in _kept:
            raise StoreError(
                f"{store!r} is in use by another sink of this process: one sink at a time. Stop "
                "that one first, or make another store"
            )
        _kept.add(id(store))


def _let_go(store: Store) -> None:
    with _kept_lock:
        _kept.discard(id(store))


def _is_final(error: BaseException) -> bool:
    """Whether it is of no use to try again."""
    return isinstance(error, StoreError | SystemExit | KeyboardInterrupt)


def _is_of_the_disk(error: BaseException) -> bool:
    if isinstance(error, StoreError):
        return True
    return isinstance(error, OSError) and error.errno in _OF_THE_DISK


def _line(error: BaseException) -> str:
    """An error in one line, however hostile it is."""
    if isinstance(error, StoreError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"the handler called sys.exit({error.code!r})"
    name = type(error).__name__
    try:
        text = str(error)
    except BaseException as second:  # noqa: BLE001 - __str__ is the user's
        return f"{name} (its text cannot be had: {type(second).__name__})"
    return f"{name}: {text}" if text else name


def _of_user(error: BaseException) -> TracebackType | None:
    """The traceback from the user's own code on; all of it if there is none of that."""
    trace = error.__traceback__
    while trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith(_OURS):
        trace = trace.tb_next
    return trace or error.__traceback__
