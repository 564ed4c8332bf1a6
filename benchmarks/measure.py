"""How a target is measured: ours and the baseline by turns, medians, one ratio."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

# What one run yields: a figure per line that the target prints, by the line's name.
Figures = dict[str, float]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that is not below `percent` per cent of them (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


@dataclass(frozen=True)
class Bar:
    """What a target's ratio is held against.

    Attributes:
        target: the target's name, as it is printed (``P1``, ``P3-p99``).
        figure: which figure of a run.
        unit: of the figure.
        bar: the ratio to reach; None: for information.
        better: which side of the bar is the good one.
        work: what is measured, in a line.
    """

    target: str
    figure: str
    unit: str
    bar: float | None
    better: Literal["higher", "lower"]
    work: str


@dataclass(frozen=True)
class Verdict:
    """One printed line. `runs` holds each pair as (ours, baseline), in the order taken."""

    target: str
    value: float
    unit: str
    baseline: float
    ratio: float
    bar: float | None
    better: str
    ok: bool | None
    runs: list[tuple[float, float]]
    work: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Target:
    """A target of DESIGN 10: two programs for the same work, and what is asked of their ratio."""

    bars: tuple[Bar, ...]
    ours: Callable[[], Figures]
    baseline: Callable[[], Figures]


def rounded(value: float) -> float:
    """Four significant digits: more would be noise."""
    return float(f"{value:.4g}")


def measure(target: Target, runs: int, say: Callable[[str], None]) -> list[Verdict]:
    """Run both programs `runs` times, by turns, changing who goes first."""
    pairs: list[tuple[Figures, Figures]] = []
    for run in range(runs):
        if run % 2:
            baseline, ours = target.baseline(), target.ours()
        else:
            ours, baseline = target.ours(), target.baseline()
        pairs.append((ours, baseline))
        for bar in target.bars:
            mine, theirs = ours[bar.figure], baseline[bar.figure]
            say(f"{bar.target} run {run + 1}/{runs}: {mine:.4g} {bar.unit}, baseline {theirs:.4g}")
    return [verdict(bar, pairs) for bar in target.bars]


def reached(ratio: float, bar: Bar) -> bool | None:
    """Is the bar reached? None if there is none."""
    if bar.bar is None:
        return None
    return ratio >= bar.bar if bar.better == "higher" else ratio <= bar.bar


def verdict(bar: Bar, pairs: Sequence[tuple[Figures, Figures]]) -> Verdict:
    """The medians of the pairs, held against the bar."""
    runs = [(ours[bar.figure], baseline[bar.figure]) for ours, baseline in pairs]
    value = statistics.median(ours for ours, _ in runs)
    baseline = statistics.median(theirs for _, theirs in runs)
    ratio = value / baseline
    return Verdict(
        target=bar.target,
        value=rounded(value),
        unit=bar.unit,
        baseline=rounded(baseline),
        ratio=rounded(ratio),
        bar=bar.bar,
        better=bar.better,
        ok=reached(ratio, bar),
        runs=[(rounded(ours), rounded(theirs)) for ours, theirs in runs],
        work=bar.work,
    )
