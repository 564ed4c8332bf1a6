"""``python -m benchmarks false_deaths``: is anybody taken for dead while every processor is busy?

Twice as many processes spin as there are processors, two workers run tasks on as many slots each,
and one producer feeds them. Nobody dies, so whoever is given up on is a false death: a worker by
the producer, or the producer by a worker.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from benchmarks.processes import environment, private_directory
from benchmarks.taken import usable_cores

if TYPE_CHECKING:
    from zmqwork.core.effects import Notice

WORKERS = 2
# Unsettled tasks: enough for all slots to be busy all the time.
WINDOW = 32
# A task takes a few milliseconds of processor time, and under this load some hundred of the clock.
ROUNDS = 200_000
START_TIMEOUT = 60.0
RESULT_TIMEOUT = 60.0

_SPIN = "while True: pass"


@contextlib.contextmanager
def processes(commands: list[list[str]], **options: Any) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run them all as long as the block lasts."""
    running = [subprocess.Popen([sys.executable, *command], **options) for command in commands]
    try:
        yield running
    finally:
        for process in running:
            process.kill()
        for process in running:
            process.communicate()


def kind_of(notice: Notice) -> str:
    """The kind of a notice; a worker that asks for a new session had given its producer up."""
    return "producer_lost" if "asked for a new session" in notice.text else notice.kind


def load(seconds: float, cores: int) -> dict[str, Any]:
    """Keep all slots busy for so long; what was counted."""
    from benchmarks.tasks import app, burn  # noqa: PLC0415 - the environment comes first

    kinds: Counter[str] = Counter()
    done = 0
    with (
        processes([["-m", "benchmarks.serve", "process", str(cores)]] * WORKERS) as workers,
        app.producer() as producer,
    ):
        producer.on_notice(lambda notice: kinds.update([kind_of(notice)]))
        give_up_at = time.monotonic() + START_TIMEOUT
        while producer.workers_known() < WORKERS:
            if time.monotonic() > give_up_at:
                raise SystemExit(f"{WORKERS} workers did not come within {START_TIMEOUT:g} s")
            time.sleep(0.05)
        with processes([["-c", _SPIN]] * 2 * cores):
            until = time.monotonic() + seconds
            futures = [burn.submit(ROUNDS) for _ in range(WINDOW)]
            while futures:
                futures.pop(0).result(timeout=RESULT_TIMEOUT)
                done += 1
                if time.monotonic() < until:
                    futures.append(burn.submit(ROUNDS))
        counters = producer.status()["counters"]
        if any(worker.poll() is not None for worker in workers):
            raise SystemExit("a worker really ended: this run says nothing")
    return {
        "seconds": seconds,
        "cores": cores,
        "tasks": done,
        "false_deaths": counters["lost_workers"] + kinds["producer_lost"],
        "crashes": counters["crashes"],
        "resubmitted": counters["resubmitted"],
        "returned": counters["returned"],
        "suspected": kinds["peer_suspect"],
    }


def run(seconds: float) -> dict[str, Any]:
    """In a directory of its own."""
    with private_directory() as place:
        os.environ.clear()
        os.environ.update(environment(place))
        return load(seconds, usable_cores())
