"""What tasks and sinks of a pipeline wrote down, and whether that keeps the promise.

Nothing of zmqwork is asked, or imported. Each task appends one line to a file of its process
(``runs/PID``: number, attempt, process); each sink writes one row, or one line, for each result
that it stores: in the ``effects`` table of an inbox's database (``*.db``), or in ``plain/PID``.
"""

import json
import os
import sqlite3
from collections import Counter
from contextlib import closing
from functools import cache
from pathlib import Path


@cache
def _opened(path, pid):
    """A descriptor that appends; each process has its own, a forked one too."""
    del pid
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def write_run(place, number, attempt):
    """Of a task: it runs."""
    pid = os.getpid()
    os.write(_opened(Path(place, "runs", str(pid)), pid), b"%d %d %d\n" % (number, attempt, pid))


def write_effects(place, rows):
    """Of a sink without memory: it stores these (number, attempt, process of the task)."""
    pid = os.getpid()
    text = "".join(json.dumps([*row, pid]) + "\n" for row in rows)
    os.write(_opened(Path(place, "plain", str(pid)), pid), text.encode())


CREATE = "CREATE TABLE IF NOT EXISTS effects (number, attempt, pid, sink_pid)"
INSERT = "INSERT INTO effects VALUES (?, ?, ?, ?)"


class PipelineOracle:
    """The facts of one pipeline."""

    def __init__(self, place):
        self.place = Path(place)
        for name in ("runs", "plain"):
            (self.place / name).mkdir(exist_ok=True)

    def runs(self):
        """(number, attempt, process) of each attempt that began."""
        return [
            tuple(map(int, line.split()))
            for path in (self.place / "runs").iterdir()
            for line in _whole_lines(path)
        ]

    def effects(self):
        """(number, attempt, process of the task, process of the sink) of each result stored."""
        found = []
        for path in (self.place / "plain").iterdir():
            found += [tuple(json.loads(line)) for line in _whole_lines(path)]
        for path in self.place.glob("*.db"):
            found += _rows(path, "SELECT * FROM effects")
        for path in self.place.glob("*.jsonl"):
            found += [(*json.loads(line)["result"], 0) for line in _whole_lines(path)]
        return found

    def stored(self):
        """The numbers that have an effect, with how many."""
        return Counter(number for number, *_ in self.effects())

    def ran(self):
        """The numbers that ran, with how often."""
        return Counter(number for number, *_ in self.runs())

    def count_runs(self):
        """How many attempts began; cheaper than `runs`."""
        return _count_lines((self.place / "runs").iterdir())

    def count_effects(self):
        """How many results are stored; cheaper than `effects`."""
        lines = _count_lines([*(self.place / "plain").iterdir(), *self.place.glob("*.jsonl")])
        rows = (_rows(path, "SELECT count(*) FROM effects") for path in self.place.glob("*.db"))
        return lines + sum(found[0][0] for found in rows if found)

    def complaints(self, numbers, *, once):
        """Every breach, in words, if these numbers and no others should have an effect.

        `once`: whether each may have one effect only.
        """
        runs = set(self.runs())
        effects = self.effects()
        stored = Counter(number for number, *_ in effects)
        found = [f"{number} is lost" for number in numbers if not stored[number]]
        found += [f"{number} is stored, and should not" for number in stored.keys() - set(numbers)]
        if once:
            found += [f"{n} has {times} effects" for n, times in stored.items() if times > 1]
        found += [f"{row} is stored, and did not run" for row in effects if row[:3] not in runs]
        return found

    def summary(self, numbers):
        """The figures: how many of these were not stored, and how many ran, or were stored, again."""
        ran, stored = self.ran(), self.stored()
        return {
            "lost": sum(not stored[number] for number in numbers),
            "ran_again": ran.total() - len(ran),
            "stored_again": stored.total() - len(stored),
        }

    def figures(self, numbers):
        """The same in the words of a report."""
        found = self.summary(numbers)
        return {
            "confirmed": len(numbers),
            "settled": {"succeeded": len(numbers) - found["lost"]},
            "lost": found["lost"],
            "duplicate_executions": found["ran_again"],
            "duplicate_effects": found["stored_again"],
        }


def _whole_lines(path):
    """The lines of a file; what its writer was killed in the middle of is none."""
    return path.read_text().rpartition("\n")[0].splitlines()


def _count_lines(paths):
    return sum(path.read_bytes().count(b"\n") for path in paths)


def _rows(path, statement):
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        try:
            return connection.execute(statement).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []  # its sink has not made it yet
            raise
