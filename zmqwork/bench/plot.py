"""Pictures of a report, with matplotlib (the extra `plot`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zmqwork.bench.cases import LASTING, size
from zmqwork.bench.measurement import PERCENTILES, Measurement
from zmqwork.bench.report import Report
from zmqwork.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PERCENTILES = ("p50", "p95", "p99", "p999")
_DPI = 120


def check_plot(path: Path) -> None:
    """See before anything is measured that it can be drawn.

    Raises:
        ConfigError: matplotlib is not there, or does not know such files.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - optional
    except ImportError as error:
        raise ConfigError(
            f"--plot needs matplotlib ({error}): pip install 'zmqwork[plot]', or take --csv"
        ) from None
    known = sorted(FigureCanvasAgg.get_supported_filetypes())
    ending = path.suffix.removeprefix(".").lower()
    if ending not in known:
        raise ConfigError(
            f"--plot {path}: the name says what kind of file it is: .png, .svg, .pdf "
            f"({', '.join(known)})"
        )


def draw(report: Report, path: Path) -> None:
    """Write a picture: throughput by payload, and round trips by percentile. Raises OSError."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - optional
    from matplotlib.figure import Figure  # noqa: PLC0415 - likewise

    figure = Figure(figsize=(13, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    rates, bandwidths, trips = figure.subplots(1, 3)
    _lines(rates, report.measurements, "tasks per second", lambda m: m.rate)
    _lines(bandwidths, report.measurements, "MB per second, all ways", lambda m: m.bandwidth / 1e6)
    bandwidths.set_ylim(bottom=0)
    _trips(trips, report.measurements)
    rates.set_yscale("log")
    count = len(report.hosts)
    where = f"{sum(m.slots for m in report.members)} slots on {count} host{'s' * (count != 1)}"
    figure.suptitle(
        f"zmqwork {report.setting['version']}: {where}, {', '.join(report.transports)}, "
        f"{report.setting['begun']}"
    )
    figure.savefig(path, dpi=_DPI)


def _lines(
    axes: Axes,
    measurements: Sequence[Measurement],
    label: str,
    figure_of: Callable[[Measurement], float],
) -> None:
    """A line for each form and number in flight, over the payloads."""
    payloads = sorted({m.payload_bytes for m in measurements})
    series: dict[tuple[str, int], list[Measurement]] = {}
    for measurement in measurements:
        series.setdefault((measurement.form, measurement.in_flight), []).append(measurement)
    for (form, in_flight), found in series.items():
        found.sort(key=lambda m: m.payload_bytes)
        places = [payloads.index(m.payload_bytes) for m in found]
        name = f"{form}, {in_flight:,} in flight" if in_flight else form
        axes.plot(places, [figure_of(m) for m in found], marker="o", label=name)
    axes.set_xticks(range(len(payloads)), [size(payload) for payload in payloads])
    lasting = any(m.kind in LASTING for m in measurements)
    axes.set_xlabel("payload (none: the task takes its time)" if lasting else "payload, bytes")
    axes.set_ylabel(label)
    axes.grid(visible=True, alpha=0.3)
    if series:
        axes.legend(fontsize="small")


def _trips(axes: Axes, measurements: Sequence[Measurement]) -> None:
    """A line for each measurement that has round trips, over the percentiles."""
    names = [f"{PERCENTILES[name] * 100:g}" for name in _PERCENTILES]
    timed = [m for m in measurements if m.trips.count]
    for measurement in timed:
        times = [1e3 * (measurement.percentile(name) or 0.0) for name in _PERCENTILES]
        label = f"{size(measurement.payload_bytes)}, {measurement.in_flight:,} in flight"
        axes.plot(names, times, marker="o", label=label)
    axes.set_xlabel("percentile")
    axes.set_ylabel("round trip, ms")
    axes.grid(visible=True, alpha=0.3)
    if timed:
        axes.set_yscale("log")
        axes.legend(fontsize="x-small")
