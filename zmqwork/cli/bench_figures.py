"""The figures of a benchmark, for people."""

from __future__ import annotations

from collections.abc import Iterable

from zmqwork.bench.cases import LASTING, size
from zmqwork.bench.measurement import Measurement
from zmqwork.bench.report import Report
from zmqwork.bench.worth import Worth
from zmqwork.cli.output import Output
from zmqwork.cli.progress import short_number

COLUMNS = (
    "FORM", "TASK", "PAYLOAD", "IN FLIGHT", "TASKS/S", "MB/S", "P50 MS", "P95 MS", "P99 MS",
    "MAX MS", "CPU %", "BREAK-EVEN US",
)  # fmt: skip
_HOSTS = ("HOST", "WORKERS", "SLOTS", "LINK", "LINK MS", "SHARE %", "CPU %")


def show(output: Output, report: Report) -> None:
    """Print all of it."""
    if not report.measurements:
        output.line("nothing was measured")
        return
    has_gain = any(measurement.is_own for measurement in report.measurements)
    columns = (*COLUMNS, "GAIN") if has_gain else COLUMNS
    output.table(columns, [_row(measured, has_gain=has_gain) for measured in report.measurements])
    output.line()
    output.table(_HOSTS, _hosts(report))
    output.line()
    for text in sentences(report):
        output.line(text)


def _row(measurement: Measurement, *, has_gain: bool) -> tuple[object, ...]:
    worth = measurement.worth
    trips = [milliseconds(measurement.percentile(name)) for name in ("p50", "p95", "p99", "max")]
    return (
        measurement.form,
        measurement.kind,
        payload(measurement),
        measurement.in_flight or None,
        plain_number(measurement.rate),
        plain_number(measurement.bandwidth / 1e6) if measurement.bandwidth else None,
        *trips,
        round(100 * measurement.cpu),
        None if worth is None or worth.sooner is None else plain_number(worth.sooner * 1e6),
        *([None if measurement.gain is None else plain_number(measurement.gain)] * has_gain),
    )


def payload(measurement: Measurement) -> str:
    """What a task got: ``64k``, or how long it was to take: ``0.01 s``."""
    if measurement.kind in LASTING:
        return f"{measurement.length:g} s"
    return size(measurement.payload_bytes)


def plain_number(value: float) -> str:
    """As many digits as mean something, without commas: so that columns are those of numbers."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def milliseconds(seconds: float | None) -> str | None:
    """The same of a time; None: there is none."""
    return None if seconds is None else plain_number(seconds * 1e3)


def _hosts(report: Report) -> Iterable[tuple[object, ...]]:
    """What each host did in all measurements together."""
    counts: dict[str, int] = {}
    busy: dict[str, list[tuple[float, float]]] = {}
    for measurement in report.measurements:
        for share in measurement.hosts:
            counts[share.host] = counts.get(share.host, 0) + share.count
            if share.cpu is not None:
                busy.setdefault(share.host, []).append((share.cpu, measurement.seconds))
    all_ = sum(counts.values())
    for host in dict.fromkeys([*report.hosts, *counts]):
        members = [member for member in report.members if member.host == host]
        links = [member.round_trip for member in members if member.round_trip is not None]
        seconds = sum(part for _, part in busy.get(host, ()))
        cpu = sum(value * part for value, part in busy.get(host, ())) / seconds if seconds else None
        transports = sorted({member.transport(keyed=report.keyed) for member in members})
        yield (
            host or "?",
            len(members),
            sum(member.slots for member in members),
            "/".join(transports),
            milliseconds(min(links, default=None)),
            None if not all_ else f"{100 * counts.get(host, 0) / all_:.1f}",
            None if cpu is None else round(100 * cpu),
        )


def sentences(report: Report) -> Iterable[str]:
    """From which length on tasks are worth sending, by the fastest measurement of each form."""
    for form in dict.fromkeys(measurement.form for measurement in report.measurements):
        found = [m for m in report.measurements if m.form == form and m.worth is not None]
        for payload_bytes in sorted({m.payload_bytes for m in found})[:1]:
            best = max((m for m in found if m.payload_bytes == payload_bytes), key=_rate)
            yield _sentence(best)
    if report.call and report.why_not_here:
        yield f"it was not called in this process: {report.why_not_here}"
    if report.trouble:
        yield f"it ended early: {report.trouble}"
    elif report.interrupted:
        yield "it was interrupted: what is above was measured until then"


def _rate(measurement: Measurement) -> float:
    return measurement.rate


def _sentence(best: Measurement) -> str:
    worth = best.worth
    assert worth is not None, "it was chosen for that"
    what = f"{best.form}, {size(best.payload_bytes)} bytes"
    relief = f"from {short_number(worth.relief * 1e6)} us on it costs this process less there"
    if best.gain is not None and best.call_seconds is not None:
        return _sentence_of_own(best, best.call_seconds, best.gain, worth)
    if worth.sooner is None:
        return f"{what}: on one slot no task is done sooner there than here; {relief}"
    return (
        f"{what}: below {short_number(worth.sooner * 1e6)} us a task is cheaper in this process "
        f"than there ({best.slots_used} slots); {relief}"
    )


def _sentence_of_own(best: Measurement, here: float, gain: float, worth: Worth) -> str:
    each = short_number(best.seconds / best.tasks * 1e6)
    text = (
        f"{best.form}, {best.kind}: a call takes {short_number(here * 1e6)} us here, and there one "
        f"is done each {each} us ({best.slots_used} slots): {plain_number(gain)} times as many; "
    )
    if worth.sooner is not None:
        text += f"calls of less than {short_number(worth.sooner * 1e6)} us would be cheaper here; "
    return text + f"this process spends {short_number(worth.relief * 1e6)} us on each"
