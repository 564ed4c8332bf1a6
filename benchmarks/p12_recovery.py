"""P12: from the loss of a worker to the next start of the task that it ran.

``python -m benchmarks.p12_recovery kill COUNT`` kills workers one by one (SIGKILL, quiet link, a
slot free elsewhere), ``... stop COUNT`` stops them all at once (SIGSTOP). The tasks tell of their
starts themselves, through a datagram socket, with the clock that all processes of a machine share.
These targets are seconds, not ratios, so the target stands where others have a baseline.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measure import Bar, Figures, Target, percentile
from benchmarks.processes import figures, private_directory
from benchmarks.work import Start

KILLS = 50
STOPS = 5
TIMEOUT = 60.0
PERCENTS = (10, 25, 50, 75, 90, 99, 100)


class Starts:
    """Where tasks tell that they start."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.settimeout(TIMEOUT)

    def next(self) -> Start:
        return Start(*json.loads(self._socket.recv(4096)))

    def close(self) -> None:
        self._socket.close()


class Workers:
    """Processes with one slot each; what is lost is replaced."""

    def __init__(self) -> None:
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, count: int) -> None:
        for _ in range(count):
            process = subprocess.Popen([sys.executable, "-m", "benchmarks.serve", "process", "1"])
            self._running[process.pid] = process

    def kill(self, pid: int) -> float:
        """The instant before it was killed."""
        lost_at = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        self._running.pop(pid).wait()
        return lost_at

    def stop(self, pid: int) -> float:
        lost_at = time.monotonic()
        os.kill(pid, signal.SIGSTOP)
        return lost_at

    def close(self) -> None:
        for process in self._running.values():
            process.kill()
        for process in self._running.values():
            process.wait()


@contextlib.contextmanager
def scene(count: int) -> Iterator[tuple[Workers, Starts, Callable[[int], None]]]:
    """A producer, `count` workers that it knows, and how to wait for so many."""
    from benchmarks.tasks import app  # noqa: PLC0415 - not needed to describe the target

    workers, starts = Workers(), Starts(Path(os.environ["XDG_RUNTIME_DIR"]) / "starts")
    try:
        with app.producer() as producer:

            def wait_for(count: int) -> None:
                give_up_at = time.monotonic() + TIMEOUT
                while producer.workers_known() < count:
                    if time.monotonic() > give_up_at:
                        raise SystemExit(f"{count} workers did not come within {TIMEOUT:g} s")
                    time.sleep(0.05)

            workers.start(count)
            wait_for(count)
            yield workers, starts, wait_for
            producer.stop()
    finally:
        workers.close()
        starts.close()


def kills(count: int) -> list[float]:
    """Seconds from each kill to the second start of the task that ran there."""
    from benchmarks.tasks import stay  # noqa: PLC0415 - not needed to describe the target

    seconds = []
    with scene(2) as (workers, starts, wait_for):
        for _ in range(count):
            future = stay.submit(starts.path)
            lost_at = workers.kill(starts.next().worker)
            again = starts.next()
            if again.attempt != 2 or future.result(TIMEOUT) != 2:
                raise SystemExit(f"attempt {again.attempt} started next")
            seconds.append(again.at - lost_at)
            workers.start(1)
            wait_for(2)
    return seconds


def stops(count: int) -> list[float]:
    """Seconds from the stop of half of the workers to the second start of each task there."""
    from benchmarks.tasks import stay  # noqa: PLC0415 - not needed to describe the target

    with scene(2 * count) as (workers, starts, _):
        futures = [stay.submit(starts.path) for _ in range(count)]
        lost_at = {}
        for _ in range(count):
            start = starts.next()
            lost_at[start.seq] = workers.stop(start.worker)
        again = [starts.next() for _ in range(count)]
        if [future.result(TIMEOUT) for future in futures] != [2] * count:
            raise SystemExit("a task was done by another attempt than its second")
    return [start.at - lost_at[start.seq] for start in again]


def main() -> None:
    lose = {"kill": kills, "stop": stops}[sys.argv[1]]
    seconds = lose(int(sys.argv[2]))
    print(json.dumps({f"p{percent}": percentile(seconds, percent) for percent in PERCENTS}))


def run(how: str, count: int) -> Figures:
    """One run, with its distribution told: a median hides what a user remembers."""
    with private_directory() as place:
        measured = figures(place, "benchmarks.p12_recovery", how, str(count))
    told = ", ".join(f"{name} {seconds:.3g}" for name, seconds in measured.items())
    print(f"{count} x {how}, seconds to the next start: {told}", file=sys.stderr, flush=True)
    return measured


def run_kills() -> Figures:
    return run("kill", KILLS)


def run_stops() -> Figures:
    return run("stop", STOPS)


def target(bars: tuple[Bar, ...], ours: Callable[[], Figures], seconds: Figures) -> Target:
    return Target(bars, ours, lambda: seconds)


WORK = f"SIGKILL of a worker to the next start of its task, {KILLS} kills, against the target"
TARGET = target(
    (
        Bar("P12", "p50", "s", 1.0, "lower", f"median of {WORK}"),
        Bar("P12-p99", "p99", "s", 1.0, "lower", f"99th percentile of {WORK}"),
    ),
    run_kills,
    {"p50": 0.05, "p99": 0.5},
)
STOPPED = target(
    (
        Bar(
            "P12-stop",
            "p99",
            "s",
            1.0,
            "lower",
            f"SIGSTOP of {STOPS} of {2 * STOPS} workers to the next starts of their tasks, the "
            "99th percentile, against the target",
        ),
    ),
    run_stops,
    {"p99": 8.0},
)

if __name__ == "__main__":
    main()
