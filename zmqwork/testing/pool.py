"""Slots whose handlers last, fail, crash and hang as scripted, in virtual time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from zmqwork.core.clients import Held
from zmqwork.core.events import (
    Event,
    Finished,
    SlotDied,
    SlotReady,
    TakenBack,
)
from zmqwork.testing import streaming
from zmqwork.testing.clock import FakeClock
from zmqwork.testing.truth import (
    CRASHES,
    DRIFT,
    OVERTIME,
    REJECTS,
    SNOOZES,
    SUCCEEDS,
    Run,
    Script,
    Truth,
)

# Results of short handlers are posted together, as the real pools do it.
# Of sums of instants.
_ROUNDING = 1e-6

_FLUSH_SECONDS = 0.005

_HURRY_SECONDS = 2.0

_RESPAWN = (0.02, 0.3)

_STRANGERS = Script(seconds=0.001)


class _Slot:
    __slots__ = ("epoch", "queue", "ready", "results", "run", "seconds", "since", "untold")

    def __init__(self) -> None:
        self.queue: deque[Held] = deque()
        self.run: Run | None = None
        self.ready = False
        self.epoch = 0  # a new child
        self.results: list[tuple[bool, Any]] = []  # not posted yet
        self.untold: list[Run] = []  # whose results these are
        self.seconds = 0.0
        self.since = 0.0


class ScriptedPool:
    """What stands for child processes. Everything that a slot is given, it really "runs"."""

    def __init__(
        self,
        node_id: str,
        slots: int,
        clock: FakeClock,
        random: Random,
        truth: Truth,
        post: Callable[[Event], None],
    ) -> None:
        self._node_id = node_id
        self._clock = clock
        self._random = random
        self._truth = truth
        self._post = post
        self._slots = [_Slot() for _ in range(slots)]
        self._closed = False
        self._hurried = False

    def start(self) -> None:
        """Make all slots ready, each in its time."""
        for index in range(len(self._slots)):
            self._spawn(index)

    def execute(self, index: int, attempts: list[Held]) -> None:
        """Run these behind what the slot has."""
        slot = self._slots[index]
        if not slot.ready or self._closed:
            return  # its child died just now: the machine takes these back when it hears of it
        slot.queue.extend(attempts)
        if slot.run is None:
            self._begin(index)

    def take_back(self, index: int) -> None:
        """What was not begun."""
        slot = self._slots[index]
        begun = 1 if slot.run is not None else 0
        back = list(slot.queue)[begun:]
        for _ in back:
            slot.queue.pop()
        self._post(TakenBack(index, back))

    def peek(self, index: int) -> None:
        """Tell of what has ended."""
        self._flush(index)

    def restart(self, index: int) -> None:
        """End what runs, at once; what had ended just before is sometimes told of still."""
        if self._random.random() < 0.5:
            self._flush(index)
        self._end_child(index)
        self._spawn(index)

    def interrupt(self, index: int, attempt: Held) -> None:
        """The running handler is asked to end; half of them do, soon."""
        slot = self._slots[index]
        if slot.queue and slot.queue[0] is attempt and self._random.random() < 0.5:
            slot.epoch += 1
            self._clock.call_later(0.001, self._ended, index, slot.epoch)

    def kill(self, index: int, signal: str = "SIGKILL") -> None:
        """The child of this slot dies, whatever it does."""
        slot = self._slots[index]
        if self._closed or not slot.ready:
            return
        self._truth.crashes += 1
        begun = 1 if slot.run is not None else 0
        if slot.run is not None:
            slot.run.outcome = self._outcome(slot, CRASHES)
        self._flush(index)
        self._end_child(index)
        self._post(SlotDied(index, begun, {"signal": signal}))
        self._spawn(index)

    def hurry(self) -> None:
        """Whatever runs ends now, and what follows soon: nothing hangs any more."""
        self._hurried = True
        for index, slot in enumerate(self._slots):
            if slot.run is not None:
                slot.epoch += 1
                self._clock.call_later(0.0, self._ended, index, slot.epoch)

    def close(self) -> None:
        """The children are gone with their worker."""
        self._closed = True
        for index in range(len(self._slots)):
            self._end_child(index)

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs."""
        return not any(slot.queue for slot in self._slots)

    def _spawn(self, index: int) -> None:
        delay = self._random.uniform(*_RESPAWN)
        self._clock.call_later(delay, self._ready, index, self._slots[index].epoch)

    def _ready(self, index: int, epoch: int) -> None:
        slot = self._slots[index]
        if not self._closed and slot.epoch == epoch:
            slot.ready = True
            self._post(SlotReady(index))

    def _end_child(self, index: int) -> None:
        slot = self._slots[index]
        slot.epoch += 1
        slot.ready = False
        if slot.run is not None and not slot.run.outcome:
            slot.run.outcome = self._outcome(slot, "")
        slot.run = None
        slot.queue.clear()
        for run in slot.untold:
            run.outcome = ""  # its child went before it could tell
        slot.results, slot.untold, slot.seconds = [], [], 0.0

    def _begin(self, index: int) -> None:
        slot = self._slots[index]
        held = slot.queue[0]
        fate = self._truth.fate(held.producer_id, held.seq)
        script = fate.script if fate is not None else _STRANGERS
        slot.run = Run(self._node_id, held.attempt, self._clock.now)
        if fate is not None:
            fate.runs.append(slot.run)
        streaming.a_checkpoint_counts_its_parts(held)
        for event in streaming.begun(held):
            self._post(event)
        seconds = script.seconds * self._random.uniform(0.5, 1.5)
        if self._hurried:
            seconds = min(seconds, _HURRY_SECONDS)
        self._clock.call_later(seconds, self._ended, index, slot.epoch)

    def _ended(self, index: int, epoch: int) -> None:
        slot = self._slots[index]
        if slot.epoch != epoch or slot.run is None:
            return
        held = slot.queue[0]
        fate = self._truth.fate(held.producer_id, held.seq)
        script = fate.script if fate is not None else _STRANGERS
        runs = fate.runs if fate is not None else [slot.run]
        outcome = self._told(script, runs, slot.run)
        if outcome == CRASHES:
            self.kill(index, "SIGSEGV")
            return
        slot.run.outcome = self._outcome(slot, outcome)
        slot.run.ended_at = self._clock.now
        if not slot.results:
            slot.since = slot.run.began_at
        slot.seconds += self._clock.now - slot.run.began_at
        slot.queue.popleft()
        slot.untold.append(slot.run)
        slot.run = None
        if outcome == SUCCEEDS:
            for event in streaming.ended(held):
                self._post(event)
            slot.results.append((True, fate.result if fate is not None else b""))
        else:
            slot.results.append((False, _error(script, outcome)))
        if not slot.queue or self._clock.now - slot.since > _FLUSH_SECONDS:
            self._flush(index)
        if slot.queue:
            self._begin(index)

    def _told(self, script: Script, runs: list[Run], run: Run) -> str:
        """What the handler wants to come of this run."""
        rejected = sum(1 for other in runs if other.outcome == REJECTS)
        if rejected < script.rejections and not self._hurried:
            return REJECTS
        counted = [other for other in runs if other.outcome != REJECTS]
        return script.outcome(next(i for i, other in enumerate(counted) if other is run))

    def _outcome(self, slot: _Slot, outcome: str) -> str:
        """What its run came to, unless it took so long that this may not count."""
        assert slot.run is not None
        limit = slot.queue[0].options.get("timeout")
        seconds = self._clock.now - slot.run.began_at
        return (
            OVERTIME
            if limit is not None and seconds >= limit * (1 - DRIFT) - _ROUNDING
            else outcome
        )

    def _flush(self, index: int) -> None:
        slot = self._slots[index]
        if slot.results:
            self._post(Finished(index, slot.results, slot.seconds))
            slot.results, slot.untold, slot.seconds = [], [], 0.0


def _error(script: Script, outcome: str) -> dict[str, Any]:
    """What a handler has to say that has no result."""
    error = {"type": "ValueError", "text": outcome, "traceback": "", "final": script.final}
    if outcome == REJECTS:
        return {**error, "final": False, "rejected": True}
    if outcome == SNOOZES:
        return {**error, "final": False, "snooze": True, "after": script.after}
    return {**error, "after": script.after} if script.after else error
