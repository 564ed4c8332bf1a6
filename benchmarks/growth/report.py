"""How curves are told: a table of the points, and a line for each cost that is judged."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.growth.curve import Drawn, Judgement

TITLES = {
    "tasks_per_second": "tasks/s",
    "megabytes_per_second": "MB/s there",
    "submit_us": "submit us",
    "own_submit_us": "without gc",
    "producer_us": "producer us",
    "own_us": "without gc",
    "worker_us": "worker us",
    "bytes_each": "bytes each",
    "own_us_per_mib": "producer us/MiB",
    "worker_us_per_mib": "worker us/MiB",
}
# Where the title says too little without the column before it.
JUDGED = {
    "own_submit_us": "submit us, without gc",
    "own_us": "producer us, without gc",
}


def number(value: float) -> str:
    """As many digits as mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(drawn: Drawn) -> Iterable[str]:
    """For a terminal."""
    names = [name for name in TITLES if any(name in point for point in drawn.points)]
    yield f"{drawn.curve}: {drawn.what}"
    widths = [max(12, len(TITLES[name]) + 2) for name in names]
    axis = max(12, len(drawn.axis))
    columns = (TITLES[name].rjust(width) for name, width in zip(names, widths, strict=True))
    yield f"{drawn.axis:>{axis}}" + "".join(columns)
    for point in drawn.points:
        cells = (
            (number(point[name]) if name in point else "").rjust(width)
            for name, width in zip(names, widths, strict=True)
        )
        yield f"{point['n']:>{axis},}" + "".join(cells)
    for judged in drawn.judged:
        yield f"  {sentence(judged)}"
    yield ""


def sentence(judged: Judgement) -> str:
    """How a cost grows."""
    line = f"{number(judged.base)} {judged.per_doubling:+.2g} for each doubling"
    told = f"{JUDGED.get(judged.cost, TITLES[judged.cost])}: {line}"
    if judged.ok is None:
        return f"{told}; too few points to judge"
    verdict = "ok" if judged.ok else "STEEPER"
    return f"{told}; steepest, by that of log n: {judged.steepness:.2f}  {verdict}"
