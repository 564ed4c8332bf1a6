"""A producer with a journal that is killed and started again, and whether what it confirmed was done."""

import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

from chaos_processes import HERE, PATIENCE, children_of
from durable_producer import confirmed


class Durable:
    """One start of it: it submits up to this task, and at its end waits until all are settled."""

    def __init__(self, scene, up_to, *, enter=(), place=None, **options):
        words = [str(scene.place), scene.realm, str(up_to), *([str(place)] if place else [])]
        command = [*enter, sys.executable, str(HERE / "durable_producer.py"), *words]
        options = {"stderr": scene.errors, "env": scene.environment, "cwd": HERE, **options}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, **options)

    @property
    def pid(self):
        return self.process.pid

    @property
    def family(self):
        return [self.pid, *self.children]

    @property
    def children(self):
        """(Those of a program that it is started by, such as strace.)"""
        return children_of(self.pid)

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.process.stdin.close()

    def finish(self, patience=2 * PATIENCE):
        self.process.stdin.close()
        assert self.process.wait(patience) == 0

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        self.process.stdin.close()


def tallied(place):
    """How often each task has run."""
    path = Path(place) / "tally"
    lines = path.read_bytes().rpartition(b"\n")[0].split() if path.exists() else []
    return Counter(map(int, lines))


def count_runs(place):
    path = Path(place) / "tally"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def is_whole(place):
    """Whether SQLite finds nothing wrong with the journals there."""
    found = [path for path in Path(place).glob("*.db") if path.stat().st_size]
    answers = []
    for path in found:
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            answers += connection.execute("PRAGMA integrity_check").fetchall()
    return answers == [("ok",)] * len(found)


def figures(place, count):
    """The figures of a run that is over, of which so many tasks should have been done."""
    ran = tallied(place)
    sure = confirmed(place)
    return {
        "confirmed": sure,
        "settled": {"succeeded": len(ran)},
        "lost": sum(key not in ran for key in range(1, max(sure, count) + 1)),
        "duplicate_executions": ran.total() - len(ran),
        # These producers hand nothing on that could take effect twice; what they settled is counted
        # by their journal.
        "duplicate_effects": 0,
    }
