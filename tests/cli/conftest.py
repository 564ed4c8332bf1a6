from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

THUMBS = '''
import zmqwork

app = zmqwork.App("thumbs")

@app.task(max_retries=0)
def double(value, times=1):
    return value * 2 * times

@app.task(max_retries=0)
def fail(text):
    raise ValueError(text)

@app.task(max_retries=0)
def odd():
    return {1: (2, b"x"), "d": complex(1, 2)}

@app.task(max_retries=0)
def spell(word, total=False):
    yield from word
    if total:
        return len(word)

@app.task(max_retries=0)
def wait_for(begun, go):
    """Says that it has begun, and runs until it is told to go on: through two pipes."""
    with open(begun, "w") as pipe:
        pipe.write("begun")
    with open(go) as pipe:
        return pipe.read()
'''


@pytest.fixture
def runtime(monkeypatch):
    """A runtime directory of the test's own, with a path short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="zw-", dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("ZMQWORK_PEERS", raising=False)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def project(tmp_path, runtime):
    """A directory with a user's module in it."""
    (tmp_path / "thumbs.py").write_text(THUMBS)
    return tmp_path


@pytest.fixture
def zmqwork(project):
    """Run a command in the project, to its end."""

    def run(*words, **options):
        return subprocess.run(
            [sys.executable, "-m", "zmqwork", *words],
            cwd=project,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **options,
        )

    return run


@pytest.fixture
def start(start_python):
    """Start a command in the project and go on."""

    def start(*words, **options):
        return start_python("-m", "zmqwork", *words, stdin=subprocess.DEVNULL, **options)

    return start


@pytest.fixture
def start_python(project):
    """Start an interpreter in the project and go on."""
    started = []

    def start(*words, stdin=subprocess.PIPE, **options):
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=project,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def worker(start):
    """Start a worker of the project and wait until it serves; gives process and banner."""

    def worker(*words):
        process = start("worker", "thumbs:app", "-c", "1", "-o", "json", *words)
        line = process.stdout.readline()
        assert line, process.stderr.read()
        return process, json.loads(line)

    return worker


class Gate:
    """The other ends of the pipes of `wait_for`; the test's time-out bounds the waiting."""

    def __init__(self, directory):
        self.begun, self.go = directory / "begun", directory / "go"
        os.mkfifo(self.begun)
        os.mkfifo(self.go)
        self.words = (str(self.begun), str(self.go))

    def wait_begun(self):
        assert self.begun.read_text() == "begun"

    def open(self):
        self.go.write_text("waited")


@pytest.fixture
def until():
    """Ask again until the answer is yes; what asks takes its time, so nothing else is waited for."""

    def until(asked):
        give_up_at = time.monotonic() + 60.0
        while not asked():
            assert time.monotonic() < give_up_at, "this never came true"

    return until


@pytest.fixture
def frozen():
    """Within it, a process is stopped as a debugger stops it."""

    @contextmanager
    def frozen(process):
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    return frozen


@pytest.fixture
def gate(tmp_path):
    return Gate(tmp_path)


@pytest.fixture
def gone():
    """Wait until a process has ended, whoever's child it is."""

    def gone(pid):
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return True
        ended, _, _ = select.select([descriptor], [], [], 20.0)
        os.close(descriptor)
        return bool(ended)

    return gone
