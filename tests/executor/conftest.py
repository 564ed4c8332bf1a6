import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import zmqwork

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATIENCE = 60.0


@pytest.fixture(scope="session")
def place():
    """A runtime directory of these tests' own, with a path short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="zw-", dir="/tmp"))
    before = {name: os.environ.pop(name, None) for name in ("XDG_RUNTIME_DIR", "ZMQWORK_PEERS")}
    os.environ["XDG_RUNTIME_DIR"] = str(path)
    yield path
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    shutil.rmtree(path)


@pytest.fixture
def realm(place):
    return f"executor-{secrets.token_hex(4)}"


@pytest.fixture(scope="module")
def shared(place):
    """An executor with two processes, for tests that leave it as it was."""
    with zmqwork.Executor(local_workers=2) as executor:
        yield executor


@pytest.fixture
def environment(place):
    path = os.pathsep.join([str(ROOT), str(HERE)])
    return os.environ | {"PYTHONPATH": path}


@pytest.fixture
def run(environment, tmp_path):
    """Run a script as a user does: from a file."""

    def run_script(text, name="script.py"):
        path = tmp_path / name
        path.write_text(text)
        return subprocess.run(
            [sys.executable, "-W", "error", str(path)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    return run_script


@pytest.fixture
def start_worker(environment):
    """`zmqwork worker ...` once it serves; it is killed at the end."""
    started = []

    def start(*words, cwd=HERE):
        process = subprocess.Popen(
            [sys.executable, "-m", "zmqwork", "worker", *words, "-o", "json"],
            env=environment,
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        return process.stdout.readline()

    yield start
    for process in started:
        process.kill()
        process.wait(PATIENCE)
        process.stdout.close()
