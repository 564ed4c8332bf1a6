"""The end that deals out items: it binds a PUSH, and tells the sinks how many there are."""

from __future__ import annotations

import contextlib
import itertools
import logging
import secrets
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from zmqwork.classic.meeting import name_of
from zmqwork.classic.outlets import Outlets
from zmqwork.classic.packing import Packing
from zmqwork.classic.places import Place, Static, place_of
from zmqwork.classic.post import Post
from zmqwork.classic.report import VentilatorReport
from zmqwork.classic.roles import VENTILATOR
from zmqwork.classic.waiting import LOOK_INTERVAL, TICK, Patience, check_counts
from zmqwork.config import check_number
from zmqwork.core.permissions import PRODUCER, SINK
from zmqwork.errors import ConfigError, EncodeError, UsageError
from zmqwork.wire.pipeline import (
    BATCH_MAX,
    End,
    Start,
    encode_end,
    encode_start,
)

_log = logging.getLogger("zmqwork")

# What the guide's ventilator says to the sink before its first task.
RAW_START = b"0"

# A batch that is not full leaves after this long.
_FLUSH_DELAY = 0.1
# After an exception, or Ctrl-C, nobody wants to wait.
_LINGER_IN_A_HURRY = 1.0


class Ventilator:
    """Deals out items to all workers that are connected, by turns.

    Args:
        where: the realm's name, a `Realm`, or `Static`.
        batch: items of one message. 1 costs a message each; a worker that is killed takes whole
            messages along.
        hwm: messages that wait for one worker in this process, and as many in the worker's.
        raw: an item is bytes, and a message of its own without a number, as in the guide.
        controls: whether this ventilator may `kill` the workers.
        patience: seconds to wait for the first sink and the first worker; None: for ever.
        linger: seconds to wait at the end until the workers have taken what they were sent; one at
            most, where an exception or Ctrl-C ends it.
        name: a label for people.

    Raises:
        ConfigError: an option is wrong.
        TransportError: the endpoint is taken.
    """

    def __init__(
        self,
        where: str | Place,
        *,
        batch: int = 64,
        hwm: int = 16,
        raw: bool = False,
        controls: bool = False,
        patience: float | None = 60.0,
        linger: float = 30.0,
        name: str | None = None,
    ) -> None:
        place = place_of(where)
        check_counts(batch=batch, hwm=hwm)
        check_number("linger", linger, 0)
        if batch > BATCH_MAX:
            raise ConfigError(f"batch must be at most {BATCH_MAX:,}, not {batch:,}")
        self.name = name_of(name)
        self._id = secrets.token_hex(8)
        self._raw, self._linger = raw, linger
        self._patience = Patience(patience, f"ventilator {self.name}")
        self._buffer: list[Any] = []  # bound: batch
        self._flush_at = 0.0
        self._packing = Packing(self._id, batch, raw=raw)
        self._sent = 0
        self._begun_at = self._last_at = 0.0
        self._ended = self._interrupted = False
        self._unread = 0
        self._look_at = 0.0
        # Typed endpoints without a sink: nobody wants to know how many items there are.
        self._marks = not isinstance(place, Static) or bool(place.sink)
        self._post = Post(place, PRODUCER, self.name, raw=raw, controls=controls)
        try:
            self._push = self._post.sockets.push(hwm)
            self._post.meeting.bind(self._push)
            self._outlets = Outlets(self._post.sockets, self._post.trusts(SINK))
            self._look(time.monotonic())
        except BaseException:
            self._post.close(0.0)
            raise

    # -- sending ------------------------------------------------------------------------------

    def push(self, item: Any) -> None:
        """Send an item, when its batch is full, or 0.1 s old at the next call.

        Waits while no worker can take more.

        Raises:
            EncodeError: an item of the batch cannot travel; it is named, and left out.
            TransportError: nobody has come within `patience`.
            UsageError: `end` was called, or this is a forked child.
        """
        self._check()
        now = time.monotonic()
        if not self._buffer:
            self._flush_at = now + _FLUSH_DELAY
        self._buffer.append(item)
        if len(self._buffer) >= self._packing.fits or now >= self._flush_at:
            self.flush()

    def push_all(self, items: Iterable[Any]) -> None:
        """Send items, in batches that are smaller where the items come slowly. Raises as `push`."""
        self.flush()
        rest = iter(items)
        count = 1
        asked_at = time.monotonic()
        while batch := list(itertools.islice(rest, count)):
            now = time.monotonic()
            if now - asked_at > _FLUSH_DELAY:
                count = max(1, count // 2)
            else:
                count = min(self._packing.fits, 2 * count)
            self._check()
            self._send(batch)
            asked_at = time.monotonic()

    def flush(self) -> None:
        """Send what waits for its batch to be full. Raises as `push`."""
        self._check()
        items, self._buffer = self._buffer, []
        if items:
            self._send(items)

    def wait_for(self, workers: int, timeout: float | None = None) -> None:
        """Wait until so many workers are connected: the first one would take more than its share.

        Args:
            workers: how many.
            timeout: seconds; None: `patience`.

        Raises:
            TransportError: they have not come in time; the text says how many have.
        """
        self._check()
        check_counts(workers=workers)
        patience = self._patience
        if timeout is not None:
            patience = Patience(timeout, f"ventilator {self.name}")
        patience.reset()
        while (found := self._push.connected()) < workers:
            now = time.monotonic()
            what = (
                f"{found} of {workers} workers are connected {self._post.meeting.where(VENTILATOR)}"
            )
            if patience.over(now):
                raise patience.exhausted(what)
            patience.say(what, now)
            self._look(now)
            time.sleep(TICK / 10)
        patience.reset()

    def end(self) -> None:
        """Send what waits, and tell the sinks how many items there were. Raises as `push`."""
        self.flush()
        self._ended = True
        if not self._marks or self._raw:
            return
        self._await_sink()
        self._tell_end()

    def kill(self) -> None:
        """Tell all workers that hear it to end, whatever they have not done.

        Raises:
            UsageError: `controls` is not set.
        """
        self._post.kill()

    @property
    def workers(self) -> int:
        """How many workers are connected now."""
        self._post.sockets.check()
        return self._push.connected()

    def report(self) -> VentilatorReport:
        """What was sent."""
        return VentilatorReport(
            self.name,
            self._sent,
            max(0.0, self._last_at - self._begun_at),
            len(self._outlets),
            self._interrupted,
            self._unread,
        )

    # -- the end ------------------------------------------------------------------------------

    def close(self) -> None:
        """`end`, unless that was done; then wait until the workers have what they were sent."""
        try:
            if not self._ended:
                self.end()
        except BaseException:
            self._close(min(self._linger, _LINGER_IN_A_HURRY))
            raise
        try:
            self._close(self._linger)
        except KeyboardInterrupt:
            self._interrupted = True
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
            return
        self._leave_early(interrupted=issubclass(kind, KeyboardInterrupt))

    def _leave_early(self, *, interrupted: bool) -> None:
        """Say how many were sent, if somebody hears it at once, and close."""
        self._interrupted = interrupted
        try:
            if not self._ended and self._marks and not self._raw:
                self._ended = True
                self._tell_end()
        finally:
            self._close(min(self._linger, _LINGER_IN_A_HURRY))

    def _close(self, linger: float) -> None:
        unread = self._post.close(linger)
        if unread:
            self._unread = unread
            _log.warning("%s", self.report())

    # -- in detail ----------------------------------------------------------------------------

    def _check(self) -> None:
        self._post.sockets.check()
        if self._ended:
            raise UsageError(f"ventilator {self.name} has said END: open another one")

    def _send(self, items: list[Any]) -> None:
        if not self._begun_at:
            self._await_sink()
            self._begun_at = time.monotonic()
        message = self._packing.message(self._sent, items)
        if message is not None:
            self._deliver(message, len(items))
            return
        try:
            for message, count in self._packing.messages(self._sent, items):
                self._deliver(message, count)
        except EncodeError:
            self._buffer += self._packing.rest
            raise

    def _deliver(self, message: bytes, count: int) -> None:
        while not self._push.send(message, TICK):
            now = time.monotonic()
            self._look(now)
            self._wait_for_a_taker(now)
        self._sent += count
        self._last_at = now = time.monotonic()
        if now >= self._look_at:
            self._patience.reset()
            self._look(now)

    def _wait_for_a_taker(self, now: float) -> None:
        over = self._patience.over(now)
        if self._push.connected():
            self._patience.reset()  # they are busy, however long that takes
            return
        what = f"no worker is connected {self._post.meeting.where(VENTILATOR)}"
        # Where there were some, others may come: a sink waits for the rest of the items.
        if over and not self._sent:
            raise self._patience.exhausted(what)
        self._patience.say(what, now)

    def _await_sink(self) -> None:
        """Wait until a sink knows of us: what is sent before is missed by nobody."""
        while self._marks and not len(self._outlets):
            now = time.monotonic()
            self._look(now)
            if len(self._outlets):
                break
            what = f"no sink is there {self._post.meeting.where(SINK)}"
            if self._patience.over(now):
                raise self._patience.exhausted(what)
            self._patience.say(what, now)
            time.sleep(TICK / 10)
        self._patience.reset()

    def _look(self, now: float) -> None:
        self._look_at = now + LOOK_INTERVAL
        self._post.look(now)
        if self._marks:
            self._outlets.update(self._post.meeting.contacts(SINK), now)
            self._outlets.start(self._start)

    def _start(self) -> bytes:
        return RAW_START if self._raw else encode_start(Start(self._id, self._sent, self.name))

    def _tell_end(self) -> None:
        with contextlib.suppress(UsageError):  # closed already
            message = encode_end(End(self._id, self._sent, len(self._outlets)))
            for endpoint in self._outlets.end(message, TICK):
                _log.warning(
                    "ventilator %s: the sink at %s was not there to hear END", self.name, endpoint
                )


def ventilate(
    items: Iterable[Any],
    where: str | Place,
    *,
    workers: int = 0,
    **options: Any,
) -> VentilatorReport:
    """Deal out items, and return what was sent: the whole of a ventilator's script.

    Ctrl-C ends it early, and is told by the report.

    Args:
        items: any number of them; they are taken only as fast as workers take them.
        where: as for `Ventilator`.
        workers: wait for so many of them first.
        options: as for `Ventilator`.

    Raises:
        ConfigError, EncodeError, TransportError: as `Ventilator`.
    """
    ventilator = Ventilator(where, **options)
    with contextlib.suppress(KeyboardInterrupt), ventilator:
        if workers:
            ventilator.wait_for(workers)
        ventilator.push_all(items)
    return ventilator.report()
