"""zmqwork itself, as it comes: leases, heartbeats, acks, futures. ipc, local directory.

One slot: a worker with the inline pool, which runs a task where it is received, as most peers do.
Two slots: a worker with the process pool. Bulk: `map`, whose chunks size themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.peers.chores import CHORES
from benchmarks.peers.driver import RESULT_TIMEOUT, OneByOne, running
from zmqwork import App

app = App("zmqwork-peers", discovery="local")
# (Children of the process pool find a task by its name in this module.)
noop, burn, hold = (app.task(CHORES[name]) for name in ("noop", "burn", "hold"))
TASKS = {"noop": noop, "burn": burn, "hold": hold}


class Client(OneByOne):
    def submit(self, task: str, argument: Any) -> Any:
        return TASKS[task].submit(argument)

    def result(self, handle: Any) -> Any:
        return handle.result(timeout=RESULT_TIMEOUT)

    def bulk(self, numbers: range) -> Iterable[Any]:
        results: Iterable[Any] = noop.map(numbers)
        return results


@contextmanager
def connected(place: Path, slots: int, pool: str = "") -> Iterator[Client]:
    chosen = pool or ("inline" if slots == 1 else "process")
    options = ["-c", str(slots), "--pool", chosen, "--log-level", "error"]
    with app.producer(), running(place, "-m", "zmqwork", "worker", f"{__name__}:app", *options):
        yield Client()
