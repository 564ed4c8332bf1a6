"""Wall clocks that jump."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from chaos_processes import HERE, ROOT

from scenarios import scenario

HOUR = 3600
YEARS = 10 * 365 * 24 * HOUR

# Python runs this before any program; what it adds to the clock is in a file.
SHIFTED = """
import os, time
_fd = os.open({path!r}, os.O_RDONLY)
_time, _time_ns = time.time, time.time_ns
def _shift():
    return int(os.pread(_fd, 32, 0) or 0)
time.time = lambda: _time() + _shift()
time.time_ns = lambda: _time_ns() + _shift() * 10**9
"""


def is_shifted(scene):
    """Whether the processes of this scene are an hour ahead."""
    words = [sys.executable, "-c", "import time; print(time.time())"]
    told = subprocess.run(words, env=scene.environment, capture_output=True, check=True).stdout
    return float(told) > datetime.now(UTC).timestamp() + HOUR / 2


@scenario("clock-jumps", "C17")
def clock_jumps(trial):
    """The wall clock jumps by an hour or ten years, back and forth, every 5 s: nobody minds."""
    scene = trial.scene
    folder = scene.place / "clock"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SHIFTED.format(path=str(folder / "shift")))
    (folder / "shift").write_text(f"{HOUR:<32}")
    scene.environment["PYTHONPATH"] = ":".join(map(str, (folder, ROOT, HERE)))
    if not trial.full:
        trial.scene.hurry()
    workers = [scene.worker(slots=2) for _ in range(2)]
    producer = scene.producer()
    trial.workers(producer, 2)
    trial.watch.follow("producer", producer.pid)
    trial.watch.follow("worker", workers[0].pid)
    producer.order("feed", count=10**6, window=50, rate=100, words={"seconds": 0.02})
    trial.settled(50)
    trial.hold(is_shifted(scene), "the clock of new processes does not jump: this run says nothing")
    for _ in range(trial.pick(6, 24)):
        shift = trial.random.choice([HOUR, -HOUR, YEARS, -YEARS])
        with trial.fault("jump"):
            fresh = Path(folder, "fresh")
            fresh.write_text(f"{shift:<32}")
            # In place, as the processes have it open.
            (folder / "shift").write_bytes(fresh.read_bytes())
        trial.pause(trial.pick(0.4, 5.0))
    producer.order("halt")
    trial.rest([producer])
    trial.verify()
    trial.figures = figures = trial.oracle.figures()
    lost = producer.counters()["lost_workers"]
    trial.hold(lost == 0, f"{lost} false deaths")
    trial.hold(figures["duplicate_executions"] == 0, "something ran again")
