"""The targets: a ratio each, its spread over all runs, and the bar."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.pictures.canvas import DARK, LIGHT, MIDDLE, figure, logarithmic
from benchmarks.pictures.shown import circumstances

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIDES = (
    ("higher", "the more, the better: ours by the baseline"),
    ("lower", "the less, the better: ours by the baseline"),
)


@dataclass(frozen=True)
class Ratio:
    """A target over all files. `least`, `most`: of the pairs of runs."""

    target: str
    better: str
    bar: float | None
    median: float
    least: float
    most: float
    ok: bool | None


def ratios(records: Sequence[Mapping[str, Any]]) -> list[Ratio]:
    """All pairs of runs of a target together, from whichever file."""
    pairs: dict[str, list[float]] = {}
    lines: dict[str, Mapping[str, Any]] = {}
    for record in records:
        for line in record["targets"]:
            pairs.setdefault(line["target"], []).extend(
                mine / other for mine, other in line["runs"]
            )
            lines[line["target"]] = line
    found = []
    for name, line in lines.items():
        median, bar = statistics.median(pairs[name]), line["bar"]
        ok = None
        if bar is not None:
            ok = median >= bar if line["better"] == "higher" else median <= bar
        found.append(
            Ratio(
                *(name, line["better"], bar, median, min(pairs[name]), max(pairs[name])),
                ok,
            )
        )
    return sorted(found, key=lambda ratio: _order(ratio.target))


def draw(records: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the picture."""
    found = ratios(records)
    sides = [(text, [r for r in found if r.better == better]) for better, text in _SIDES]
    height = 1.4 + 0.24 * max(len(side) for _, side in sides)
    with figure(path, 9.0, height, circumstances(records)) as made:
        for axes, (text, side) in zip(made.subplots(1, 2), sides, strict=True):
            _panel(axes, text, side)


def _panel(axes: Axes, text: str, side: Sequence[Ratio]) -> None:
    places = range(len(side))
    for place, ratio in zip(places, side, strict=True):
        axes.plot([ratio.least, ratio.most], [place, place], color=MIDDLE, linewidth=2, zorder=2)
        full = DARK if ratio.ok is not False else "white"
        axes.plot(
            ratio.median,
            place,
            marker="o",
            color=DARK,
            markerfacecolor=full,
            markersize=6,
            zorder=3,
        )
        if ratio.bar is not None:
            axes.plot(
                ratio.bar, place, marker="|", color=DARK, markersize=13, markeredgewidth=2, zorder=1
            )
    axes.axvline(1.0, color=LIGHT, linewidth=1, zorder=0)
    axes.set_xscale("log")
    axes.set_yticks(list(places), [ratio.target for ratio in side])
    axes.set_ylim(len(side) - 0.4, -0.6)
    logarithmic(axes.xaxis, (1.0, 2.0, 5.0))
    axes.grid(visible=True, axis="x", which="major")
    axes.set_xlabel("ratio (no unit)")
    title = f"{text}\ndot: median; line: all runs; tick: the bar; hollow: missed"
    axes.set_title(title, fontsize=8, loc="left")


def _order(name: str) -> tuple[int, str]:
    digits = "".join(letter for letter in name.partition("-")[0] if letter.isdigit())
    return (int(digits) if digits else 99, name)
