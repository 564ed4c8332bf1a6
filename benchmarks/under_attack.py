"""``python -m benchmarks under_attack``: does honest work go on while strangers take connections?

A worker with keys listens on tcp, and one producer gives it no-op tasks all the time. Meanwhile
thousands of connections are opened to it that never prove a key, and are opened again when the
worker ends them. Compared are the tasks per second before, during and after that. (Means: the
seconds in which they all come again count.)
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from benchmarks.measure import rounded
from benchmarks.processes import HERE, environment, make_keys, private_directory, worker

if TYPE_CHECKING:
    from zmqwork import TaskFuture

SILENT = 2_000
DRIPPING = 200
# Of the baseline's tasks per second, those that must be done during the attack.
BAR = 0.5
# How soon after it the work must be as it was, but for what is noise.
RECOVERY_TIMEOUT = 10.0
RECOVERED = 0.9

# Unsettled tasks.
WINDOW = 2_000
SLICE = 1.0
RESULT_TIMEOUT = 60.0
STOP_TIMEOUT = 15.0


class Work:
    """Somebody honest, who keeps a window of tasks full."""

    def __init__(self) -> None:
        from benchmarks.tasks import noop  # noqa: PLC0415 - the environment comes first

        self._submit = noop.submit
        self._number = 0
        self._futures: deque[tuple[int, TaskFuture[int]]] = deque()

    def rate(self, seconds: float = SLICE) -> float:
        """Work for so long; tasks per second, each result checked."""
        done, begun_at = 0, time.monotonic()
        while (now := time.monotonic()) < begun_at + seconds:
            while len(self._futures) < WINDOW:
                self._futures.append((self._number, self._submit(self._number)))
                self._number += 1
            for _ in range(WINDOW // 10):
                number, future = self._futures.popleft()
                if future.result(timeout=RESULT_TIMEOUT) != number:
                    raise SystemExit(f"task {number} gave {future.result()!r}")
                done += 1
        return done / (now - begun_at)

    def rates(self, seconds: int) -> list[float]:
        """The same, for each of so many seconds."""
        return [self.rate() for _ in range(seconds)]


class Attack:
    """A crowd of strangers in a process of its own, until `end`."""

    def __init__(self, endpoint: str, silent: int, dripping: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.crowd", endpoint, str(silent), str(dripping)],
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, rounds: int) -> None:
        """Until each of them was opened so many times, on average."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if json.loads(line)["rounds"] >= rounds:
                return
        raise SystemExit("the attackers failed")

    def end(self) -> dict[str, int]:
        """How many connections were ``opened``, and how many of them the node has ``ended``."""
        out, _ = self._process.communicate(timeout=STOP_TIMEOUT)
        told: dict[str, int] = json.loads(out.splitlines()[-1])
        return told

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def free_endpoint() -> str:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return f"tcp://127.0.0.1:{found.getsockname()[1]}"


def descriptors(pid: int) -> int | None:
    """How many a process has; None where the system does not tell."""
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return None


def measure(endpoint: str, pid: int, seconds: int, silent: int, dripping: int) -> dict[str, Any]:
    """Work, work under attack, and work on; what was counted."""
    work = Work()
    work.rate()  # which warms up
    before, used_before = work.rates(seconds), descriptors(pid)
    with Attack(endpoint, silent, dripping) as attack:
        attack.wait_for(rounds=1)
        during, used_during = work.rates(seconds), descriptors(pid)
        told = attack.end()
    baseline = statistics.fmean(before)
    after: list[float] = []
    ended_at = time.monotonic()
    recovered_after = None
    while recovered_after is None and time.monotonic() < ended_at + RECOVERY_TIMEOUT:
        after.append(work.rate())
        if after[-1] >= RECOVERED * baseline:
            recovered_after = time.monotonic() - ended_at
    ratio = statistics.fmean(during) / baseline
    return {
        "ok": ratio >= BAR and recovered_after is not None,
        "ratio": rounded(ratio),
        "bar": BAR,
        "recovered_after": None if recovered_after is None else rounded(recovered_after),
        "recovery_bar": RECOVERY_TIMEOUT,
        "before": [rounded(rate) for rate in before],
        "during": [rounded(rate) for rate in during],
        "after": [rounded(rate) for rate in after],
        "unit": "tasks/s",
        "silent": silent,
        "dripping": dripping,
        "connections_opened": told["opened"],
        "connections_ended_by_the_node": told["ended"],
        "descriptors": [used_before, used_during, descriptors(pid)],
    }


def run(seconds: int, silent: int = SILENT, dripping: int = DRIPPING) -> dict[str, Any]:
    """In a directory of its own, with keys of its own."""
    with private_directory() as place:
        own, theirs = make_keys(place)
        os.environ.clear()
        os.environ.update(environment(place, own))
        from benchmarks.tasks import app  # noqa: PLC0415 - the environment comes first

        endpoint = free_endpoint()
        command = ["benchmarks.serve", "inline", "1", endpoint]
        with (
            worker(place, *command, keys=theirs) as pid,
            app.producer(peers=[endpoint], discovery="static"),
        ):
            return measure(endpoint, pid, seconds, silent, dripping)


def table(counted: dict[str, Any]) -> str:
    """For people."""
    before, during, after = (
        f"{phase:<8}{statistics.fmean(counted[phase]):>12,.0f} tasks/s"
        for phase in ("before", "during", "after")
    )
    opened, ended = (counted[f"connections_{what}"] for what in ("opened", "ended_by_the_node"))
    recovered = counted["recovered_after"]
    word = "not in time" if recovered is None else f"after {recovered:.1f} s"
    return f"""{before}
{during}, {counted["ratio"]:.0%} (bar {BAR:.0%}); opened {opened:,} connections, {ended:,} ended
{after}, recovered {word} (bar {RECOVERY_TIMEOUT:g} s)
{"ok" if counted["ok"] else "SHORT"}"""
