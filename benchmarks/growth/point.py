"""One point of a curve: fresh processes, which begin together, and what they have used."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from benchmarks.growth.load import Load
from benchmarks.measure import Figures
from benchmarks.processes import (
    HERE,
    RUN_TIMEOUT,
    environment,
    idle_workers,
    private_directory,
    worker,
)


def processor_seconds(pid: int) -> float:
    """What the living threads of a process have used, in the kernel's nanoseconds."""
    used = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        used += int((thread / "schedstat").read_text("ascii").split()[0])
    return used / 1e9


class Sender:
    """The program of a `Load`, and what it says."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._in, self._out = process, process.stdin, process.stdout

    def hear(self) -> str:
        """Its next line.

        Raises:
            RuntimeError: it has ended.
        """
        if line := self._out.readline():
            return line
        _, complaint = self._process.communicate()
        raise RuntimeError(f"a producer ended with {self._process.returncode}:\n{complaint}")

    def go_on(self) -> None:
        """Let it begin, or leave."""
        self._in.write("\n")
        self._in.flush()


@contextmanager
def sender(place: Path, load: Load, peers: str) -> Iterator[Sender]:
    """A producer, as long as the block lasts; what hangs is killed."""
    with subprocess.Popen(
        [sys.executable, "-m", *load.words()],
        cwd=HERE,
        env=environment(place) | ({"ZMQWORK_PEERS": peers} if peers else {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        bound = threading.Timer(RUN_TIMEOUT, process.kill)
        bound.start()
        try:
            yield Sender(process)
        except BaseException:
            process.kill()
            raise
        finally:
            bound.cancel()


def run(load: Load, *, workers: int = 1, producers: int = 1, idle: int = 0) -> Figures:
    """Rates, and microseconds of processor time for each task, of producers and of workers.

    Args:
        load: of each producer; the workers that it waits for are filled in here.
        workers: that work, a process with one slot of the inline pool each.
        producers: how many, each a process.
        idle: further workers, connected to each producer, that never have anything free.
    """
    load = Load(**{**vars(load), "workers": workers + idle})
    with ExitStack() as stack:
        place = stack.enter_context(private_directory())
        peers = stack.enter_context(idle_workers(place, idle) if idle else nullcontext(""))
        pids = [
            stack.enter_context(worker(place, "benchmarks.serve", "inline", "1"))
            for _ in range(workers)
        ]
        senders = [stack.enter_context(sender(place, load, peers)) for _ in range(producers)]
        for one in senders:
            one.hear()
        before = sum(map(processor_seconds, pids))
        for one in senders:
            one.go_on()
        told = [json.loads(one.hear()) for one in senders]
        used = sum(map(processor_seconds, pids)) - before
        for one in senders:
            one.go_on()
        return figures(told, used)


def figures(told: Sequence[dict[str, Any]], worker_seconds: float) -> Figures:
    """What all producers together say of a task; ``own_...`` is without Python's collector."""
    tasks = sum(one["tasks"] for one in told)
    spent = sum(one["cpu_seconds"] for one in told)
    collected = sum(one["collector_seconds"] for one in told)
    made = {
        "tasks_per_second": sum(one["tasks"] / one["seconds"] for one in told),
        "producer_us": spent / tasks * 1e6,
        "own_us": (spent - collected) / tasks * 1e6,
        "worker_us": worker_seconds / tasks * 1e6,
    }
    for name in ("submit_us", "own_submit_us", "bytes_each"):
        if name in told[0]:
            made[name] = sum(one[name] for one in told) / len(told)
    return made
