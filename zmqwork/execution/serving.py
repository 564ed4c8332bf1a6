"""What a child does all day: run attempts, and send what comes of them, several at a time."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any, NoReturn

from zmqwork.errors import SoftTimeout
from zmqwork.execution import invoke, stacks
from zmqwork.execution.child_channel import ChildChannel
from zmqwork.execution.child_signals import at_alarm
from zmqwork.execution.child_voice import ChildVoice
from zmqwork.execution.context import running
from zmqwork.execution.event_loop import EventLoop
from zmqwork.execution.functions import AllowedHandlers
from zmqwork.execution.helping import Helper, helper
from zmqwork.execution.page import FLAGS_COUNT, FULL_BYTES, TAKEN, TAKING, Page
from zmqwork.execution.speech import Speech, grant, voice
from zmqwork.execution.wear import UNLIMITED, Limits, Wear
from zmqwork.queues import ALL_QUEUES, Queues
from zmqwork.wire.channel import (
    SPENT,
    OutcomePacker,
    Run,
    outcomes_head,
    pack_message,
    unpack_runs,
)

if TYPE_CHECKING:
    import asyncio

# Outcomes of quick attempts wait for each other so long, at most.
_HOLD_SECONDS = 0.005

# The parent decides within microseconds whom an attempt belongs to, unless it is suspended.
_DECISION_INTERVAL = 0.0001


class Item:
    """One attempt, as its handler's `Context` sees it: most handlers do not look."""

    __slots__ = ("_page", "_position", "_run", "args", "index", "speech")

    def __init__(self, run: Run, position: int, page: Page, index: int) -> None:
        self.args = run[6][position]
        self._run = run
        self._position = position
        self._page = page
        self.index = index
        self.speech: Speech | None = None

    @property
    def name(self) -> str:
        """The task's name."""
        return self._run[0]

    @property
    def producer_id(self) -> str:
        """The node id of its producer."""
        return self._run[1]

    @property
    def options(self) -> dict[str, Any]:
        """As in `messages.Run`."""
        return self._run[2]

    @property
    def attempt(self) -> int:
        """Counts from 1."""
        return self._run[3][self._position]

    @property
    def seq(self) -> int:
        """The task's number at its producer."""
        return self._run[4][self._position]

    @property
    def deadline_at(self) -> float | None:
        """The instant when it expires, or None."""
        return self._run[5][self._position]

    @property
    def dropped(self) -> bool:
        """Whether its result is not wanted any more."""
        return self._page.is_cancelled(self.index)


class Server:
    """Runs what comes through the channel."""

    def __init__(
        self,
        channel: ChildChannel,
        page: Page,
        handlers: Mapping[str, Callable[..., Any]],
        queues: Queues = ALL_QUEUES,
        limits: Limits = UNLIMITED,
    ) -> None:
        self._wear = Wear(limits) if any(limits) else None
        self._channel = channel
        self._page = page
        self._handlers = handlers
        self._packer = OutcomePacker()
        self._event_loop = EventLoop(self._prepare)
        helper.set(Helper(handlers, self._event_loop.finish, queues))
        self._voice = ChildVoice(channel)
        voice.set(self._voice)
        channel.granted = self._granted
        self._item: Item | None = None  # which runs
        self._name = ""
        self._index = 0  # of the attempt that runs
        self._alarmed = -1  # which was told last that its soft time-out is over
        # Since when the attempts run whose outcomes were not sent.
        self._sent_at = self._since = perf_counter()
        self._is_copy = False
        os.register_at_fork(after_in_child=self._forked)
        at_alarm(self._alarm)

    def serve(self) -> None:
        """Until the parent has gone, or wants no more, or this process is to be replaced."""
        with contextlib.suppress(EOFError):
            while True:
                frame = self._channel.poll()
                if frame is None:
                    self._send()
                    _flush_output()
                    frame = self._channel.receive()
                    if frame is None:
                        break
                    self._sent_at = self._since = perf_counter()
                for run in unpack_runs(frame):
                    self._run(run)
        self._event_loop.close()

    # One function: a call costs as much as the rest of what is done here for an attempt.
    def _run(self, run: Run) -> None:  # noqa: C901
        page, packer = self._page, self._packer
        name = run[0]
        if isinstance(self._handlers, AllowedHandlers):
            page.begin(self._index)  # it may be imported now, which may kill this process
        handler = self._handlers.get(name)
        finish = self._event_loop.finish
        if name != self._name:
            # Together go only outcomes of one task: their time is reported in one sum.
            self._name = name
            self._send()
        flags = page.flags
        for position in range(len(run[-1])):
            index = self._index
            page.begin(index)
            if flags[index % FLAGS_COUNT] >= TAKING and self._is_taken(index):
                self._skip()
                continue
            self._item = item = Item(run, position, page, index)
            if handler is None:
                outcome = invoke.missing(name)
            else:
                try:
                    outcome = invoke.run(handler, item, finish)
                except SoftTimeout as error:  # raised when the handler had just ended
                    outcome = False, invoke.error_record(error)
                if self._is_copy:
                    _leave()
            entry = packer.entry(outcome)
            now = perf_counter()
            if len(entry) > FULL_BYTES:
                self._send()
                self._send_alone(entry, now)
            else:
                page.add(entry, now - self._since)
                if page.size_bytes >= FULL_BYTES or now - self._sent_at >= _HOLD_SECONDS:
                    self._send(now)
            self._index = index + 1
            if self._wear is not None and self._wear.is_spent():
                self._send()
                self._channel.send(pack_message(SPENT))
                raise EOFError  # nothing more is read

    def _is_taken(self, index: int) -> bool:
        """Whether the parent has taken this attempt back; it may be about to decide."""
        flags = self._page.flags
        while flags[index % FLAGS_COUNT] == TAKING:
            sleep(_DECISION_INTERVAL)
        return flags[index % FLAGS_COUNT] == TAKEN

    def _skip(self) -> None:
        """Count an attempt that was taken back; what the page has is of those before it."""
        self._send()
        self._page.sent(1)
        self._index += 1

    def _send(self, now: float = 0.0) -> None:
        """Send the outcomes that are in the page."""
        page = self._page
        if page.count:
            frame = page.frame()
            self._channel.send(frame)
            frame.release()
            page.sent(page.count)
            self._sent_at = self._since = now or perf_counter()

    def _send_alone(self, entry: bytes, now: float) -> None:
        """Send an outcome that has no room in the page."""
        head = outcomes_head(self._index, now - self._since, 1, len(entry))
        self._channel.send(head)
        self._channel.send(entry)
        self._page.sent(1)
        self._sent_at = self._since = perf_counter()

    def _prepare(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.add_reader(self._channel.fd, self._look)
        stacks.show_also(self._coroutine)

    def _coroutine(self) -> str:
        task = self._event_loop.task
        return "" if task is None else f"coroutine:\n{stacks.of_coroutine(task.get_coro())}"

    def _look(self) -> None:
        """Something came while a coroutine runs: attempts, which wait, or that it is cancelled."""
        task = self._event_loop.task
        try:
            self._channel.read_ahead()
        except EOFError:
            # Only a parent that is gone closes the channel of a child that is busy.
            os._exit(1)
        if task is not None and self._page.is_cancelled(self._index):
            task.cancel()

    def _granted(self, index: int, count: int) -> None:
        item = self._item
        if item is not None and item.index == index:
            grant(item, count)

    def _alarm(self) -> None:
        """A soft time-out is over; whose, the page says."""
        index = self._index
        if self._is_copy or index == self._alarmed or not self._page.is_alarmed(index):
            return
        if self._event_loop.task is None and self._voice.is_shielded:
            self._voice.is_late = True
            return
        self._alarmed = index
        if self._event_loop.task is not None:
            self._event_loop.alarm()
        elif running.get() is not None:
            raise SoftTimeout

    def _forked(self) -> None:
        self._is_copy = self._voice.is_copy = True


def _leave() -> NoReturn:
    """End a process that a handler has forked and let return: it must not answer for the task."""
    _flush_output()
    os._exit(0)


def _flush_output() -> None:
    """Show what handlers have printed before the child goes idle: it may be killed there."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            # It is user code's: closed, replaced, full.
            with contextlib.suppress(Exception):
                stream.flush()
