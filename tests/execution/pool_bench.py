"""A real loop for pools: selectors, timers, events from any thread."""

from __future__ import annotations

import contextlib
import gc
import itertools
import selectors
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from pathlib import Path

import execution_tasks

from zmqwork.core.events import Finished, SlotDied, SlotReady
from zmqwork.execution.handlers import HandlerRef
from zmqwork.transport import clock
from zmqwork.wire.values import decode_value, encode_call

# A test that waits this long has failed.
TIMEOUT = 20.0

# What every death tells beside its cause.
TRACES = ("cpu_seconds", "memory_mib", "stderr")


@dataclass(slots=True, eq=False)
class Held:
    """Stands in for `core.clients.Held`."""

    name: str
    args: bytes
    seq: int = 0
    attempt: int = 1
    producer_id: str = "0123456789abcdef"
    options: dict = field(default_factory=dict)
    deadline_at: float | None = None
    dropped: bool = False
    speech: object = None


class Host:
    def __init__(self):
        self.events = []
        self.calls = 0
        self._inbox = deque()
        self._selector = selectors.DefaultSelector()
        self._callbacks = {}
        self._writable = {}
        self._later = []
        self._count = itertools.count()
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self.pool = None

    def post(self, event):
        self._inbox.append(event)
        self.post_nothing()

    def watch(self, fileobj, readable):
        self._callbacks[fileobj] = readable
        self._selector.register(fileobj, selectors.EVENT_READ)

    def unwatch(self, fileobj):
        del self._callbacks[fileobj]
        self._writable.pop(fileobj, None)
        self._selector.unregister(fileobj)

    def watch_writable(self, fileobj, writable):
        events = selectors.EVENT_READ
        if writable is None:
            self._writable.pop(fileobj, None)
        else:
            self._writable[fileobj] = writable
            events |= selectors.EVENT_WRITE
        self._selector.modify(fileobj, events)

    def clock(self):
        return clock.now()

    def call_later(self, delay, callback):
        heappush(self._later, (time.monotonic() + delay, next(self._count), callback))

    @property
    def watched(self):
        return set(self._callbacks)

    def turn(self, timeout):
        """One turn, as the loop of a worker makes it."""
        if self._inbox:
            timeout = 0
        if self._later:
            timeout = min(timeout, max(0.0, self._later[0][0] - time.monotonic()))
        ready = self._selector.select(timeout)
        for key, mask in ready:
            if key.fileobj is self._woken:
                with contextlib.suppress(BlockingIOError):
                    self._woken.recv(65536)
                continue
            if mask & selectors.EVENT_WRITE and key.fd in self._writable:
                self.calls += 1
                self._writable[key.fd]()
            if key.fd in self._callbacks:
                self.calls += 1
                self._callbacks[key.fd]()
        while self._later and self._later[0][0] <= time.monotonic():
            self.calls += 1
            heappop(self._later)[2]()
        count = len(self._inbox)
        self.events += [self._inbox.popleft() for _ in range(count)]
        more = self.pool.turn() if self.pool is not None else False
        if more:
            self.post_nothing()
        return count

    def post_nothing(self):
        with contextlib.suppress(BlockingIOError):
            self._wake.send(b"!")

    def run_until(self, condition, timeout=TIMEOUT):
        """Turn until `condition()` is true; what it returned."""
        until = time.monotonic() + timeout
        while not (value := condition()):
            left = until - time.monotonic()
            assert left > 0, f"nothing came of it; events so far: {self.events[-20:]}"
            # The condition may be about a file: nothing wakes us for that.
            self.turn(min(left, 0.02))
        return value

    def run_for(self, seconds):
        """Turn for so long, whatever happens."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.turn(left)

    def close(self):
        self._selector.close()
        self._wake.close()
        self._woken.close()


class Bench:
    """A pool on a host, and what has come of what it was given."""

    def __init__(self, pool):
        self.pool = pool
        self.host = Host()
        self.host.pool = pool
        self.troubles = []
        self._seqs = itertools.count(1)
        self._looked = 0
        self.results = {slot: [] for slot in range(pool.slots)}
        self.finished = []
        self.deaths = []
        self.ready = []

    def start(self):
        self.pool.start(self.host)
        return self.run_until(lambda: len(self.ready) >= self.pool.slots)

    def held(self, name, *args, **more):
        return Held(name, encode_call(args, {}), seq=next(self._seqs), **more)

    def give(self, slot, *calls):
        """Execute calls, (name, arguments...) each; the attempts."""
        attempts = [self.held(*call) if isinstance(call, tuple) else call for call in calls]
        self.pool.execute(slot, attempts)
        self.host.post_nothing()  # a worker gives in the middle of a turn
        return attempts

    def look(self):
        for event in self.host.events[self._looked :]:
            if isinstance(event, Finished):
                self.finished.append(event)
                self.results[event.slot] += event.results
            elif isinstance(event, SlotDied):
                self.deaths.append(event)
            elif isinstance(event, SlotReady):
                self.ready.append(event.slot)
        self._looked = len(self.host.events)

    def run_until(self, condition, timeout=TIMEOUT):
        def looked():
            self.look()
            return condition()

        return self.host.run_until(looked, timeout)

    def outcomes(self, slot=0, count=1):
        """Wait for this many outcomes of a slot, and take them."""
        self.run_until(lambda: len(self.results[slot]) >= count)
        taken, self.results[slot] = self.results[slot][:count], self.results[slot][count:]
        return taken

    def values(self, slot=0, count=1):
        taken = self.outcomes(slot, count)
        assert all(good for good, _ in taken), taken
        return [decode_value(value) for _, value in taken]

    def value(self, slot=0):
        return self.values(slot)[0]

    def call(self, name, *args, slot=0):
        """Give one call, and wait for its value."""
        self.give(slot, (name, *args))
        return self.value(slot)

    def error(self, slot=0):
        """The error dict of the next outcome."""
        [(good, error)] = self.outcomes(slot)
        assert not good
        return error

    def death(self):
        """Wait for a death, and for what comes after it."""
        self.run_until(lambda: self.deaths)
        event = self.deaths.pop(0)
        self.traces = {key: event.evidence.pop(key) for key in TRACES if key in event.evidence}
        before = len(self.ready)
        self.run_until(lambda: len(self.ready) > before)
        return event

    def close(self):
        self.pool.stop()
        self.host.close()


def references(module=execution_tasks):
    return [
        HandlerRef(name, module.__name__, name)
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", "") == module.__name__
    ]


def descriptors():
    """How many descriptors this process has open, without those of other tests' garbage."""
    gc.collect()
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def is_gone(pid):
    """Whether a process has ended; somebody else's zombie may stay for a while."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def all_gone(pids, timeout=TIMEOUT):
    """Wait until these processes, which are not ours, have ended."""
    until = time.monotonic() + timeout
    while not all(map(is_gone, pids)):
        if time.monotonic() > until:
            return False
        threading.Event().wait(0.01)
    return True
