"""Ventilator, workers and sinks killed and started again at random: nothing is lost, all is counted.

The records are released to the ventilator step by step, so that the kills are spread over the whole
run, however fast it is; each comes when a random number of further results is stored.
"""

import contextlib
import json
import random
import signal
import socket
import threading
import time

import pytest
from chaos_processes import HASTY, PATIENCE, until
from pipes_processes import FULL, Pipeline

# The twenty kills of each during 20,000 records; without that variable, a few.
RECORDS, KILLS = (20_000, 20) if FULL else (2_000, 2)
BOXES = ("a", "b")

# Some records are bad: their tasks fail at every start, and leave holes in what sinks have.
BAD_EVERY = 400
GOOD = [number for number in range(RECORDS) if number % BAD_EVERY]

# Credit and outboxes that are always full, at results of so many bytes.
TIGHT_SIZE = 10_000
TIGHT = {
    "WorkerConfig": {"outbox_bytes": 100 * TIGHT_SIZE},
    "SinkConfig": {"credit_count": 100, "credit_bytes": 50 * TIGHT_SIZE},
}


class Storm(Pipeline):
    """Kills by a seed. The way is empty, or one of ``tcp``, ``stages``, ``tight``."""

    def __init__(self, scene, kind, seed, way):
        super().__init__(scene)
        self.kind = kind
        self.way = way
        self.random = random.Random(seed)
        self.configure(**{"Health": HASTY} if way == "tcp" else TIGHT if way == "tight" else {})
        self.ports = free_ports(4)
        self.kills = []
        self.ventilators = [self.start_ventilator()]
        self.workers = [self.start_worker(at) for at in range(2)]
        self.sinks = [self.start_sink(at) for at in range(2)]

    def start_ventilator(self):
        task = {"seconds": 0.001, "bad_every": BAD_EVERY}
        words = {"gated": True, "window": 1_000, "task": task}
        if self.way == "tcp":
            words |= {"discovery": "static", "peers": self.endpoints(0, 4)}
        elif self.way == "stages":
            words["tasks"] = ["prepare", "finish"]
        elif self.way == "tight":
            task["size"] = TIGHT_SIZE
        if self.kind == "plain":
            return self.ventilator(RECORDS, skip_done=True, **words)
        return self.ventilator(RECORDS, resume=True, **words, **self.boxed(self.kind, *BOXES))

    def start_worker(self, at):
        if self.way != "tcp":
            return self.worker(slots=2)
        (bind,) = self.endpoints(at, at + 1)
        words = [f"--peer={peer}" for peer in self.endpoints(2, 4)]
        return self.worker("--discovery", "static", "--bind", bind, *words, slots=2)

    def start_sink(self, at):
        words = {"discovery": "static", "bind": self.endpoints(2 + at, 3 + at)}
        words = words if self.way == "tcp" else {}
        return self.sink(BOXES[at], self.kind, batch=100, **words)

    def endpoints(self, first, end):
        """Of the workers, and of the sinks, if they are found at their ports alone."""
        return [f"tcp://127.0.0.1:{port}" for port in self.ports[first:end]]

    def rage(self):
        """Kill and start again, until the last kill is done."""
        roles = ["ventilator", "worker", "sink"] * KILLS
        self.random.shuffle(roles)
        step = RECORDS // (len(roles) + 1)
        for index, role in enumerate(roles):
            released = min(RECORDS, (index + 2) * step)
            self.release(released)
            self.let_some_pass(released)
            self.kill(role)
        self.release(RECORDS)

    def let_some_pass(self, released):
        """Wait until a few more results are stored; sometimes not."""
        good = sum(number < released for number in GOOD)
        stored = len(self.oracle.stored())
        if good > stored and self.random.random() < 0.8:
            goal = stored + self.random.randint(1, good - stored)
            until(
                lambda: self.oracle.count_effects() >= goal and len(self.oracle.stored()) >= goal,
                f"{goal} of {good} results are stored, after {self.kills[-5:]}",
                2 * PATIENCE,
            )

    def kill(self, role):
        members = {"ventilator": self.ventilators, "worker": self.workers, "sink": self.sinks}[role]
        at = self.random.randrange(len(members))
        assert members[at].process.poll() is None, f"{role} has ended by itself"
        members[at].kill()
        self.kills.append(role)
        if self.random.random() < 0.5:
            threading.Event().wait(self.random.uniform(0, 0.5))
        if role == "ventilator":
            members[at] = self.start_ventilator()
        else:
            members[at] = self.start_worker(at) if role == "worker" else self.start_sink(at)


def free_ports(count):
    """Ports that nobody has; not even the next one who asks."""
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in made]


WAYS = [("inbox", ""), ("plain", "")]
MORE_WAYS = [
    ("jsonl", ""),
    ("inbox", "tcp"),
    ("plain", "tcp"),
    ("inbox", "stages"),
    ("inbox", "tight"),
    ("plain", "tight"),
]


@pytest.mark.timeout(900 if FULL else 120)
@pytest.mark.parametrize("seed", [1, 2, 3] if FULL else [1])
@pytest.mark.parametrize(("kind", "way"), WAYS + MORE_WAYS * FULL)
def test_everybody_is_killed_again_and_again(kind, way, seed, scene):
    begun_at = time.monotonic()
    storm = Storm(scene, kind, seed, way)
    storm.rage()
    run = storm.ventilators[0].run()
    seconds = round(time.monotonic() - begun_at, 1)
    figures = storm.oracle.summary(GOOD) | {"kills": len(storm.kills), "seconds": seconds}
    print(json.dumps({"kind": kind, "way": way, "seed": seed, "records": RECORDS, **figures}))
    assert storm.oracle.complaints(GOOD, once=kind != "plain") == []
    assert len(storm.kills) == 3 * KILLS
    assert run["ok"] + run["failed"] == run["read"], run
    if kind != "plain":
        assert (run["read"], run["ok"]) == (RECORDS, len(GOOD))
        assert sum(sink["taken"] for sink in run["sinks"]) == len(GOOD)
        again = storm.start_ventilator().run()
        assert (again["already"], again["failed"]) == (len(GOOD), RECORDS - len(GOOD))
    for sink in storm.sinks:
        said = sink.leave(signal.SIGTERM)
        assert [report for report in said["reports"] if report["lacking"]] == []
