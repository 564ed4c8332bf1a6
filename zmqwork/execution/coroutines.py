"""Handlers as coroutines of one event loop: for many tasks that wait for the network.

Plain functions run in a thread each, so that one that takes its time does not stop the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from zmqwork.core.clients import Held
from zmqwork.core.events import SlotReady, TakenBack
from zmqwork.errors import SoftTimeout
from zmqwork.execution import invoke, stacks
from zmqwork.execution.alarm import Alarm, run_alarmed
from zmqwork.execution.handlers import Handlers
from zmqwork.execution.helping import Helper, helper
from zmqwork.execution.host_voice import HostVoice
from zmqwork.execution.pool import Host
from zmqwork.execution.reporter import Reporter
from zmqwork.execution.speech import grant, voice
from zmqwork.queues import ALL_QUEUES, Queues

# How long coroutines have to clean up when the pool stops.
_FAREWELL_TIMEOUT = 0.5


class _Lane:
    """One slot: its attempts run one after the other, in one asyncio task."""

    def __init__(self, slot: int, host: Host, handlers: Handlers, queues: Queues) -> None:
        # Bound: the machine's chunk_max.
        self._given: deque[Held] = deque()
        self._news = asyncio.Event()
        self._reporter = Reporter(host.post, slot)
        self._handlers = handlers
        self._queues = queues
        self._running: Held | None = None
        self._alarmed: Held | None = None  # whose soft time-out is over
        self._alarm = Alarm()
        self._voice = HostVoice(host.post, self._alarm)
        self._closed = False
        self._posting = False
        self._loop = asyncio.get_running_loop()
        self.task = self._loop.create_task(self._work())

    def put(self, attempts: Sequence[Held]) -> None:
        self._given.extend(attempts)
        self._news.set()

    def take_back(self) -> list[Held]:
        """What was not begun."""
        back = list(self._given)
        self._given.clear()
        return back

    def cancel(self, attempt: Held) -> None:
        if self._running is attempt:
            self.task.cancel()

    def alarm(self, attempt: Held) -> None:
        """Cancel a coroutine, raise `SoftTimeout` in a function."""
        if self._running is attempt:
            self._alarmed = attempt
            handler = self._handlers.get(attempt.name)
            if handler is not None and _is_async(handler):
                self.task.cancel()
            else:
                self._alarm.ring(attempt)

    def close(self) -> None:
        """Nothing is heard of it any more; whatever runs is cancelled."""
        self._closed = True
        self._reporter.close()
        self.task.cancel()

    async def _work(self) -> None:
        voice.set(self._voice)
        reporter = self._reporter
        given = self._given
        while True:
            await self._wait()
            while given:
                held = given.popleft()
                self._running = held
                reporter.begin(held.name)
                outcome = await self._run(held)
                self._running = None
                if self.task.cancelling():
                    await self._calm_down()
                if self._is_closed():
                    return
                if reporter.add(outcome):
                    # Handlers that never wait would keep the event loop from all others.
                    await self._pause()
                elif not self._posting:
                    # As soon as a handler waits; until then there may be more to report.
                    self._posting = True
                    self._loop.call_soon(self.report)

    async def _wait(self) -> None:
        while not self._given:
            self._news.clear()
            try:
                await self._news.wait()
            except asyncio.CancelledError:
                if self._closed:
                    raise
                # By what an attempt has left behind: it must not end the slot.

    async def _calm_down(self) -> None:
        """A cancellation was for the attempt, and must not confuse the next one.

        It may not be delivered yet: a handler can cancel its own task and return.
        """
        while self.task.cancelling():
            while self.task.uncancel():
                pass
            await self._pause()

    async def _pause(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0)

    def _is_closed(self) -> bool:
        return self._closed

    def report(self) -> None:
        """Tell of what has ended."""
        self._posting = False
        self._reporter.post()

    async def _run(self, held: Held) -> invoke.Outcome:
        handler = self._handlers.get(held.name)
        if handler is None:
            return invoke.missing(held.name)
        if _is_async(handler):
            return await invoke.run_async(handler, held, self._finish)
        return await self._run_in_thread(handler, held)

    async def _finish(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await coroutine
        except asyncio.CancelledError:
            if self._alarmed is self._running:
                raise SoftTimeout from None
            raise

    async def _run_in_thread(self, handler: Callable[..., Any], held: Held) -> invoke.Outcome:
        loop = self._loop
        ended: asyncio.Future[invoke.Outcome] = loop.create_future()

        def settle(outcome: invoke.Outcome) -> None:
            if not ended.done():
                ended.set_result(outcome)

        def finish(coroutine: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

        def work() -> None:
            helper.set(Helper(self._handlers, finish, self._queues))
            outcome = run_alarmed(self._alarm, handler, held, finish)
            with contextlib.suppress(RuntimeError):  # the pool has stopped meanwhile
                loop.call_soon_threadsafe(settle, outcome)

        # Not an executor's thread: those keep the process until their handlers end.
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(work,), name=held.name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # too many; there may be fewer when it is tried again
            return False, invoke.error_record(error)
        while True:
            try:
                return await asyncio.shield(ended)
            except asyncio.CancelledError:
                if self._is_closed():
                    raise
                # It cannot be interrupted, and may ask `current().cancelled`.


def _is_async(handler: Callable[..., Any]) -> bool:
    """Whether a call of it gives a coroutine, or a generator that is one."""
    handler = getattr(handler, "innermost", handler)
    call = getattr(handler, "__call__", handler)  # noqa: B004  # for objects with async __call__
    return any(
        asyncio.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
        for function in (handler, call)
    )


class CoroutinePool:
    """`slots` coroutines at a time in one event loop, in a thread of its own."""

    shares_process = True
    shares_thread = False

    def __init__(self, slots: int, handlers: Handlers, queues: Queues = ALL_QUEUES) -> None:
        self.slots = slots
        self._queues = queues
        self._handlers = handlers
        self._lanes: dict[int, _Lane] = {}
        self._host: Host | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self, host: Host) -> None:
        """Start the event loop; it reports its slots."""
        self._host = host
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="zmqwork-asyncio", daemon=True)
        self._thread.start()
        for slot in range(self.slots):
            self._call(self._open, slot)

    def execute(self, slot: int, attempts: Sequence[Held]) -> None:
        """Hand them to the slot's coroutine."""
        self._call(self._put, slot, attempts)

    def take_back(self, slot: int) -> None:
        """What the slot's coroutine has not begun."""
        self._call(self._take_back, slot)

    def peek(self, slot: int) -> None:
        """What the slot's coroutine keeps for the next report."""
        self._call(self._peek, slot)

    def cancel(self, slot: int, attempt: Held) -> None:
        """Cancel the handler, as asyncio does: it may clean up."""
        self._call(self._cancel, slot, attempt)

    def grant(self, slot: int, attempt: Held, count: int) -> None:
        """The attempt's own speech waits for it."""
        grant(attempt, count)
        del slot

    def alarm(self, slot: int, attempt: Held) -> None:
        """Cancel the handler, or raise it in its thread."""
        self._call(self._alarm, slot, attempt)

    def show(self, slot: int) -> None:
        """Where its coroutine waits; a function is in a thread of ours."""
        lane = self._lanes.get(slot)
        if lane is not None:
            stacks.show(stacks.of_coroutine(lane.task.get_coro()))

    def restart(self, slot: int) -> None:
        """Cancel whatever the slot has. What resists is left to itself."""
        self._call(self._reopen, slot)

    def turn(self) -> bool:
        """The event loop needs no turns."""
        return False

    def stop(self) -> None:
        """Cancel everything and end the event loop, as far as the handlers let it."""
        if self._loop is not None and self._thread is not None:
            self._call(self._close)
            # A handler that blocks the event loop is left to its daemon thread.
            self._thread.join(2 * _FAREWELL_TIMEOUT)
            self._loop = self._thread = None

    # -- the event loop's thread ----------------------------------------------------------------

    def _call(self, callback: Callable[..., None], *args: Any) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *args)

    def _run(self) -> None:
        loop = self._loop
        assert loop is not None
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            if tasks:
                loop.run_until_complete(asyncio.wait(tasks, timeout=_FAREWELL_TIMEOUT))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    def _open(self, slot: int) -> None:
        assert self._host is not None
        self._lanes[slot] = _Lane(slot, self._host, self._handlers, self._queues)
        self._host.post(SlotReady(slot))

    def _put(self, slot: int, attempts: Sequence[Held]) -> None:
        self._lanes[slot].put(attempts)

    def _take_back(self, slot: int) -> None:
        assert self._host is not None
        self._host.post(TakenBack(slot, self._lanes[slot].take_back()))

    def _peek(self, slot: int) -> None:
        self._lanes[slot].report()

    def _cancel(self, slot: int, attempt: Held) -> None:
        self._lanes[slot].cancel(attempt)

    def _alarm(self, slot: int, attempt: Held) -> None:
        self._lanes[slot].alarm(attempt)

    def _reopen(self, slot: int) -> None:
        self._lanes[slot].close()
        self._open(slot)

    def _close(self) -> None:
        assert self._loop is not None
        for lane in self._lanes.values():
            lane.close()
        self._loop.stop()
