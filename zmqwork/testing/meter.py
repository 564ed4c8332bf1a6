"""What a crowd costs: messages and bytes by verb, and the time that machines take."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from typing import Any

from zmqwork.core.effects import Effect
from zmqwork.core.messages import Message, Ping, Pong
from zmqwork.testing.connection import Port
from zmqwork.testing.network import MemoryNetwork
from zmqwork.testing.node import Machine
from zmqwork.wire.codec import encode

# Encoding takes longer than all the rest, so of each verb the first ones are encoded, and then one
# in so many, which stands for all of them.
_FIRST = 200
_STRIDE = 64

# ZMTP's flags and length, of a short frame.
_FRAME_BYTES = 2

BEATS = (Ping.__name__, Pong.__name__)


class Meter:
    """Counts since the run began; `since` gives what a phase has added.

    Attributes:
        messages: how many were sent, by verb.
        size_bytes: likewise: frames with their heads in ZMTP, nothing below it.
        seconds: what the machines took, by role.
        turns: likewise, how many.
    """

    def __init__(self) -> None:
        self.messages: Counter[str] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.turns: Counter[str] = Counter()
        self.size_bytes: Counter[str] = Counter()

    def sent(self, number: int, message: Message) -> None:
        """A message is on its way."""
        verb = type(message).__name__
        self.messages[verb] += 1
        count = self.messages[verb]
        if count <= _FIRST or not count % _STRIDE:
            frames = [frame for parts in encode(number, message) for frame in parts]
            size_bytes = sum(len(bytes(frame)) + _FRAME_BYTES for frame in frames)
            self.size_bytes[verb] += size_bytes * (1 if count <= _FIRST else _STRIDE)

    def reading(self) -> Reading:
        """All counts at this instant."""
        return Reading(self)


class Reading:
    """What a meter showed, and what it shows since."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._messages = Counter(meter.messages)
        self._bytes = Counter(meter.size_bytes)
        self._seconds = dict(meter.seconds)
        self._began = (time.perf_counter(), time.process_time())

    def messages(self, *, beats: bool) -> int:
        """How many were sent: heartbeats, or others."""
        added = self._meter.messages - self._messages
        return sum(count for verb, count in added.items() if (verb in BEATS) == beats)

    def by_verb(self) -> dict[str, int]:
        """How many were sent."""
        return dict((self._meter.messages - self._messages).most_common())

    def size_bytes(self, *, beats: bool) -> int:
        """What these had in bytes."""
        added = self._meter.size_bytes - self._bytes
        return sum(size for verb, size in added.items() if (verb in BEATS) == beats)

    def seconds(self, role: str) -> float:
        """What the machines of a role took of the processor.

        They are measured by a clock that goes on while others have the processor, so this is
        corrected by the share that the whole process had of it.
        """
        passed = time.perf_counter() - self._began[0]
        had = time.process_time() - self._began[1]
        taken = self._meter.seconds[role] - self._seconds.get(role, 0.0)
        return taken * min(1.0, had / passed if passed else 1.0)


class MeteredNetwork(MemoryNetwork):
    """Counts what is sent."""

    meter: Meter

    def send(self, port: Port, link: int | bytes, number: int, message: Message) -> None:
        """As it says there."""
        self.meter.sent(number, message)
        super().send(port, link, number, message)


class MeteredMachine:
    """A machine whose time is taken."""

    def __init__(self, machine: Machine, role: str, meter: Meter) -> None:
        self.machine = machine
        self._role = role
        self._meter = meter

    def handle(self, event: Any, now: float) -> list[Effect]:
        """As the machine does it."""
        began = time.perf_counter()
        effects = self.machine.handle(event, now)
        self._meter.seconds[self._role] += time.perf_counter() - began
        return effects

    def tick(self, now: float) -> list[Effect]:
        """Likewise."""
        began = time.perf_counter()
        effects = self.machine.tick(now)
        self._meter.seconds[self._role] += time.perf_counter() - began
        self._meter.turns[self._role] += 1
        return effects

    def deadline(self) -> float | None:
        """Likewise."""
        return self.machine.deadline()
