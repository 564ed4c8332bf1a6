"""The end that works: it connects a PULL to all ventilators, and a PUSH to all sinks."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from zmqwork.classic.dialling import Dialled
from zmqwork.classic.meeting import name_of
from zmqwork.classic.packing import MESSAGE_BYTES, raw_bytes
from zmqwork.classic.places import Place, Static, place_of
from zmqwork.classic.post import Post
from zmqwork.classic.report import WorkerReport
from zmqwork.classic.roles import CONTROL, VENTILATOR
from zmqwork.classic.tally import sample_of
from zmqwork.classic.waiting import LOOK_INTERVAL, TICK, Patience, check_counts
from zmqwork.config import check_number
from zmqwork.core.permissions import SINK, WORKER
from zmqwork.errors import ConfigError, EncodeError
from zmqwork.wire.pipeline import BATCH_MAX, Items, decode, encode_results

_log = logging.getLogger("zmqwork")

# Results leave at least this often, so that a sink does not take a slow worker for a dead one.
_FLUSH_INTERVAL = 0.1


class Worker:
    """Applies a function to items, and pushes what it returns to a sink.

    Args:
        function: takes an item, returns a result. If it raises, the sink counts a failure, and the
            worker goes on. Of raw messages it takes and returns bytes.
        where: the realm's name, a `Realm`, or `Static`.
        hwm: messages that wait here for their turn, for each ventilator.
        raw: a message is an item, and its result another, as in the guide.
        patience: seconds to wait for the first item; None: for ever.
        linger: seconds to wait at the end until the sinks have taken what they were sent.
        name: a label for people; sinks count by it.

    Raises:
        ConfigError: an option is wrong.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        where: str | Place,
        *,
        hwm: int = 16,
        raw: bool = False,
        patience: float | None = None,
        linger: float = 5.0,
        name: str | None = None,
    ) -> None:
        place = place_of(where)
        check_counts(hwm=hwm)
        check_number("linger", linger, 0)
        if not callable(function):
            raise ConfigError(f"a worker needs a function to apply, not {function!r}")
        self.name = name_of(name)
        self._function, self._raw, self._linger = function, raw, linger
        self._patience = Patience(patience, f"worker {self.name}")
        self._slice = 1
        # Typed endpoints without a sink: the function does with its results what it likes.
        self._has_sinks = not isinstance(place, Static) or bool(place.sink)
        self._done = self._failed = self._unsent = self._left = self._foreign = 0
        self._foreign_sample = ""
        self._stopping = self._killed = self._interrupted = False
        self._look_at = 0.0
        self._post = Post(place, WORKER, self.name, raw=raw, controls=False)
        try:
            sockets = self._post.sockets
            self._pull, self._push = sockets.pull(hwm), sockets.push(hwm)
            self._subscriber = sockets.subscriber()
            ends = {VENTILATOR: self._pull, SINK: self._push, CONTROL: self._subscriber}
            self._dialled = {
                what: Dialled(end, self._post.trusts(what)) for what, end in ends.items()
            }
            self._look(time.monotonic())
        except BaseException:
            self._post.close(0.0)
            raise

    def run(self) -> WorkerReport:
        """Work until the kill signal comes, `stop` is called, or Ctrl-C.

        What waits here then is lost, and so is what is on its way to this worker.

        Raises:
            TransportError: nothing has come within `patience`.
            UsageError: this is a forked child, or the worker is closed.
        """
        self._post.sockets.check()
        try:
            while not self._stopping:
                self._turn()
        except KeyboardInterrupt:
            self._interrupted = True
        return self.report()

    def stop(self) -> None:
        """Let `run` return after what it is doing now. From any thread, and a signal handler."""
        self._stopping = True

    def report(self) -> WorkerReport:
        """What was done."""
        return WorkerReport(
            self.name,
            self._done,
            self._failed,
            self._unsent,
            self._left,
            self._foreign,
            self._foreign_sample,
            self._killed,
            self._interrupted,
        )

    def close(self) -> None:
        """Wait until the sinks have what they were sent, and close."""
        if self._post.close(self._linger):
            _log.warning("worker %s: the last results were not taken within linger", self.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # -- in detail ----------------------------------------------------------------------------

    def _turn(self) -> None:
        now = time.monotonic()
        if now >= self._look_at:
            self._look(now)
            if self._stopping:
                return
        frame = self._pull.receive(TICK)
        if frame is None:
            self._idle(time.monotonic())
            return
        if self._raw:
            rest = self._pull.rest()
            if not rest:
                self._do_raw(frame)
                return
        else:
            message = decode(frame)
            if type(message) is Items:
                self._do(message)
                return
            rest = self._pull.rest()
        self._refuse(frame, rest)

    def _look(self, now: float) -> None:
        self._look_at = now + LOOK_INTERVAL
        self._post.look(now)
        for role, dialled in self._dialled.items():
            dialled.update(self._post.meeting.contacts(role), now)
        if self._subscriber.heard():
            self._killed = self._stopping = True

    def _idle(self, now: float) -> None:
        self._look(now)
        for dialled in self._dialled.values():
            dialled.tidy(now)
        if self._done or self._failed or self._stopping:
            return
        what = f"no item has come from a ventilator {self._post.meeting.where(VENTILATOR)}"
        if self._patience.over(now):
            raise self._patience.exhausted(what)
        self._patience.say(what, now)

    def _refuse(self, frame: bytes, rest: list[bytes]) -> None:
        self._foreign += 1
        if not self._foreign_sample:
            self._foreign_sample = sample_of(frame, rest)
            _log.warning(
                "worker %s got a message that is none of this pipeline, and leaves it out: %s",
                self.name,
                self._foreign_sample,
            )

    def _do(self, message: Items) -> None:
        ventilator, first, items = message
        at = 0
        while at < len(items):
            part = items[at : at + self._slice] if at or self._slice < len(items) else items
            begun_at = time.monotonic()
            results: list[Any] = []
            failures: list[tuple[int, str]] = []
            try:
                self._apply(part, results, failures)
            except BaseException:
                self._stopping = True  # the item that Ctrl-C has hit is lost, and those behind it
                raise
            finally:
                self._left = len(items) - at - len(results)
                if results:
                    self._send(ventilator, first + at, results, failures)
            at += len(part)
            now = time.monotonic()
            if now - begun_at < _FLUSH_INTERVAL / 2:
                self._slice = min(BATCH_MAX, 2 * self._slice)
            elif now - begun_at > _FLUSH_INTERVAL:
                self._slice = max(1, self._slice // 2)
            if at < len(items) and now >= self._look_at:
                self._look(now)
                if self._stopping:
                    return
        self._left = 0

    def _apply(self, items: list[Any], results: list[Any], failures: list[tuple[int, str]]) -> None:
        function, append = self._function, results.append
        for item in items:
            try:
                append(function(item))
            except Exception as error:  # noqa: BLE001 - it is the user's: it may raise anything
                failures.append((len(results), _told(error)))
                append(None)

    def _send(
        self, ventilator: str, first: int, results: list[Any], failures: list[tuple[int, str]]
    ) -> None:
        count = len(results)
        try:
            message = encode_results(ventilator, first, results, failures, self.name)
        except EncodeError as error:
            if count == 1:
                text = f"its result cannot travel: {error}"
                self._send(ventilator, first, [None], [(0, text)])
                return
        else:
            if len(message) <= MESSAGE_BYTES or count == 1:
                self._done += count - len(failures)
                self._failed += len(failures)
                self._unsent += count
                if self._deliver(message):
                    self._unsent -= count
                return
        middle = count // 2
        ahead = [failure for failure in failures if failure[0] < middle]
        behind = [(index - middle, text) for index, text in failures if index >= middle]
        self._send(ventilator, first, results[:middle], ahead)
        self._send(ventilator, first + middle, results[middle:], behind)

    def _deliver(self, message: bytes) -> bool:
        """Give a message to a sink; False: nobody took it, and this worker is to end."""
        while self._has_sinks and not self._push.send(message, TICK):
            now = time.monotonic()
            self._look(now)
            if self._stopping:
                return False
            self._patience.over(now)
            self._patience.say(f"no sink takes results {self._post.meeting.where(SINK)}", now)
        self._patience.reset()
        return True

    def _do_raw(self, item: bytes) -> None:
        try:
            result = raw_bytes(self._function(item), "a raw result")
        except Exception as error:  # noqa: BLE001 - it is the user's: it may raise anything
            # A raw message cannot say that something failed.
            self._failed += 1
            _log.warning("worker %s: an item failed: %s", self.name, _told(error))
            return
        self._done += 1
        self._unsent += 1
        if self._deliver(result):
            self._unsent -= 1


def _told(error: Exception) -> str:
    """What went wrong, in a line that travels."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - its `__str__` is the user's, too
        text = ""
    line = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return line.encode("utf-8", "backslashreplace").decode()


def work(function: Callable[[Any], Any], where: str | Place, **options: Any) -> WorkerReport:
    """Work until the kill signal comes, or Ctrl-C: the whole of a worker's script.

    Args:
        function: as for `Worker`.
        where: as for `Worker`.
        options: as for `Worker`.

    Raises:
        ConfigError, TransportError: as `Worker`.
    """
    worker = Worker(function, where, **options)
    with contextlib.suppress(KeyboardInterrupt), worker:
        worker.run()
    return worker.report()
