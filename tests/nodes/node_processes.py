"""Waiting, and workers in processes of their own."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

# Far above what anything here takes: a wait that reaches it is a failure.
PATIENCE = 30.0


def until(happened, what, patience=PATIENCE):
    """Look again and again, for a bounded number of times."""
    pause = threading.Event()
    for _ in range(int(patience / 0.02)):
        found = happened()
        if found:
            return found
        pause.wait(0.02)
    return pytest.fail(f"in {patience} s it did not happen that {what}")


def process_is_gone(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


class WorkerProcess:
    """A worker as a user starts it."""

    def __init__(self, realm, *words, app="work_app:app"):
        command = [sys.executable, "-m", "zmqwork", "worker", app, "--realm", realm]
        self.process = subprocess.Popen(
            [*command, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.output = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self):
        return self.process.pid

    def children(self):
        tasks = Path(f"/proc/{self.pid}/task")
        pids = []
        for task in tasks.iterdir():
            pids += [int(pid) for pid in (task / "children").read_text().split()]
        return pids

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def send(self, number):
        self.process.send_signal(number)

    def wait(self):
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def text(self):
        return "".join(self.output)

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.process.stdout.close()

    def _read(self):
        for line in self.process.stdout:
            self.output.append(line)


def ps(realm):
    """What `zmqwork ps` says of a realm."""
    done = subprocess.run(
        [sys.executable, "-m", "zmqwork", "ps", "--realm", realm, "-o", "json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return json.loads(done.stdout)
