"""pipeline: ventilator to sink, a no-op stage on one worker, each in a process of its own.

``python -m benchmarks.pipeline ventilator COUNT`` pushes, ``... sink`` collects. The baseline is P1
of the same run: there the results come back to the process that submits.
"""

from __future__ import annotations

import json
import sys

from benchmarks.measure import Bar, Figures, Target
from benchmarks.p1_submit import run_ours as run_p1
from benchmarks.processes import figures, private_directory, worker

COUNT = 100_000
WARMUP = 2_000


def push(count: int) -> float:
    """Push numbers; results at the sink per second, from the first pull to the last ack."""
    from benchmarks.tasks import app, noop  # noqa: PLC0415 - not needed to describe the target
    from zmqwork import ventilate  # noqa: PLC0415

    run = ventilate(app, noop, range(count))
    taken = [sink["taken"] for sink in run.sinks]
    if run.ok != count or taken != [count]:
        raise SystemExit(f"{run}; the sink has {taken}")
    return run.rate


def collect() -> None:
    """Be the sink: look at each result."""
    from benchmarks.tasks import app  # noqa: PLC0415

    @app.sink(batch=4096)
    def store(results: list[int]) -> None:
        if sum(results) < 0:
            raise SystemExit("these are no results of the no-op task")

    raise SystemExit(store.run())


def main() -> None:
    if sys.argv[1] == "sink":
        collect()
    push(WARMUP)
    print(json.dumps({"rate": push(int(sys.argv[2]))}))


def run_pipeline() -> Figures:
    with (
        private_directory() as place,
        worker(place, "benchmarks.serve", "inline", "1"),
        worker(place, "benchmarks.pipeline", "sink"),
    ):
        return figures(place, "benchmarks.pipeline", "ventilator", str(COUNT))


WORK = f"{COUNT:,} no-op tasks from ventilator to sink, inline pool, against P1"
TARGET = Target((Bar("pipeline", "rate", "results/s", 0.8, "higher", WORK),), run_pipeline, run_p1)

if __name__ == "__main__":
    main()
