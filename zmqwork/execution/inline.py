"""Handlers on the worker's own thread: the shortest way there is, for short tasks only.

While a handler runs, the worker neither reads nor beats; ZeroMQ's own heartbeats go on, and its
peers allow it the longer `Health.runtime_timeout`. What STARTED has to tell is told before: the
machine gives a slot that `shares_thread` one attempt at a time unless they are known to be quick.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from time import perf_counter

from zmqwork.core.clients import Held
from zmqwork.core.events import Finished, SlotReady, TakenBack
from zmqwork.execution import invoke
from zmqwork.execution.event_loop import EventLoop
from zmqwork.execution.handlers import Handlers
from zmqwork.execution.host_voice import HostVoice
from zmqwork.execution.invoke import Outcome
from zmqwork.execution.pool import Host
from zmqwork.execution.speech import grant, voice

# What a turn may run before the loop looks at its sockets again. One task always runs.
_TURN_SECONDS = 0.005


class InlinePool:
    """One slot, on the loop's thread."""

    shares_process = True
    shares_thread = True
    slots = 1

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._queue: deque[Held] = deque()  # bound: the machine's chunk_max
        self._event_loop = EventLoop()
        self._host: Host | None = None

    def start(self, host: Host) -> None:
        """The slot is ready at once."""
        self._host = host
        voice.set(HostVoice(host.post, waits=False))
        host.post(SlotReady(0))

    def execute(self, slot: int, attempts: Sequence[Held]) -> None:
        """Queue them for the end of this turn."""
        del slot
        self._queue.extend(attempts)

    def take_back(self, slot: int) -> None:
        """All of it: nothing runs while this is called."""
        assert self._host is not None
        back = list(self._queue)
        self._queue.clear()
        self._host.post(TakenBack(slot, back))

    def peek(self, slot: int) -> None:
        """Everything is told."""

    def cancel(self, slot: int, attempt: Held) -> None:
        """Nothing can run while this is called."""

    def grant(self, slot: int, attempt: Held, count: int) -> None:
        """The attempt's own speech waits for it."""
        grant(attempt, count)
        del slot

    def alarm(self, slot: int, attempt: Held) -> None:
        """Nothing can run while this is called."""

    def show(self, slot: int) -> None:
        """Nothing can run while this is called."""

    def restart(self, slot: int) -> None:
        """Forget what is queued."""
        self._queue.clear()
        if self._host is not None:
            self._host.post(SlotReady(slot))

    def turn(self) -> bool:
        """Run what is queued, for a bounded time; True if more waits."""
        queue = self._queue
        if not queue:
            return False
        assert self._host is not None
        run, finish = invoke.run, self._event_loop.finish
        began_at = now = perf_counter()
        until = began_at + _TURN_SECONDS
        while queue and now < until:
            name = queue[0].name
            handler = self._handlers.get(name)
            results: list[Outcome] = []
            since = now
            # Together go only outcomes of one task: their time is reported in one sum.
            while queue and now < until and queue[0].name == name:
                held = queue.popleft()
                if handler is None:
                    results.append(invoke.missing(name))
                else:
                    results.append(run(handler, held, finish))
                now = perf_counter()
            self._host.post(Finished(0, results, now - since))
        return bool(queue)

    def stop(self) -> None:
        """Forget what is queued, and close the event loop if there is one."""
        self._queue.clear()
        self._event_loop.close()
