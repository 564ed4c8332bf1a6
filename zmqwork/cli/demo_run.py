"""The demo itself: workers, a producer, a kill in the middle, all results."""

from __future__ import annotations

import queue
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zmqwork.cli.demo_loss import Loss
from zmqwork.cli.demo_story import Story
from zmqwork.cli.demo_task import Counts, app, tokenise_file
from zmqwork.cli.local import LocalWorkers, own_realm, wait_until_known
from zmqwork.cli.search import Search
from zmqwork.cli.submitter import submitter
from zmqwork.errors import TaskError
from zmqwork.future import TaskFuture
from zmqwork.producer import Producer

TARGET = "zmqwork.cli.demo_task:app"

# The kill comes when this share of the tasks is settled.
_KILL_AT = 0.4
# Half a minute is the promise, on two cores; a loaded machine gets more, but not for ever.
_TIMEOUT = 180.0
# How often the progress is shown while nothing settles.
_LOOK_INTERVAL = 0.1


@dataclass(slots=True)
class Outcome:
    """What a run came to.

    Attributes:
        results: by path.
        errors: how many tasks ended in which error, by its first line.
        shares: tasks by worker's label.
        workers: how many processes served at the same time.
        loss: what the kill did; None: nobody was killed.
        counters: the producer's.
        seconds: from the first submit to the last result.
    """

    workers: int
    results: dict[str, Counts] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    shares: Counter[str] = field(default_factory=Counter)
    loss: Loss | None = None
    counters: dict[str, int] = field(default_factory=dict)
    seconds: float = 1e-9


def run_demo(
    files: Sequence[Path],
    tale: Story,
    *,
    workers: int,
    kill: bool,
    words: Sequence[str] = (),
    search: Search | None = None,
) -> Outcome:
    """Run all files through workers of a realm of their own.

    Args:
        files: a task each.
        tale: who tells what happens.
        workers: how many.
        kill: whether one of them is killed.
        words: how the workers find others, as words of their command.
        search: the same for the producer.

    Raises:
        TransportError: a worker does not start.
        NoWorker: they start and are not found.
    """
    with LocalWorkers(TARGET, own_realm("demo"), *words) as crew:
        begun_at = time.monotonic()
        crew.start_all(workers)
        options = (search or Search()) | {"realm": crew.realm}
        with submitter(app, "demo", **options) as producer:
            wait_until_known(producer, workers)
            names = ", ".join(f"{w.name} (pid {w.pid})" for w in crew.running.values())
            tale.say(f"up and found in {time.monotonic() - begun_at:.1f} s: {names}")
            if options.get("discovery") or options.get("interface") or options.get("insecure_lan"):
                tale.say(_found_by(producer))
            return _Run(files, tale, crew, producer).to_the_end(kill=kill)


def _found_by(producer: Producer) -> str:
    """Which way the workers were found, for those who asked for one."""
    sources = producer.status()["sources"]
    used = [f"{s['source']} ({s['where']})" for s in sources if s["found"]]
    return f"found by {', '.join(used)}"


class _Run:
    """The tasks on their way."""

    def __init__(
        self, files: Sequence[Path], tale: Story, crew: LocalWorkers, producer: Producer
    ) -> None:
        self._files = files
        self._tale = tale
        self._crew = crew
        self._producer = producer
        self._labels = {worker.pid: worker.name for worker in crew.running.values()}
        self._outcome = Outcome(len(crew.running))
        self._done: queue.SimpleQueue[TaskFuture[Counts]] = queue.SimpleQueue()
        self._told = False
        self._restarted = False

    def to_the_end(self, *, kill: bool) -> Outcome:
        """Submit everything, and collect until all is settled or the time is over."""
        outcome, total = self._outcome, len(self._files)
        begun_at = time.monotonic()
        give_up_at = begun_at + _TIMEOUT
        self._tale.begin(total)
        paths: dict[int, str] = {}
        for path in self._files:
            future = tokenise_file.submit(str(path))
            paths[future.seq] = str(path)
            future.add_done_callback(self._done.put)
        settled = 0
        while settled < total and time.monotonic() < give_up_at:
            settled += self._collect(paths)
            self._tale.advance(settled)
            if kill and outcome.loss is None and _KILL_AT * total <= settled < total:
                self._kill()
            self._follow(at_last=False)
        outcome.seconds = time.monotonic() - begun_at
        if kill and outcome.loss is None:
            self._tale.say("nobody was killed: all was done at once; more files give time for it")
        self._follow(at_last=True)
        outcome.counters = self._counters()
        return outcome

    def _collect(self, paths: dict[int, str]) -> int:
        """Take what has settled; wait a moment if nothing has."""
        taken = 0
        try:
            future = self._done.get(timeout=_LOOK_INTERVAL)
            while True:
                self._take(paths[future.seq], future)
                taken += 1
                future = self._done.get_nowait()
        except queue.Empty:
            return taken

    def _take(self, path: str, future: TaskFuture[Counts]) -> None:
        outcome = self._outcome
        try:
            counts = future.result(timeout=0)
        except TaskError as error:
            outcome.errors[error.reason.partition("\n")[0]] += 1
        else:
            outcome.results[path] = counts
            outcome.shares[self._labels.get(counts["worker"], "unknown")] += 1

    def _kill(self) -> None:
        victim = next(iter(self._crew.running.values()))
        self._outcome.loss = loss = Loss(
            victim.name, victim.node_id, alone=len(self._crew.running) == 1
        )
        self._producer.on_notice(loss.notice)
        self._tale.say(f"{victim.name} is killed now, with SIGKILL: it cannot say a word")
        loss.begin()
        victim.kill()

    def _follow(self, *, at_last: bool) -> None:
        """Tell what became of the killed worker's tasks, and start it again."""
        loss = self._outcome.loss
        if loss is None:
            return
        if not self._told and (at_last or loss.over()):
            self._told = True
            self._tale.say(loss.text())
        # Others take the tasks first, so that the story is about them; if there are others.
        alone = len(self._crew.running) == 1 and loss.noticed_after is not None
        if not (self._restarted or at_last) and (loss.over() or alone):
            self._restarted = True
            again = self._crew.start(loss.worker)
            self._labels[again.pid] = loss.worker
            self._tale.say(f"{again.name} is started again (pid {again.pid})")

    def _counters(self) -> dict[str, int]:
        counters: dict[str, Any] = self._producer.status()["counters"]
        return {name: int(count) for name, count in counters.items()}
