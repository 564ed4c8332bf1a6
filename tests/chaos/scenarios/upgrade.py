"""Two versions in one realm."""

import os
import subprocess
import sys

from chaos_processes import HERE, ROOT, until
from trial import Skip

from scenarios import scenario

# Nothing is released yet: a commit from before there were keys is the other version. `ZMQWORK_OLDER`
# names another one.
OLDER = "0b60e91"

# Python runs this before any program: a version that no other one speaks with.
STRANGE = """
import zmqwork.config
zmqwork.config.PROTOCOL_MIN = zmqwork.config.PROTOCOL_MAX = 99
"""


def older_tree(trial):
    """The other version, as it was committed."""
    commit = os.environ.get("ZMQWORK_OLDER", OLDER)
    place = trial.scene.place / "older"
    place.mkdir()
    words = ["git", "-C", str(ROOT), "archive", commit, "zmqwork"]
    archive = subprocess.run(words, capture_output=True, timeout=60, check=False)
    if archive.returncode:
        raise Skip(f"the other version, {commit}, is not in this clone")
    subprocess.run(["tar", "-x", "-C", str(place)], input=archive.stdout, check=True, timeout=60)
    trial.details["other_version"] = commit
    words = [sys.executable, "-c", "import zmqwork; print(zmqwork.__file__)"]
    told = subprocess.run(
        words, env=os.environ | {"PYTHONPATH": str(place)}, cwd=HERE,
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert told.startswith(str(place)), told
    return place


@scenario("upgrade", "C20")
def upgrade(trial):
    """Workers are replaced one by one, by another version and back, under two versions of producers."""
    scene = trial.scene
    ours = scene.environment["PYTHONPATH"]
    theirs = os.pathsep.join([str(older_tree(trial)), str(HERE)])

    def start(path, make, **words):
        scene.environment["PYTHONPATH"] = path
        return make(**words)

    workers = [start(theirs, scene.worker, slots=2) for _ in range(3)]
    producers = [start(theirs, scene.producer, name="theirs"), start(ours, scene.producer)]
    for producer in producers:
        trial.workers(producer, 3)
        producer.order("feed", count=10**6, window=100, rate=100, words={"seconds": 0.01})
    trial.watch.follow("producer", producers[1].pid)
    trial.settled(100)
    for path in (ours, theirs):
        for index, worker in enumerate(workers):
            fresh = start(path, scene.worker, slots=2)
            assert fresh.told
            with trial.fault("upgrade"):
                worker.send(15)
                worker.process.wait(60)
            workers[index] = fresh
            trial.pause(trial.pick(0.3, 5.0))
    for producer in producers:
        producer.order("halt")
    trial.rest(producers)
    trial.verify()
    trial.figures = figures = trial.oracle.figures()
    trial.hold(figures["duplicate_executions"] == 0, "something ran again, though all were drained")
    lost = sum(producer.counters()["lost_workers"] for producer in producers)
    trial.hold(lost == 0, f"{lost} drained workers were taken for dead")
    refused(trial, ours, producers[1])


def refused(trial, ours, producer):
    """A version of which nothing is understood is refused, and harms nobody."""
    scene = trial.scene
    folder = scene.place / "strange"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(STRANGE)
    scene.environment["PYTHONPATH"] = os.pathsep.join([str(folder), ours])
    assert scene.worker().told
    until(lambda: producer.status()["peers"].get("refused"), "it is refused")
    trial.hold("99" in scene.complaints(), "nobody is told which versions they are")
    scene.environment["PYTHONPATH"] = ours
    producer.submit("after")
    trial.rest([producer])
    trial.verify()
