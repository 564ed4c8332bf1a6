"""The end that collects: it binds a PULL, and counts what comes and what does not."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

from zmqwork.classic.meeting import name_of
from zmqwork.classic.places import Place, place_of
from zmqwork.classic.post import Post
from zmqwork.classic.report import Report
from zmqwork.classic.tally import Tally
from zmqwork.classic.ventilator import RAW_START
from zmqwork.classic.waiting import TICK, Patience, check_counts
from zmqwork.config import check_number
from zmqwork.core.permissions import SINK
from zmqwork.wire.pipeline import Items, decode


class Sink:
    """Collects results: iterate over it, and ask for its `report`.

    The iteration ends when all ventilators have said END and all of their items have come; or
    `quiet` seconds after the last message, if then something is missing; or with `expect` items.

    Args:
        where: the realm's name, a `Realm`, or `Static`.
        expect: how many items will come, where that is known; raw messages do not tell.
        ventilators: how many ventilators will come.
        quiet: seconds without a message after which what is missing is given up, when all
            ventilators have said END. More than the longest time that an item takes.
        hwm: messages that wait here for their turn, for each worker.
        raw: a message is a result, as in the guide.
        controls: whether this sink may `kill` the workers.
        patience: seconds without a message, where no END has come; None: for ever.
        name: a label for people.

    Raises:
        ConfigError: an option is wrong.
        TransportError: the endpoint is taken.
    """

    def __init__(
        self,
        where: str | Place,
        *,
        expect: int | None = None,
        ventilators: int = 1,
        quiet: float = 5.0,
        hwm: int = 16,
        raw: bool = False,
        controls: bool = False,
        patience: float | None = 60.0,
        name: str | None = None,
    ) -> None:
        place = place_of(where)
        check_counts(hwm=hwm, ventilators=ventilators)
        check_number("quiet", quiet, 0)
        if expect is not None:
            check_counts(low=0, expect=expect)
        self.name = name_of(name)
        self._raw, self._quiet = raw, quiet
        self._tally = Tally(
            expect=expect, ventilators=ventilators, start=RAW_START if raw else None
        )
        self._patience = Patience(patience, f"sink {self.name}")
        self._rest: Iterator[Any] = iter(())
        self._heard_at = 0.0
        self._interrupted = self._stopping = False
        self._post = Post(place, SINK, self.name, raw=raw, controls=controls)
        try:
            self._pull = self._post.sockets.pull(hwm)
            self._post.meeting.bind(self._pull)
            self._look_at = 0.0
        except BaseException:
            self._post.close(0.0)
            raise

    def __iter__(self) -> Iterator[Any]:
        # Kept here: a loop that was left, and another one goes on.
        yield from self._rest
        for results in self.batches():
            self._rest = iter(results)
            yield from self._rest

    def batches(self) -> Iterator[list[Any]]:
        """The results as they come, many at a time.

        Raises:
            TransportError: nothing has come within `patience`.
            UsageError: this is a forked child, or the sink is closed.
        """
        self._post.sockets.check()
        self._heard_at = time.monotonic()
        self._patience.reset()
        tally, receive = self._tally, self._pull.receive
        while not self._stopping and not tally.complete:
            frame = receive(TICK)
            now = time.monotonic()
            if now >= self._look_at:
                self._look_at = now + TICK
                self._post.look(now)
                self._patience.heard(self._heard_at)
            if frame is None:
                if self._is_over(now):
                    return
                continue
            self._heard_at = now
            results = self._take(frame, now)
            if results:
                yield results

    def stop(self) -> None:
        """Let the iteration end. From any thread, and a signal handler."""
        self._stopping = True

    def kill(self) -> None:
        """Tell all workers that hear it to end, whatever they have not done.

        Raises:
            UsageError: `controls` is not set.
        """
        self._post.kill()

    def report(self) -> Report:
        """What has come, and what is missing."""
        return self._tally.report(interrupted=self._interrupted)

    def close(self) -> None:
        """Close; what has not been read is lost."""
        self._post.close(0.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
        self.close()

    def _take(self, frame: bytes, now: float) -> list[Any]:
        if self._raw:
            rest = self._pull.rest()
            if not rest and self._post.may_say(self._pull.sender, None):
                return self._tally.take_raw(frame, now)
        else:
            message = decode(frame)
            # (Items come from a ventilator that was told this endpoint for a worker's.)
            if (
                message is not None
                and type(message) is not Items
                and self._post.may_say(self._pull.sender, type(message))
            ):
                return self._tally.take(message, now)
            rest = self._pull.rest()
        self._tally.take_foreign(frame, rest)
        return []

    def _is_over(self, now: float) -> bool:
        """Whether nothing more is waited for, of what is missing."""
        if self._tally.is_ended():
            return now - self._heard_at >= self._quiet
        over = self._patience.over(now)
        if self._tally.begun:
            return over
        what = f"no ventilator and no worker has sent anything {self._post.meeting.where(SINK)}"
        if over:
            raise self._patience.exhausted(what)
        self._patience.say(what, now)
        return False


def collect(
    handle: Callable[[Any], object],
    where: str | Place,
    *,
    kill: bool = False,
    **options: Any,
) -> Report:
    """Give each result to a function, and return the report: the whole of a sink's script.

    Ctrl-C ends it early, and is told by the report.

    Args:
        handle: called with each result, in the order in which they come.
        where: as for `Sink`.
        kill: tell the workers to end, when all is over.
        options: as for `Sink`.

    Raises:
        ConfigError, TransportError: as `Sink`.
    """
    sink = Sink(where, controls=kill, **options)
    with contextlib.suppress(KeyboardInterrupt), sink:
        try:
            for results in sink.batches():
                for result in results:
                    handle(result)
        finally:
            if kill:
                sink.kill()
    return sink.report()
