"""What really happened, told by those to whom it happened; nothing of zmqwork is asked, or imported.

Each fact is one line of JSON, appended with one write: by the producer's program (``submitted``,
``settled``) and by the handlers themselves (``runs``). A line is there or it is not, whatever kills
its writer.
"""

import json
import os
from pathlib import Path


def append(place, name, **fact):
    """Add a fact to one of the files."""
    fd = os.open(Path(place) / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(fd, json.dumps(fact).encode() + b"\n")
    finally:
        os.close(fd)


class Oracle:
    """The facts of one scenario, and whether they keep the promise."""

    def __init__(self, place):
        self.place = Path(place)

    def read(self, name):
        path = self.place / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def attempts(self, key, what="begun"):
        """The attempts of a task that began (or ``ended``), in that order."""
        runs = self.read("runs")
        return [run["attempt"] for run in runs if run["key"] == key and run["what"] == what]

    def settled(self, key):
        return [fact for fact in self.read("settled") if fact["key"] == key]

    def complaints(self, dead_producers=()):
        """Every breach, in words. Tasks of dead producers may be unsettled, and nothing else."""
        submitted = {fact["key"]: fact["producer"] for fact in self.read("submitted")}
        settled = {}
        for fact in self.read("settled"):
            settled.setdefault(fact["key"], []).append(fact)
        begun, ended = set(), set()
        found = []
        for run in self.read("runs"):
            which = run["key"], run["attempt"]
            if run["what"] == "ended":
                ended.add(which)
                continue
            if which in begun:
                found.append(f"attempt {run['attempt']} of {run['key']} began twice")
            begun.add(which)
            if run["key"] not in submitted:
                found.append(f"{run['key']} ran, and nobody submitted it")
        found += [
            f"{key} is settled, and nobody submitted it" for key in settled.keys() - submitted
        ]
        for key, producer in submitted.items():
            facts = settled.get(key, [])
            if not facts and producer not in dead_producers:
                found.append(f"{key} is lost")
            if len(facts) > 1:
                found.append(f"{key} settled {len(facts)} times")
            for fact in facts:
                value = fact["value"]
                if fact["state"] == "succeeded" and (value[0], value[1]) not in ended:
                    found.append(f"{key} succeeded with {value}, and nothing that ended gave that")
                if fact["state"] == "succeeded" and value[0] != key:
                    found.append(f"{key} has the result of {value[0]}")
        return found

    def verify(self, dead_producers=()):
        assert self.complaints(dead_producers) == []

    def run_twice(self):
        """The tasks that began more than once: key -> attempts."""
        runs = {}
        for run in self.read("runs"):
            if run["what"] == "begun":
                runs.setdefault(run["key"], []).append(run["attempt"])
        return {key: attempts for key, attempts in runs.items() if len(attempts) > 1}
