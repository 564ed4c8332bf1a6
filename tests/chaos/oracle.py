"""What really happened, told by those to whom it happened; nothing of zmqwork is asked, or imported.

Each fact is one line of JSON, appended with one write: by the producer's program (``submitted``,
``settled``), by the handlers themselves (``runs``), and by whoever does harm (``faults``, when it was
done, with the processes that it was done to). A line is there or it is not, whatever kills its writer. All facts
have their instant, by the clock that the processes of a machine share.
"""

import json
import os
import time
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from pathlib import Path


def append(place, name, **fact):
    """Add a fact to one of the files."""
    fd = os.open(Path(place) / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(fd, json.dumps({"at": time.monotonic(), **fact}).encode() + b"\n")
    finally:
        os.close(fd)


class Oracle:
    """The facts of one scenario, and whether they keep the promise."""

    def __init__(self, place):
        self.place = Path(place)
        self._counted = {}  # file -> (bytes read, lines in them)

    def read(self, name):
        path = self.place / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def count(self, name):
        """How many facts a file has; only what is new is read."""
        start, lines = self._counted.get(name, (0, 0))
        path = self.place / name
        if not path.exists():
            return 0
        with path.open("rb") as file:
            file.seek(start)
            fresh = file.read()
        self._counted[name] = start + len(fresh), lines + fresh.count(b"\n")
        return self._counted[name][1]

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

    # -- figures --------------------------------------------------------------------------------

    def figures(self):
        """What a report says: counts, and what each fault cost."""
        submitted = {fact["key"] for fact in self.read("submitted")}
        settled = self.read("settled")
        runs = Counter(run["key"] for run in self.read("runs") if run["what"] == "begun")
        unexplained, allowed, recovery = self._again()
        return {
            "confirmed": len(submitted),
            "settled": dict(Counter(fact["state"] for fact in settled)),
            "lost": len(submitted - {fact["key"] for fact in settled}),
            "duplicate_executions": runs.total() - len(runs),
            "duplicate_effects": len(settled) - len({fact["key"] for fact in settled}),
            # Attempts that faults hit while they were begun and not settled: each may run again.
            "unacked_at_faults": allowed,
            "unexplained": unexplained,
            "recovery_seconds": spread(recovery),
            "throughput": self.throughput([fact["at"] for fact in settled]),
            "faults": dict(Counter(fact["kind"] for fact in self.read("faults"))),
        }

    def _again(self):
        """The extra runs that no fault explains; how many the faults explain; seconds to the next.

        A fault explains another run of what its victims had begun, and what was not settled then.
        """
        settled_at = {fact["key"]: fact["at"] for fact in self.read("settled")}
        begun, ended, of_pid = defaultdict(list), {}, defaultdict(list)
        for run in self.read("runs"):
            if run["what"] == "ended":
                ended[run["key"], run["attempt"]] = run["at"]
            else:
                begun[run["key"]].append(run)
                of_pid[run["pid"]].append(run)
        hit, recovery, endless = set(), [], float("inf")
        fresh = {pid: deque(runs) for pid, runs in of_pid.items()}
        unsettled = defaultdict(list)  # of each process; what is settled matters to no later fault
        for fault in sorted(self.read("faults"), key=lambda fact: fact["begun_at"]):
            for pid in fault["pids"]:
                runs = fresh.get(pid, ())
                while runs and runs[0]["at"] <= fault["at"]:
                    unsettled[pid].append(runs.popleft())
                unsettled[pid] = [
                    run
                    for run in unsettled[pid]
                    if settled_at.get(run["key"], endless) >= fault["begun_at"]
                ]
            for run in [run for pid in fault["pids"] for run in unsettled[pid]]:
                key, attempt, at = run["key"], run["attempt"], fault["begun_at"]
                if run["at"] > fault["at"]:
                    continue
                hit.add((key, attempt))
                later = [other["at"] for other in begun[key] if other["at"] > max(at, run["at"])]
                if ended.get((key, attempt), endless) > at and later:
                    recovery.append(min(later) - at)
        unexplained = []
        for key, all_runs in begun.items():
            extra = len(all_runs) - 1
            if extra > sum((key, run["attempt"]) in hit for run in all_runs):
                unexplained.append(key)
        return unexplained, len(hit), recovery

    def throughput(self, instants):
        """Per second: before the first fault, between the first and the last one, and after it."""
        faults = self.read("faults")
        instants = sorted(instants)
        if not instants:
            return {}
        ends = [min([fact["at"] for fact in self.read("submitted")] or instants[:1])]
        if faults:
            ends += [min(f["begun_at"] for f in faults), max(f["at"] for f in faults)]
        ends.append(instants[-1])
        named = zip(("before", "during", "after"), ends, ends[1:], strict=False)
        return {name: _rate(instants, start, end) for name, start, end in named if end > start}


def _rate(instants, start, end):
    return round((bisect_left(instants, end) - bisect_left(instants, start)) / (end - start), 1)


def spread(values):
    """The median, the 99th percentile and the largest of some values, and how many there are."""
    if not values:
        return {"count": 0}
    values = sorted(values)

    def at(percent):
        return round(values[min(len(values) - 1, int(len(values) * percent / 100))], 3)

    return {"count": len(values), "p50": at(50), "p99": at(99), "max": round(values[-1], 3)}
