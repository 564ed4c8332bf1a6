"""P11: as P1, with keys at both ends, so that all between them is encrypted, against P1 itself."""

from __future__ import annotations

from benchmarks import p1_submit
from benchmarks.measure import Bar, Figures, Target
from benchmarks.processes import ours


def run_ours() -> Figures:
    return ours("benchmarks.p1_submit", "inline", 1, p1_submit.COUNT, keyed=True)


WORK = f"{p1_submit.COUNT:,} no-op tasks one by one, inline pool, with keys, against P1"
TARGET = Target((Bar("P11", "rate", "tasks/s", 0.9, "higher", WORK),), run_ours, p1_submit.run_ours)
