"""Two reports side by side: what was measured in both, and how they differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from zmqwork.bench.cases import Case
from zmqwork.bench.measurement import Measurement
from zmqwork.bench.report import Report

_PERCENTILES = ("p50", "p99")


@dataclass(frozen=True, slots=True)
class Pair:
    """A case that is in both reports."""

    before: Measurement
    after: Measurement

    @property
    def rate_ratio(self) -> float | None:
        """Above 1: the second one does more tasks a second; None: the first one did none."""
        return ratio(self.after.rate, self.before.rate)

    def trip_ratio(self, name: str) -> float | None:
        """Below 1: a round trip is shorter in the second one."""
        return ratio(self.after.percentile(name), self.before.percentile(name))

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        case = self.before.flat()
        shown = ("form", "task", "payload_bytes", "in_flight", "length_seconds")
        figures: dict[str, Any] = {
            "tasks_per_second": _both(self.before.rate, self.after.rate, self.rate_ratio)
        }
        for name in _PERCENTILES:
            trips = [m.percentile(name) for m in (self.before, self.after)]
            times = [None if trip is None else trip * 1e3 for trip in trips]
            figures[f"{name}_ms"] = _both(times[0], times[1], self.trip_ratio(name))
        return {name: case[name] for name in shown} | figures


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare` finds.

    Attributes:
        pairs: what is in both, in the order of the first one.
        only_before, only_after: what is in one of them.
        differences: what else is not the same, for people: ratios mean less then.
    """

    pairs: list[Pair]
    only_before: list[Case]
    only_after: list[Case]
    differences: list[str]


def compare(before: Report, after: Report) -> Comparison:
    """Hold one report against the other. What a report has twice is taken together."""
    first, second = _by_case(before.measurements), _by_case(after.measurements)
    return Comparison(
        [Pair(first[case], second[case]) for case in first if case in second],
        [case for case in first if case not in second],
        [case for case in second if case not in first],
        list(_differences(before, after)),
    )


def ratio(after: float | None, before: float | None) -> float | None:
    """How many times as much; None: there is nothing to divide, or to divide by."""
    return None if after is None or not before else after / before


def _by_case(measurements: Iterable[Measurement]) -> dict[Case, Measurement]:
    found: dict[Case, Measurement] = {}
    for measurement in measurements:
        case = measurement.case
        found[case] = merged(found[case], measurement) if case in found else measurement
    return found


def merged(one: Measurement, other: Measurement) -> Measurement:
    """One case that was measured twice, as one measurement of both together."""
    trips = type(one.trips).of(one.trips.plain())
    trips.merge(other.trips)
    calls = [m.call_seconds for m in (one, other) if m.call_seconds is not None]
    workers = dict(one.workers)
    for label, count in other.workers.items():
        workers[label] = workers.get(label, 0) + count
    return Measurement(
        *(one.form, one.kind, one.payload_bytes, one.in_flight, one.length),
        tasks=one.tasks + other.tasks,
        seconds=one.seconds + other.seconds,
        trips=trips,
        cpu_seconds=one.cpu_seconds + other.cpu_seconds,
        call_seconds=min(calls) if calls else None,
        slots=max(one.slots, other.slots),
        workers=workers,
        hosts=other.hosts,
        result_bytes=other.result_bytes,
    )


def _differences(before: Report, after: Report) -> Iterable[str]:
    shown = {
        "host": (before.setting["host"], after.setting["host"]),
        "zmqwork": (before.setting["version"], after.setting["version"]),
        "Python": (before.setting["python"], after.setting["python"]),
        "call": (before.call or "none", after.call or "none"),
        "transport": ("/".join(before.transports), "/".join(after.transports)),
        "hosts of workers": (len(before.hosts), len(after.hosts)),
        "workers": (len(before.members), len(after.members)),
        "slots": (_slots(before), _slots(after)),
    }
    for name, (first, second) in shown.items():
        if first != second:
            yield f"{name}: {first}, then {second}"


def _slots(report: Report) -> int:
    return sum(member.slots for member in report.members)


def _both(before: float | None, after: float | None, ratio: float | None) -> dict[str, Any]:
    return {
        name: None if value is None else round(value, 4)
        for name, value in (("before", before), ("after", after), ("ratio", ratio))
    }
