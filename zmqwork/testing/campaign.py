"""Many runs, on as many processors as there are, and what all of them come to."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from zmqwork.testing.play import Report, run

_HOUR = 3600.0


def processors() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def reports(seeds: Sequence[int], jobs: int) -> Iterator[Report]:
    """A report of each, in order, however many are run at once."""
    if jobs == 1 or len(seeds) == 1:
        yield from map(run, seeds)
        return
    # A process that is begun anew has nothing of this one that could make a difference.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(seeds)), mp_context=context) as pool:
        try:
            yield from pool.map(run, seeds)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@dataclass(slots=True)
class Summary:
    """What several runs come to.

    Attributes:
        breaches: of the runs in which something was broken, what.
        marks: the points that they came by, and how often.
    """

    seeds: int = 0
    tasks: int = 0
    runs: int = 0
    turns: int = 0
    nodes: int = 0
    seconds: float = 0.0
    node_seconds: float = 0.0
    breaches: list[dict[str, Any]] = field(default_factory=list)
    marks: Counter[str] = field(default_factory=Counter)

    def add(self, report: Report) -> None:
        """One more."""
        self.seeds += 1
        self.tasks += report.tasks
        self.runs += report.runs
        self.turns += report.turns
        self.nodes += report.nodes
        self.seconds += report.seconds
        self.node_seconds += report.seconds * report.nodes
        self.marks.update(report.marks)
        if report.error:
            breach = {"seed": report.seed, "promise": report.promise, "error": report.error}
            self.breaches.append(breach)

    def of(self, found: Iterator[Report], each: Callable[[Report], None]) -> None:
        """All of these, each of which is shown."""
        for report in found:
            self.add(report)
            each(report)

    @property
    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "seeds": self.seeds,
            "tasks": self.tasks,
            "runs": self.runs,
            "turns": self.turns,
            "nodes": self.nodes,
            "virtual_hours": round(self.seconds / _HOUR, 3),
            "node_hours": round(self.node_seconds / _HOUR, 3),
            "breaches": self.breaches,
            "marks": dict(sorted(self.marks.items())),
        }
