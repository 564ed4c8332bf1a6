import os
import secrets
import shutil
import tempfile
from pathlib import Path

import pytest
from node_processes import HERE, ROOT, WorkerProcess, until
from work_app import app


@pytest.fixture
def wait_until():
    return until


@pytest.fixture
def runtime(monkeypatch):
    """A runtime directory of the test's own, with a path short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="zw-", dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(HERE)]))
    monkeypatch.delenv("ZMQWORK_PEERS", raising=False)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def realm(runtime):
    return f"work-{secrets.token_hex(4)}"


@pytest.fixture
def start_worker(realm):
    """Start a worker process; it is killed at the end."""
    started = []

    def start(*words, in_realm=None, **more):
        started.append(WorkerProcess(in_realm or realm, *words, **more))
        return started[-1]

    yield start
    for worker in started:
        worker.end()


@pytest.fixture
def producer(realm):
    with app.producer(realm=realm) as made:
        made.notices = []
        made.on_notice(made.notices.append)
        yield made
        made.stop()


@pytest.fixture
def fifo(tmp_path):
    """A pipe through which a task says something; `read()` waits for it."""
    path = tmp_path / "fifo"
    os.mkfifo(path)

    class Fifo:
        def __init__(self):
            self.path = str(path)

        def read(self):
            return path.read_text().strip()

    return Fifo()
