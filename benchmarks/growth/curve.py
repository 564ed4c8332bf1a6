"""A curve: what a task costs, over the number of something. It may grow as its logarithm does."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.measure import Figures, rounded

# What the machine itself makes of two runs of the same, at the most, when it is idle.
NOISE = 1.1


@dataclass(frozen=True)
class Curve:
    """What is measured, and where.

    Attributes:
        name: as it is printed.
        axis: what the numbers count, with its unit.
        what: what a point is, in a line.
        numbers: where it is measured, in ascending order.
        measure: one run at such a number.
        costs: the figures that are judged; all of them are microseconds of processor time.
    """

    name: str
    axis: str
    what: str
    numbers: tuple[int, ...]
    measure: Callable[[int], Figures]
    costs: tuple[str, ...]


@dataclass(frozen=True)
class Judgement:
    """How one cost grows.

    Attributes:
        cost: which figure.
        base, per_doubling: the line ``base + per_doubling * log2(n)`` through the upper half.
        steepness: see `steepness`.
        ok: it grows no faster than the logarithm does; None: there are too few points.
    """

    cost: str
    base: float
    per_doubling: float
    steepness: float | None
    ok: bool | None


@dataclass(frozen=True)
class Drawn:
    """A curve that was measured: for each number its figures, the medians, and every run."""

    curve: str
    axis: str
    what: str
    points: list[dict[str, Any]]
    judged: list[Judgement]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def upper(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Those from the square root of the largest number on: before it batches form, and costs fall.

    (In a logarithmic picture, the right half.)
    """
    middle = max(2.0, math.sqrt(max((n for n, _ in points), default=0)))
    return [(n, cost) for n, cost in sorted(points) if n >= middle * 0.99]


def fit(points: Sequence[tuple[int, float]]) -> tuple[float, float]:
    """The `a` and `b` of the line ``a + b * log2(n)`` with the least squares."""
    if len(points) < 2:
        return (points[0][1] if points else math.nan), 0.0
    found = statistics.linear_regression(
        [math.log2(n) for n, _ in points], [cost for _, cost in points]
    )
    return found.intercept, found.slope


def steepness(points: Sequence[tuple[int, float]]) -> float | None:
    """The steepest growth between two points of the upper half, by that of the logarithm.

    If a cost is ``a + b * log(n)``, and neither is negative, then between any two numbers it grows
    by no greater a factor than their logarithms do: so this is at most 1. Twice as many of
    10,000 may cost 7.5 % more, of a linear cost it is up to 100 %.

    None: less than two points are in the upper half.
    """
    found = [(math.log(n), cost) for n, cost in upper(points)]
    growths = [
        (more / less) / (above / below)
        for at, (below, less) in enumerate(found)
        for above, more in found[at + 1 :]
    ]
    return max(growths, default=None)


def judge(cost: str, points: Sequence[tuple[int, float]]) -> Judgement:
    """Does this cost grow no faster than the logarithm, as far as the machine can tell?"""
    base, per_doubling = fit(upper(points))
    steep = steepness(points)
    return Judgement(
        cost,
        rounded(base),
        rounded(per_doubling),
        None if steep is None else rounded(steep),
        None if steep is None else steep <= NOISE,
    )


def medians(runs: Sequence[Mapping[str, float]]) -> Figures:
    """Of each figure, over the runs."""
    return {name: rounded(statistics.median(run[name] for run in runs)) for name in runs[0]}


def draw(curve: Curve, runs: int, say: Callable[[str], None], most: int | None = None) -> Drawn:
    """Go over the points `runs` times, up and down by turns: so drift is not taken for growth.

    `most`: leave out what is beyond.
    """
    numbers = [number for number in curve.numbers if most is None or number <= most]
    found: dict[int, list[Figures]] = {number: [] for number in numbers}
    for run in range(runs):
        for number in numbers if run % 2 == 0 else reversed(numbers):
            figures = {name: rounded(value) for name, value in curve.measure(number).items()}
            found[number].append(figures)
            told = ", ".join(f"{name} {value:,.4g}" for name, value in figures.items())
            say(f"{curve.name} {number:,}, run {run + 1}/{runs}: {told}")
    points: list[dict[str, Any]] = [
        {"n": n, **medians(taken), "runs": taken} for n, taken in found.items()
    ]
    judged = [
        judge(cost, [(point["n"], point[cost]) for point in points if cost in point])
        for cost in curve.costs
    ]
    return Drawn(curve.name, curve.axis, curve.what, points, judged)
