"""Growth: what a task costs, and tasks a second, over numbers; a panel for each curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.growth.curve import upper
from benchmarks.pictures.canvas import LINES, figure, logarithmic
from benchmarks.pictures.shown import circumstances

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Figures, and how they are called.
COSTS = {
    "producer_us": "producer",
    "own_us": "producer without gc",
    "worker_us": "worker",
    "submit_us": "of it submit",
}
COSTS_BY_THE_MIB = {"own_us_per_mib": "producer", "worker_us_per_mib": "worker"}
RATES = {"tasks_per_second": "tasks", "megabytes_per_second": "MB there, and as many back"}
COLUMNS = 4


def latest(records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Each curve as the last file has it: points of several calls are not mixed."""
    return list({curve["curve"]: curve for one in records for curve in one["growth"]}.values())


def draw_costs(records: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Processor time of a task, linear over a logarithmic number: what is O(log n) is a line."""

    def panel(axes: Axes, curve: Mapping[str, Any]) -> None:
        by_the_mib = any("own_us_per_mib" in point for point in curve["points"])
        _lines(axes, curve, COSTS_BY_THE_MIB if by_the_mib else COSTS)
        axes.set_ylabel("us a MiB" if by_the_mib else "us a task")
        # Of one task in flight nothing is shared by a batch: it would make all else flat.
        costs = [(p["n"], p[name]) for p in curve["points"] for name in COSTS if name in p]
        most = max(cost for _, cost in upper(costs))
        axes.set_ylim(0, None if by_the_mib else 2 * most)

    _draw(records, path, panel)


def draw_rates(records: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Tasks a second."""

    def panel(axes: Axes, curve: Mapping[str, Any]) -> None:
        _lines(axes, curve, RATES)
        axes.set_ylabel("a second")
        axes.set_yscale("log")
        logarithmic(axes.yaxis, (1.0, 3.0))
        found = [p[name] for p in curve["points"] for name in RATES if p.get(name)]
        axes.set_ylim(min(found) / 3, max(found) * 3)

    _draw(records, path, panel)


def _draw(records: Sequence[Mapping[str, Any]], path: Path, panel: Any) -> None:
    curves = latest(records)
    rows = -(-len(curves) // COLUMNS)
    columns = min(COLUMNS, len(curves))
    with figure(path, 2.9 * columns, 2.5 * rows + 0.3, circumstances(records)) as made:
        panels = made.subplots(rows, columns, squeeze=False).flat
        for axes, curve in zip(panels, curves, strict=False):
            panel(axes, curve)
            axes.set_title(curve["curve"], fontsize=9)
            axes.set_xlabel(curve["axis"])
        for axes in list(panels)[len(curves) :]:
            axes.set_axis_off()


def _lines(axes: Axes, curve: Mapping[str, Any], names: Mapping[str, str]) -> None:
    shown = [name for name in names if any(point.get(name) for point in curve["points"])]
    for name, (mark, dashes, color) in zip(shown, LINES, strict=False):
        found = [(point["n"], point) for point in curve["points"] if point.get(name)]
        numbers = [max(n, 1) for n, _ in found]
        runs = [[run[name] for run in point["runs"] if name in run] for _, point in found]
        axes.vlines(numbers, [min(r) for r in runs], [max(r) for r in runs], color=color, lw=0.8)
        axes.plot(
            numbers,
            [point[name] for _, point in found],
            *(mark + dashes,),
            color=color,
            markersize=3.5,
            linewidth=1.2,
            label=names[name],
        )
    axes.set_xscale("log")
    logarithmic(axes.xaxis)
    axes.grid(visible=True, which="major")
    axes.legend(fontsize=7)
