"""Handlers in threads of the worker's process: for I/O, and code that releases the GIL."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Sequence

from zmqwork.core.clients import Held
from zmqwork.core.events import SlotReady, TakenBack
from zmqwork.execution import invoke
from zmqwork.execution.alarm import Alarm, run_alarmed
from zmqwork.execution.event_loop import EventLoop
from zmqwork.execution.handlers import Handlers
from zmqwork.execution.helping import Helper, helper
from zmqwork.execution.host_voice import HostVoice
from zmqwork.execution.lookout import Lookout
from zmqwork.execution.pool import Host
from zmqwork.execution.reporter import Reporter
from zmqwork.execution.speech import grant, voice
from zmqwork.queues import ALL_QUEUES, Queues

# How long a pool that stops waits for its threads, together; idle ones need a moment to end.
_JOIN_TIMEOUT = 0.2


class _Lane:
    """One slot's thread, and what it was given. Bound of that: the machine's chunk_max.

    A deque's `popleft` and `pop` are atomic, so an attempt is begun or taken back, never both.
    """

    def __init__(self, slot: int, host: Host, handlers: Handlers, queues: Queues) -> None:
        self._handlers = handlers
        self._queues = queues
        self._given: deque[Held] = deque()
        self._news = threading.Event()
        self._reporter = Reporter(host.post, slot)
        self._lookout = Lookout(host, self._look)
        self._event_loop = EventLoop()
        self._alarm = Alarm()
        self._voice = HostVoice(host.post, self._alarm)
        self._running: Held | None = None
        self._idle = False
        self._abandoned = False
        # A daemon: a handler that never ends must not keep the process.
        self._thread = threading.Thread(target=self._work, name=f"slot-{slot}", daemon=True)
        self._thread.start()

    def put(self, attempts: Sequence[Held]) -> None:
        self._given.extend(attempts)
        self._news.set()
        if len(self._given) > 1 or not self._idle:
            self._lookout.arm()

    def take_back(self) -> list[Held]:
        """What the thread has not begun; in order."""
        back: list[Held] = []
        with contextlib.suppress(IndexError):
            while True:
                back.append(self._given.pop())
        back.reverse()
        return back

    def report(self) -> None:
        """Tell of what has ended."""
        self._reporter.post()

    def cancel(self, attempt: Held) -> None:
        self._event_loop.cancel(lambda: self._running is attempt)

    def alarm(self, attempt: Held) -> None:
        """Cancel a coroutine, raise `SoftTimeout` in a function."""
        if self._event_loop.task is not None:
            self._event_loop.alarm(lambda: self._running is attempt)
        else:
            self._alarm.ring(attempt)

    def abandon(self) -> None:
        """A thread cannot be killed: nobody listens to this one any more."""
        self._abandoned = True
        self._reporter.close()
        self._event_loop.cancel(lambda: True)
        self._news.set()

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def _look(self) -> bool:
        self.report()
        return bool(self._given) and not self._abandoned

    def _work(self) -> None:
        reporter, finish = self._reporter, self._event_loop.finish
        helper.set(Helper(self._handlers, finish, self._queues))
        voice.set(self._voice)
        try:
            while (held := self._next()) is not None:
                reporter.begin(held.name)
                handler = self._handlers.get(held.name)
                if handler is None:
                    outcome = invoke.missing(held.name)
                else:  # (it may be revoked, if it has no time-out)
                    outcome = run_alarmed(self._alarm, handler, held, finish)
                reporter.add(outcome)
        finally:
            self._event_loop.close()

    def _next(self) -> Held | None:
        """Wait for the next attempt; None: nobody listens any more."""
        while not self._abandoned:
            try:
                self._running = held = self._given.popleft()
            except IndexError:
                self._running = None
                self._reporter.post()
                self._idle = True
                self._news.wait()
                self._idle = False
                self._news.clear()  # and look again: what came meanwhile has set it
            else:
                return held
        return None


class ThreadPool:
    """One daemon thread per slot."""

    shares_process = True
    shares_thread = False

    def __init__(self, slots: int, handlers: Handlers, queues: Queues = ALL_QUEUES) -> None:
        self.slots = slots
        self._handlers = handlers
        self._queues = queues
        self._lanes: list[_Lane] = []
        self._host: Host | None = None

    def start(self, host: Host) -> None:
        """Start the threads; their slots are ready at once."""
        self._host = host
        for slot in range(self.slots):
            self._lanes.append(_Lane(slot, host, self._handlers, self._queues))
            host.post(SlotReady(slot))

    def execute(self, slot: int, attempts: Sequence[Held]) -> None:
        """Queue them for the slot's thread."""
        self._lanes[slot].put(attempts)

    def take_back(self, slot: int) -> None:
        """What the thread has not begun."""
        assert self._host is not None
        self._host.post(TakenBack(slot, self._lanes[slot].take_back()))

    def peek(self, slot: int) -> None:
        """What the thread keeps for the next report."""
        self._lanes[slot].report()

    def cancel(self, slot: int, attempt: Held) -> None:
        """Cancel a coroutine; functions see `current().cancelled`: the attempt says it itself."""
        self._lanes[slot].cancel(attempt)

    def grant(self, slot: int, attempt: Held, count: int) -> None:
        """The attempt's own speech waits for it."""
        grant(attempt, count)
        del slot

    def alarm(self, slot: int, attempt: Held) -> None:
        """Raise it in the slot's thread; a long call of C code hears of it when it returns."""
        self._lanes[slot].alarm(attempt)

    def show(self, slot: int) -> None:
        """Its thread is one of ours."""

    def restart(self, slot: int) -> None:
        """Leave the old thread to itself, which ends after its attempt, and start another."""
        assert self._host is not None
        self._lanes[slot].abandon()
        self._lanes[slot] = _Lane(slot, self._host, self._handlers, self._queues)
        self._host.post(SlotReady(slot))

    def turn(self) -> bool:
        """Threads need no turns."""
        return False

    def stop(self) -> None:
        """Let every thread end after the attempt that it runs; nothing is heard of them."""
        lanes, self._lanes = self._lanes, []
        for lane in lanes:
            lane.abandon()
        for lane in lanes:
            lane.join(_JOIN_TIMEOUT / len(lanes))
