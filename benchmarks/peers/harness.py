"""How peers are compared: each run is a fresh program, and zmqwork and the peer take turns."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measure import rounded
from benchmarks.p6_cpu import rounds_per_task
from benchmarks.peers import broker, census, environments
from benchmarks.peers.catalog import PEERS, REFERENCE, Peer
from benchmarks.peers.workloads import Figure, Measured, Run, Workload
from benchmarks.processes import HERE, environment, private_directory

POLL_SECONDS = 0.05  # the program takes its own time: this delays the next one alone
LAST_WORDS = 600  # characters of what a failed run said


class Failed(RuntimeError):
    """A run that gave no figures, and why."""


@dataclass(frozen=True)
class Bounds:
    """How much is asked of each run.

    Attributes:
        seconds: for how long a run is measured, about.
        timeout: when it is killed, set-up included.
        count: at most so many tasks; None: as many as the workload says.
    """

    seconds: float = 5.0
    timeout: float = 120.0
    count: int | None = None

    def tasks(self, workload: Workload) -> int:
        return min(workload.count, self.count or workload.count)


@dataclass(frozen=True)
class Line:
    """One figure of one peer, beside that of zmqwork.

    Attributes:
        factor: how many times zmqwork is better: of rates ours by theirs, of times and sizes
            theirs by ours. None if there is nothing to compare (memory may seem to shrink).
        runs: each pair as (theirs, ours).
        count: tasks in the last run of theirs; `asked` if it had been fast.
        failed: why there is no figure.
    """

    peer: str
    workload: str
    figure: str
    unit: str
    better: str
    value: float | None = None
    zmqwork: float | None = None
    factor: float | None = None
    count: int = 0
    asked: int = 0
    runs: list[tuple[float, float]] = field(default_factory=list)
    failed: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def judged(line: Line, figure: Figure, pairs: list[tuple[float, float]]) -> Line:
    """The line with the medians of all pairs."""
    theirs = statistics.median(pair[0] for pair in pairs)
    ours = statistics.median(pair[1] for pair in pairs)
    better, worse = (ours, theirs) if figure.better == "higher" else (theirs, ours)
    return Line(
        **{
            **line.as_dict(),
            "value": rounded(theirs),
            "zmqwork": rounded(ours),
            "factor": rounded(better / worse) if min(better, worse) > 0 else None,
            "runs": [(rounded(one), rounded(other)) for one, other in pairs],
        }
    )


def compare(
    peer: Peer, workload: Workload, runs: int, bounds: Bounds, say: Callable[[str], None]
) -> list[Line]:
    """Measure both, changing who goes first. A failure ends it, and is told in the lines."""
    pairs: list[tuple[Measured, Measured]] = []
    failed = None
    for number in range(runs):
        order = [peer, PEERS[REFERENCE]] if number % 2 else [PEERS[REFERENCE], peer]
        done: dict[str, Measured] = {}
        for one in order:
            if one.name in done:  # zmqwork beside itself is one program
                continue
            try:
                done[one.name] = measured(one, workload, bounds)
            except Failed as error:
                failed = str(error) if one is peer else f"{one.name}: {error}"
                say(f"{peer.name} {workload.name} run {number + 1}/{runs}: failed: {failed}")
                break
        if failed:
            break
        theirs, ours = done[peer.name], done[REFERENCE]
        pairs.append((theirs, ours))
        told = ", ".join(
            f"{figure.name} {theirs.figures[figure.name]:.4g} {figure.unit}"
            f" (zmqwork {ours.figures[figure.name]:.4g})"
            for figure in workload.figures
        )
        say(f"{peer.name} {workload.name} run {number + 1}/{runs}: {told}; {theirs.count} tasks")
    return [line_of(peer, workload, figure, pairs, failed, bounds) for figure in workload.figures]


def line_of(
    peer: Peer,
    workload: Workload,
    figure: Figure,
    pairs: list[tuple[Measured, Measured]],
    failed: str | None,
    bounds: Bounds,
) -> Line:
    line = Line(
        peer.name,
        workload.name,
        figure.name,
        figure.unit,
        figure.better,
        count=pairs[-1][0].count if pairs else 0,
        asked=bounds.tasks(workload),
        failed=failed,
    )
    if not pairs:
        return line
    values = [(theirs.figures[figure.name], ours.figures[figure.name]) for theirs, ours in pairs]
    return judged(line, figure, values)


def measured(peer: Peer, workload: Workload, bounds: Bounds) -> Measured:
    """What one run gives. The first start of a program fills the caches, and does not count."""
    if workload.name == "startup":
        execute(peer, workload, bounds)
    return execute(peer, workload, bounds)


def execute(peer: Peer, workload: Workload, bounds: Bounds) -> Measured:
    """One run of a program in its environment, and nothing of it left behind."""
    mark = uuid.uuid4().hex
    with held_back() as signals, private_directory() as place:
        surroundings = environment(place) | {
            census.MARK_VARIABLE: mark,
            "PYTHONPATH": str(HERE),
            # As after `activate`: some peers start programs of theirs by name.
            "PATH": f"{environments.python(peer).parent}{os.pathsep}{os.environ['PATH']}",
        }
        try:
            with started_redis(peer, place, surroundings):
                return probe(peer, workload, bounds, place, surroundings, signals)
        finally:
            census.sweep(mark)


@contextmanager
def held_back() -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM wait in the list, and end the program when the block is left.

    Else one that comes while a process is being started would leave that behind.
    """
    came: list[int] = []
    signs = (signal.SIGINT, signal.SIGTERM)
    before = {sign: signal.signal(sign, lambda number, _: came.append(number)) for sign in signs}
    try:
        yield came
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
    if came:
        raise KeyboardInterrupt


@contextmanager
def started_redis(peer: Peer, place: Path, surroundings: dict[str, str]) -> Iterator[None]:
    """A Redis for those that need one, which they find in their environment."""
    if not peer.redis:
        yield
        return
    with broker.redis(place, surroundings) as path:
        surroundings[broker.SOCKET_VARIABLE] = str(path)
        yield


def probe(
    peer: Peer,
    workload: Workload,
    bounds: Bounds,
    place: Path,
    surroundings: Mapping[str, str],
    signals: Sequence[int],
) -> Measured:
    """Run `benchmarks.peers.probe`, with a process group of its own and a time-out."""
    command = [str(environments.python(peer)), "-m", "benchmarks.peers.probe"]
    run = Run(
        place=str(place),
        mark=surroundings[census.MARK_VARIABLE],
        count=bounds.tasks(workload),
        seconds=bounds.seconds,
        rounds=rounds_per_task(),
        begun_at=time.monotonic(),
    )
    answers, errors = place / "probe.out", place / "probe.log"
    # (Files: children that outlive a program would keep a pipe open.)
    with answers.open("wb") as out, errors.open("wb") as log:
        process = subprocess.Popen(
            [*command, peer.module, workload.name, json.dumps(run.as_dict())],
            cwd=place,
            env=dict(surroundings),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                if signals:
                    raise KeyboardInterrupt
                if time.monotonic() > run.begun_at + bounds.timeout:
                    late = f"not done after {bounds.timeout:g} s: killed"
                    raise Failed(f"{late}\n{last_words(place)}")
                time.sleep(POLL_SECONDS)
        finally:
            if process.poll() is None:
                # All together: the children of a dead program would be nobody's.
                census.sweep(surroundings[census.MARK_VARIABLE])
                process.wait()
            census.end(lambda: census.in_session(process.pid))
    said = answers.read_text("utf-8", "replace").splitlines()
    lines = [line for line in said if line.startswith('{"figures"')]
    if not lines:
        raise Failed(f"ended with {process.returncode}\n{last_words(place)}")
    answer = json.loads(lines[-1])
    return Measured(answer["figures"], answer["count"])


def last_words(place: Path) -> str:
    """The end of what the program said, and its workers."""
    logs = [place / name for name in ("probe.log", "worker.log") if (place / name).exists()]
    texts = [log.read_text("utf-8", "replace")[-LAST_WORDS:].strip() for log in logs]
    told = "\n".join(texts)
    # Saved failures tell nothing of where this machine keeps its files.
    for path, word in ((place, "PLACE"), (HERE, "."), (sys.base_prefix, "PYTHON")):
        told = told.replace(str(path), word)
    return told
