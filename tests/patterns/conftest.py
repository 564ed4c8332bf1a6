import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from pattern_programs import HERE, PATIENCE, ROOT


@pytest.fixture
def runtime(monkeypatch):
    """A directory of the test's own, with a path short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="zw-", dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(HERE)]))
    monkeypatch.delenv("ZMQWORK_PEERS", raising=False)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def start(runtime):
    """Start a Python program; it is killed at the end."""
    started = []

    def start(*words):
        started.append(subprocess.Popen([sys.executable, *map(str, words)]))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait(PATIENCE)


@pytest.fixture
def endpoint(runtime):
    """Makes endpoints for raw programs."""
    return lambda name: f"ipc://{runtime}/{name}"


@pytest.fixture
def context():
    import zmq

    with zmq.Context() as made:
        yield made


@pytest.fixture
def realm():
    return f"patterns-{secrets.token_hex(4)}"


@pytest.fixture
def producer(runtime, realm):
    from patterns_app import app

    with app.producer(realm=realm) as made:
        yield made
        made.stop()


@pytest.fixture
def start_workers(start, realm, producer, wait_until):
    """Start workers, and wait until they are there."""

    def start_workers(count):
        words = ("-m", "zmqwork", "worker", "patterns_app:app", "--realm", realm, "-o", "quiet")
        made = [start(*words, "--pool", "thread", "-c", "1") for _ in range(count)]

        def are_there():
            names = [worker["name"] for worker in producer.status()["workers"]]
            return all(any(n.endswith(f"-{worker.pid}") for n in names) for worker in made)

        wait_until(are_there, "the workers are there")
        return made

    return start_workers


@pytest.fixture
def wait_until():
    """Look again and again, for a bounded number of times."""

    def until(happened, what):
        pause = threading.Event()
        for _ in range(int(PATIENCE / 0.01)):
            found = happened()
            if found:
                return found
            pause.wait(0.01)
        return pytest.fail(f"in {PATIENCE} s it did not happen that {what}")

    return until


@pytest.fixture
def notes(tmp_path):
    """A file into which servers write lines."""

    class Notes:
        path = str(tmp_path / "notes")
        go = tmp_path / "go"

        def lines(self):
            path = Path(self.path)
            return path.read_text().splitlines() if path.exists() else []

        def pids(self):
            return [int(line.split()[0]) for line in self.lines()]

    return Notes()
