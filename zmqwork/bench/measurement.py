"""What came of one case."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

from zmqwork.bench.cases import KINDS, Case, Form
from zmqwork.bench.histogram import Histogram
from zmqwork.bench.worth import Worth, worth, worth_of_own

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1.0}


@dataclass(frozen=True, slots=True)
class Share:
    """What a host did.

    Attributes:
        host: its name; empty: it has not said it.
        workers, slots: how many it has.
        count: attempts that its workers ended; a chunk of `map` is one.
        cpu: how busy its processors were, from 0 to 1; None: it does not tell.
    """

    host: str
    workers: int
    slots: int
    count: int
    cpu: float | None


@dataclass(frozen=True, slots=True)
class Measurement:
    """A case, and its figures.

    Attributes:
        form, kind, payload_bytes, in_flight, length: the `cases.Case`.
        tasks, seconds: so many were done in this time.
        trips: round trips of single tasks, or of a sample; empty where a form has none.
        cpu_seconds: processor time of this process, its sockets' threads included.
        call_seconds: what a plain call of the task takes here; None for those that take their time,
            and those that cannot be called here.
        slots: of all workers together.
        workers: attempts by the label of the worker; a chunk of `map` is one. Empty for `pipeline`.
        hosts: the same by host, and how busy these were.
        result_bytes: of a task of somebody's own.
    """

    form: Form
    kind: str
    payload_bytes: int
    in_flight: int
    length: float
    tasks: int
    seconds: float
    trips: Histogram
    cpu_seconds: float
    call_seconds: float | None
    slots: int
    workers: dict[str, int]
    hosts: list[Share]
    result_bytes: int = 0

    @property
    def is_own(self) -> bool:
        """Whether the task is one of somebody's own."""
        return self.kind not in KINDS

    @property
    def case(self) -> Case:
        """What was measured."""
        return Case(self.form, self.kind, self.payload_bytes, self.in_flight, self.length)

    @property
    def rate(self) -> float:
        """Tasks a second."""
        return self.tasks / self.seconds if self.seconds else 0.0

    @property
    def bandwidth(self) -> float:
        """Payload bytes a second, there and back."""
        own = self.payload_bytes + self.result_bytes
        return self.rate * (own if self.is_own else self.case.moved_bytes)

    @property
    def gain(self) -> float | None:
        """How many times as many are done there, in a time, as in this process; of own tasks."""
        if not self.is_own or self.call_seconds is None:
            return None
        return self.rate * self.call_seconds

    @property
    def slots_used(self) -> int:
        """Slots that may have had a task at the same time: no more than tasks were in flight."""
        return min(self.slots, self.in_flight) if self.in_flight else self.slots

    @property
    def cpu(self) -> float:
        """Processors' worth that this process used: 1.0 is one processor."""
        return self.cpu_seconds / self.seconds if self.seconds else 0.0

    @property
    def worth(self) -> Worth | None:
        """From which length on a task is worth sending; None where that cannot be said."""
        if self.call_seconds is None or not self.tasks:
            return None
        cpu = self.cpu_seconds / self.tasks
        judge = worth_of_own if self.is_own else worth
        return judge(self.seconds / self.tasks, self.call_seconds, cpu, self.slots_used)

    def percentile(self, name: str) -> float | None:
        """A round trip in seconds: `name` is one of `PERCENTILES`."""
        return self.trips.percentile(PERCENTILES[name])

    def flat(self) -> dict[str, Any]:
        """The figures that people and spreadsheets want: one row."""
        worth = self.worth
        return {
            "form": self.form,
            "task": self.kind,
            "payload_bytes": self.payload_bytes,
            "in_flight": self.in_flight,
            "length_seconds": self.length,
            "tasks": self.tasks,
            "seconds": round(self.seconds, 4),
            "tasks_per_second": round(self.rate, 1),
            "megabytes_per_second": round(self.bandwidth / 1e6, 3),
            **{f"{name}_ms": _scaled(self.percentile(name), 1e3) for name in PERCENTILES},
            "producer_cpu": round(self.cpu, 3),
            "call_us": _scaled(self.call_seconds, 1e6),
            "break_even_us": None if worth is None else _scaled(worth.sooner, 1e6),
            "relief_us": None if worth is None else _scaled(worth.relief, 1e6),
            "slots": self.slots,
            "result_bytes": self.result_bytes if self.is_own else None,
            "gain": None if self.gain is None else round(self.gain, 3),
        }

    def plain(self) -> dict[str, Any]:
        """As JSON has it: the row, and what it was made from."""
        return {
            **self.flat(),
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "call_seconds": self.call_seconds,
            "workers": self.workers,
            "hosts": [
                {field.name: getattr(host, field.name) for field in fields(host)}
                for host in self.hosts
            ],
            "trips": self.trips.plain(),
        }

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Self:
        """From what `plain` has made. Raises KeyError, TypeError or ValueError."""
        return cls(
            form=plain["form"],
            kind=plain["task"],
            payload_bytes=int(plain["payload_bytes"]),
            in_flight=int(plain["in_flight"]),
            length=float(plain["length_seconds"]),
            tasks=int(plain["tasks"]),
            seconds=float(plain["seconds"]),
            trips=Histogram.of(plain["trips"]),
            cpu_seconds=float(plain["cpu_seconds"]),
            call_seconds=None if plain["call_seconds"] is None else float(plain["call_seconds"]),
            slots=int(plain["slots"]),
            workers={str(label): int(count) for label, count in plain["workers"].items()},
            hosts=[Share(**host) for host in plain["hosts"]],
            result_bytes=int(plain.get("result_bytes") or 0),  # (older files have none)
        )


def _scaled(seconds: float | None, factor: float) -> float | None:
    return None if seconds is None else round(seconds * factor, 4)
