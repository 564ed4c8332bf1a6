"""What `scale` measures: a crowd that meets, idles, works, and loses a part of its workers."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from zmqwork.core.contacts import PEERS_MAX
from zmqwork.testing.crowd import Crowd
from zmqwork.testing.footprint import footprint
from zmqwork.testing.meter import Reading
from zmqwork.testing.node import Producer, Worker

# Virtual seconds; who has not met by then will not.
_MEETING_SECONDS = 30.0
# What is looked at often: how far a loss has been noticed and made up for.
_LOOK_SECONDS = 0.05
_MAKE_UP_SECONDS = 60.0
_SETTLE_SECONDS = 600.0
# Of the slots that are left when some are lost: they have room for what those had.
_BUSY = 0.6
# How long a task takes, on average, while workers are lost: it was begun, and is not done.
_LOST_SECONDS = 3.0
_PROGRESS_SECONDS = 5.0

_WORK = "work"


class OutOfTime(Exception):
    """The run took longer than it may."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is measured.

    Attributes:
        workers, producers: how many there are.
        slots: of each worker.
        seconds: how long a task takes, on average.
        tasks: how many are submitted for each slot; 0: none.
        idle: virtual seconds without work.
        lose: the share of the workers that is killed; 0: none.
        seed: of all randomness.
        limit: real seconds that all of it may take.
    """

    workers: int
    producers: int
    slots: int = 1
    seconds: float = 1.0
    tasks: int = 4
    idle: float = 3.0
    lose: float = 0.3
    seed: int = 1
    limit: float = 900.0


@dataclass
class ScaleRun:
    """The phases, one after the other; what each has shown is in `figures`.

    Attributes:
        tell: is told how far it is.
    """

    setting: Setting
    tell: Callable[[str], None]
    figures: dict[str, Any] = field(default_factory=dict)
    crowd: Crowd = field(init=False)

    def run(self) -> dict[str, Any]:
        """All phases; the figures. Of a run that takes too long they end where it did."""
        self._began = self._told = time.perf_counter()
        # Nothing here is garbage before the end, and looking for it takes longer than all the rest.
        gc.disable()
        try:
            for phase in (self._build, self._meet, self._idle, self._work, self._lose):
                self.tell(phase.__name__.strip("_"))
                phase()
        except OutOfTime:
            self.figures["out_of_time"] = True
        finally:
            gc.enable()
        self.figures["real_seconds"] = time.perf_counter() - self._began
        return self.figures

    # -- phases -------------------------------------------------------------------------------

    def _build(self) -> None:
        it = self.setting
        options = {"slots": it.slots, "tasks": {_WORK: "1"}}
        self.crowd = Crowd(it.seed, it.workers, it.producers, **options)
        producer, worker = self.crowd.producers[0], self.crowd.workers[0]
        self._alone = self._weigh(producer), self._weigh(worker)

    def _meet(self) -> None:
        """All sessions open."""
        crowd, it = self.crowd, self.setting
        wanted = it.producers * min(it.workers, PEERS_MAX)
        reading, began = crowd.meter.reading(), crowd.clock.now
        self._until(lambda: crowd.sessions() >= wanted, _MEETING_SECONDS)
        sessions = crowd.sessions()
        self.figures |= {"sessions": sessions, "wanted_sessions": it.producers * it.workers}
        self.figures["meeting"] = {
            "virtual_seconds": crowd.clock.now - began,
            "messages_per_session": reading.messages(beats=False) / sessions,
            "bytes_per_session": reading.size_bytes(beats=False) / sessions,
            "producer_us_per_session": reading.seconds("producer") / sessions * 1e6,
            "worker_us_per_session": reading.seconds("worker") / sessions * 1e6,
        }
        self._for(1.0)  # the first heartbeats have been answered
        self._memory(sessions)

    def _memory(self, sessions: int) -> None:
        """What the machines at the two ends of a session have for it."""
        crowd, it = self.crowd, self.setting
        at_producer = sessions / it.producers
        at_worker = sum(self._one.node_id in known for known in self._known())
        memory = {"producer_bytes_per_session": self._grown(0, crowd.producers[0], at_producer)}
        if at_worker:
            memory["worker_bytes_per_session"] = self._grown(1, self._one, at_worker)
        self.figures["memory"] = memory

    def _idle(self) -> None:
        """Nothing but heartbeats."""
        crowd, it = self.crowd, self.setting
        reading = crowd.meter.reading()
        self._for(it.idle)
        messages = reading.messages(beats=True) / it.idle
        size_bytes = reading.size_bytes(beats=True) / it.idle
        self._beats = {role: reading.seconds(role) / it.idle for role in ("producer", "worker")}
        self.figures["heartbeats"] = {
            "messages_per_second": messages,
            "bytes_per_second": size_bytes,
            "messages_per_second_and_producer": messages / it.producers,
            "messages_per_second_and_worker": messages / it.workers,
            "bytes_per_second_and_producer": size_bytes / it.producers,
            "bytes_per_second_and_worker": size_bytes / it.workers,
            "producer_load": self._beats["producer"] / it.producers,
            "worker_load": self._beats["worker"] / it.workers,
        }

    def _work(self) -> None:
        """More tasks than slots, until all are done."""
        crowd, it = self.crowd, self.setting
        if not it.tasks:
            return
        count = it.tasks * it.slots * it.workers
        reading, began = crowd.meter.reading(), crowd.clock.now
        self._submit(count, it.seconds)
        self._until(self._is_settled, _SETTLE_SECONDS)
        passed = crowd.clock.now - began
        others = reading.messages(beats=False)
        ideal = count * it.seconds / (it.workers * it.slots)
        self.figures["work"] = {
            "tasks": count,
            "settled": sum(len(node.settled) for node in crowd.producers),
            "virtual_seconds": passed,
            "of_ideal": ideal / passed,
            "messages_per_task": others / count,
            "bytes_per_task": reading.size_bytes(beats=False) / count,
            "producer_us_per_task": self._beyond_beats(reading, "producer", passed) / count * 1e6,
            "worker_us_per_task": self._beyond_beats(reading, "worker", passed) / count * 1e6,
            "messages": reading.by_verb(),
        }

    def _lose(self) -> None:
        """A part of the workers is gone, with what they run."""
        crowd, it = self.crowd, self.setting
        crowd.proves_death = False  # they are on other hosts
        lost = crowd.workers[: int(it.lose * it.workers)]
        if not lost:
            return
        left = it.workers - len(lost)
        count = max(1, int(_BUSY * left * it.slots))
        already = sum(len(node.settled) for node in crowd.producers)
        self._submit(count, _LOST_SECONDS)
        self._for(1.0)
        reading, began = crowd.meter.reading(), crowd.clock.now
        ids = {worker.node_id for worker in lost}
        missing = self._running_at(ids)
        crowd.kill(lost)
        self._until(lambda: not crowd.mourned(), _MAKE_UP_SECONDS)
        noticed = crowd.clock.now - began
        self._until(lambda: all(self._runs_again(*it, ids) for it in missing), _MAKE_UP_SECONDS)
        again = crowd.clock.now - began
        messages = reading.messages(beats=False)
        self._until(self._is_settled, _SETTLE_SECONDS)
        self.figures["loss"] = {
            "workers": len(lost),
            "tasks": count,
            "tasks_lost_running": len(missing),
            "all_given_up_after": noticed,
            "all_running_again_after": again,
            "messages_until_then": messages,
            "all_settled_after": crowd.clock.now - began,
            "settled": sum(len(node.settled) for node in crowd.producers) - already,
        }

    # -- what is looked at --------------------------------------------------------------------

    @property
    def _one(self) -> Worker:
        return self.crowd.workers[0]

    def _known(self) -> list[set[str]]:
        crowd = self.crowd
        return [{w.node_id for w in crowd.workforce(producer)} for producer in crowd.producers]

    def _weigh(self, node: Producer | Worker) -> int:
        metered: Any = node.machine
        return footprint(metered.machine, without=[node.config])

    def _grown(self, place: int, node: Producer | Worker, sessions: float) -> float:
        return (self._weigh(node) - self._alone[place]) / sessions

    def _beyond_beats(self, reading: Reading, role: str, passed: float) -> float:
        return max(0.0, reading.seconds(role) - self._beats[role] * passed)

    def _submit(self, count: int, seconds: float) -> None:
        producers = self.crowd.producers
        each, over = divmod(count, len(producers))
        for place, producer in enumerate(producers):
            if share := each + (place < over):
                self.crowd.give(producer, _WORK, seconds, share)

    def _is_settled(self) -> bool:
        return not any(self.crowd.truth.unsettled.values())

    def _running_at(self, ids: set[str]) -> list[tuple[str, int]]:
        """The tasks that run at these workers: (producer's node id, number)."""
        return [
            (node_id, seq)
            for node_id, fates in self.crowd.truth.tasks.items()
            for seq, fate in fates.items()
            if fate.settled is None and any(run.worker in ids for run in fate.runs)
        ]

    def _runs_again(self, node_id: str, seq: int, ids: set[str]) -> bool:
        fate = self.crowd.truth.fate(node_id, seq)
        return fate is None or any(run.worker not in ids for run in fate.runs)

    # -- time ---------------------------------------------------------------------------------

    def _for(self, seconds: float) -> None:
        self._until(lambda: False, seconds)

    def _until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Let virtual time pass, at most so long; the condition is looked at now and then."""
        clock = self.crowd.clock
        until = clock.now + seconds
        while clock.now < until and not condition():
            clock.run_until(min(until, clock.now + _LOOK_SECONDS))
            real = time.perf_counter()
            if real - self._began > self.setting.limit:
                raise OutOfTime
            if real - self._told > _PROGRESS_SECONDS:
                self._told = real
                sessions, messages = self.crowd.sessions(), self.crowd.meter.messages.total()
                self.tell(
                    f"at {clock.now:.2f} s of virtual time, {sessions:,} sessions, "
                    f"{messages:,} messages, {real - self._began:.0f} s"
                )
