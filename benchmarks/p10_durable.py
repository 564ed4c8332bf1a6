"""P10: as P1, with a journal; and how long a large one takes to be opened again.

``python -m benchmarks.p10_durable submit COUNT`` is the submitting process; ``... reopen SETTLED
OPEN`` makes a journal of so many tasks, and goes on with it. The journal is in the current
directory, which must be on a disk.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Bar, Figures, Target
from benchmarks.p1_submit import COUNT, RESULT_TIMEOUT, WARMUP, run_ours, submit_all
from benchmarks.processes import ours

if TYPE_CHECKING:
    from zmqwork.producer import Producer

SETTLED, OPEN = 1_000_000, 100_000
STEP = 1_000


def confirm_all(producer: Producer, count: int) -> float:
    """Submit, and wait for the disk; returns tasks per second."""
    from benchmarks.tasks import noop  # noqa: PLC0415 - as in `p1_submit`

    begun_at = time.perf_counter()
    futures = [noop.submit(number) for number in range(count)]
    producer.flush()
    rate = count / (time.perf_counter() - begun_at)
    for future in futures:
        future.result(timeout=RESULT_TIMEOUT)
    return rate


def submit(count: int) -> dict[str, float]:
    """Both rates: until all are confirmed, and until all results are told."""
    from benchmarks.tasks import app  # noqa: PLC0415 - as in `p1_submit`

    with (
        tempfile.TemporaryDirectory(prefix="p10-", dir=".") as place,
        app.producer(journal=place) as producer,
    ):
        submit_all(WARMUP)
        return {"confirmed": confirm_all(producer, count), "rate": submit_all(count)}


def fill(place: Path, settled: int, left: int) -> None:
    """A journal as a process that was killed leaves it."""
    from benchmarks.tasks import app, noop  # noqa: PLC0415 - as in `p1_submit`
    from zmqwork.core.records import Batch, Filed  # noqa: PLC0415
    from zmqwork.journal.folder import Folder  # noqa: PLC0415
    from zmqwork.wire.values import encode_call  # noqa: PLC0415

    journal = Folder(place, app.name).take()
    journal.load()
    spec = noop.spec
    args = encode_call((7,), {}, "it")
    for first in range(1, settled + left + 1, STEP):
        seqs = list(range(first, min(first + STEP, settled + left + 1)))
        done = {"succeeded": seqs} if first <= settled else {}
        journal.write([Batch(filed=[Filed(spec, seqs, [args] * len(seqs))]), Batch(settled=done)])
    journal.close()


def reopen(settled: int, left: int) -> dict[str, float]:
    """Seconds from the opening to the first result, of a task that was left."""
    from benchmarks.tasks import app  # noqa: PLC0415 - as in `p1_submit`

    with tempfile.TemporaryDirectory(prefix="p10-", dir=".") as place:
        fill(Path(place), settled, left)
        begun_at = time.perf_counter()
        with app.producer(journal=place) as producer:
            assert producer.status()["pending"] == left
            while producer.status()["pending"] == left:
                time.sleep(0.002)
            return {"seconds": time.perf_counter() - begun_at}


def main() -> None:
    order, *counts = sys.argv[1:]
    done = submit(int(counts[0])) if order == "submit" else reopen(*map(int, counts))
    print(json.dumps(done))


def run_durable() -> Figures:
    return ours("benchmarks.p10_durable", "inline", 1, "submit", COUNT)


def run_memory() -> Figures:
    figures = run_ours()
    return figures | {"confirmed": figures["rate"]}


def run_reopened() -> Figures:
    return ours("benchmarks.p10_durable", "inline", 1, "reopen", SETTLED, OPEN)


def allowed() -> Figures:
    """What it may take."""
    return {"seconds": 3.0}


WORK = f"{COUNT:,} no-op tasks one by one, inline pool, with a journal, against P1"
TARGET = Target(
    (
        Bar("P10", "confirmed", "tasks/s", 0.3, "higher", f"{WORK}: until all are on the disk"),
        Bar("P10-results", "rate", "tasks/s", None, "higher", f"{WORK}: until all results"),
    ),
    run_durable,
    run_memory,
)
REOPEN = Target(
    (
        Bar(
            "P10-reopen", "seconds", "s", 1.0, "lower",
            f"a journal of {SETTLED:,} settled and {OPEN:,} open tasks, from opening it to the "
            "first of these that is settled, against the 3 s that it may take",
        ),
    ),
    run_reopened,
    allowed,
)  # fmt: skip

if __name__ == "__main__":
    main()
