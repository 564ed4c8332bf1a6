"""The peers: bars over a logarithmic axis, zmqwork's own darker."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.catalog import REFERENCE
from benchmarks.peers.harness import Line
from benchmarks.peers.report import pooled
from benchmarks.pictures.canvas import DARK, LIGHT, MIDDLE, figure, logarithmic
from benchmarks.pictures.shown import circumstances

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Panel:
    """A figure of a workload, as it is shown. `scale`: from its unit to that of the axis."""

    workload: str
    figure: str
    title: str
    axis: str
    scale: float
    more_is_better: bool


PANELS = (
    Panel("single", "rate", "one by one", "tasks a second", 1.0, True),
    Panel("bulk", "rate", "in bulk", "tasks a second", 1.0, True),
    Panel("echo", "rate", "1 MiB there and back", "MB a second", 1e-6, True),
    Panel("latency", "p50", "round trip, median", "milliseconds", 1e3, False),
    Panel("startup", "seconds", "start-up to first result", "seconds", 1.0, False),
    Panel("memory", "queued", "memory of a queued task", "bytes", 1.0, False),
)


def draw(records: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the picture."""
    lines = [line for line in pooled(records) if line.value]
    count = len({line.peer for line in lines})
    below = (
        "Dark: zmqwork (`zmqwork`: inline pool; `zmqwork-process`: a child process); the best is "
        "on top. "
        f"{circumstances(records)}"
    )
    with figure(path, 10.0, 2 * (0.8 + 0.17 * count) + 0.5, below) as made:
        for axes, panel in zip(made.subplots(2, 3).flat, PANELS, strict=True):
            _bars(axes, panel, values(lines, panel))


def values(lines: Sequence[Line], panel: Panel) -> list[tuple[str, float]]:
    """Peers and their figures, the best last."""
    mine = [one for one in lines if (one.workload, one.figure) == (panel.workload, panel.figure)]
    found = {line.peer: (line.value or 0.0) * panel.scale for line in mine}
    beside = [line.zmqwork for line in mine if line.zmqwork is not None]
    if beside and REFERENCE not in found:
        found[REFERENCE] = statistics.median(beside) * panel.scale
    return sorted(found.items(), key=lambda pair: pair[1] * (1 if panel.more_is_better else -1))


def _bars(axes: Axes, panel: Panel, found: Sequence[tuple[str, float]]) -> None:
    names = [name for name, _ in found]
    colors = [DARK if name.startswith(REFERENCE) else LIGHT for name in names]
    axes.barh(names, [value for _, value in found], color=colors, edgecolor=MIDDLE, linewidth=0.5)
    axes.set_xscale("log")
    axes.tick_params(axis="y", labelsize=7)
    if found:
        least, most = min(v for _, v in found), max(v for _, v in found)
        axes.set_xlim(10 ** _floor(least), most * 2)
    axes.grid(visible=True, axis="x", which="major")
    logarithmic(axes.xaxis)
    good = "more is better" if panel.more_is_better else "less is better"
    axes.set_xlabel(f"{panel.axis}; {good}")
    axes.set_title(panel.title, fontsize=9)


def _floor(value: float) -> int:
    """The power of ten below half of the least: so that its bar can be seen."""
    exponent = 0
    while 10.0**exponent > value / 2:
        exponent -= 1
    while 10.0 ** (exponent + 1) <= value / 2:
        exponent += 1
    return exponent
