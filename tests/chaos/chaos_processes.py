"""The processes of a scenario: workers as users start them, producers that take orders."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

from chaos_app import gate_of

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

# Far above what anything here takes: a wait that reaches it is a failure. (Where nobody waits for the
# tests, it is longer: machines have much else to do.)
PATIENCE = float(os.environ.get("CHAOS_PATIENCE", "30"))

# A quarter to a half of the defaults, in the same order: silence is judged within two seconds.
HASTY = {
    "heartbeat_interval": 0.3,
    "suspect_timeout": 1.0,
    "lost_timeout": 2.0,
    "runtime_timeout": 3.0,
    "gone_timeout": 1.0,
    "lease_timeout": 2.0,
    "fence_timeout": 1.7,
    "greeting_timeout": 2.0,
}


def until(happened, what, patience=PATIENCE):
    """Look again and again, for a bounded number of times; what was found."""
    pause = threading.Event()
    for _ in range(int(patience / 0.02)):
        found = happened()
        if found:
            return found
        pause.wait(0.02)
    raise AssertionError(f"in {patience} s it did not happen that {what}")


def is_gone(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def is_stopped(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def children_of(pid):
    """Those of all its threads; none, if it is gone."""
    found = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def stop(pid):
    """SIGSTOP, and wait until it has stopped."""
    os.kill(pid, signal.SIGSTOP)
    until(lambda: is_stopped(pid), f"process {pid} stops")


class Program:
    """A child process of the test, that answers on its standard output line by line."""

    def __init__(self, command, stderr, *, host=None, **options):
        enter = host.enter if host is not None else []
        self.process = subprocess.Popen(
            [*enter, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            **options,
        )

    @property
    def pid(self):
        return self.process.pid

    def answer(self, patience=PATIENCE):
        """The next line, as JSON."""
        ready, _, _ = select.select([self.process.stdout], [], [], patience)
        line = self.process.stdout.readline() if ready else b""
        assert line, f"{self.process.args} gave no answer"
        return json.loads(line)

    @property
    def family(self):
        """The process and its children: whom it takes along."""
        return [self.pid, *children_of(self.pid)]

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def send(self, number):
        self.process.send_signal(number)

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout):
            stream.close()


class Worker(Program):
    def __init__(self, realm, words, app="chaos_app:app", **options):
        command = [sys.executable, "-m", "zmqwork", "worker", app, "--realm", realm]
        super().__init__([*command, "-o", "json", *words], **options)
        self._told = None

    @property
    def told(self):
        """What it said of itself when it had started; waits for that."""
        if self._told is None:
            self._told = self.answer()
        return self._told

    @property
    def port(self):
        (endpoint,) = [e for e in self.told["endpoints"] if e.startswith("tcp://")]
        return int(endpoint.rpartition(":")[2])

    def children(self):
        return children_of(self.pid)

    def descriptors(self):
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


class Producer(Program):
    def __init__(self, place, realm, name, peers, **options):
        command = [sys.executable, str(HERE / "producing.py"), str(place), realm, name, *peers]
        super().__init__(command, **options)
        self.name = name
        assert self.answer() == self.pid

    def order(self, what, **words):
        self.process.stdin.write(json.dumps({"do": what, **words}).encode() + b"\n")
        self.process.stdin.flush()
        return self.answer()

    def submit(self, *keys, task="work", **words):
        self.order("submit", keys=keys, task=task, words=words)

    def status(self):
        return self.order("status")

    def counters(self):
        return self.status()["counters"]

    def states(self):
        return self.status()["tasks_by_state"]

    def workers(self):
        return len(self.status()["workers"])


class Gate:
    """Holds one attempt of one task until it is opened, once and for all."""

    def __init__(self, place, key, attempt=1):
        self.path = gate_of(place, key, attempt)
        os.mkfifo(self.path)
        # Open at both ends: neither side ever waits for the other one to come.
        self._fd = os.open(self.path, os.O_RDWR)

    def open(self):
        os.write(self._fd, b"!")

    def close(self):
        os.close(self._fd)
