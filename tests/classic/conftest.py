import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

HERE = Path(__file__).parent

# Far above what anything here takes: a wait that reaches it is a failure.
PATIENCE = 60.0


@pytest.fixture(autouse=True)
def alone(private_environment, monkeypatch):
    """A local directory in which nobody else is."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", private_environment["XDG_RUNTIME_DIR"])


class End:
    """One end of a pipeline, in a process of its own."""

    def __init__(self, environment, role, where, options):
        self.process = subprocess.Popen(
            [
                sys.executable,
                str(HERE / "pipeline_ends.py"),
                role,
                json.dumps(where),
                json.dumps(options),
            ],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)

    def interrupt(self):
        os.kill(self.pid, signal.SIGINT)

    def line(self):
        """The next line that it prints."""
        return self.process.stdout.readline()

    def said(self, complains=""):
        """What it has printed, when it has ended well."""
        # Not `communicate`, which closes the pipe that keeps it alive.
        out, err = [], []
        readers = [
            threading.Thread(target=lambda to, pipe: to.append(pipe.read()), args=pair)
            for pair in ((out, self.process.stdout), (err, self.process.stderr))
        ]
        for reader in readers:
            reader.start()
        code = self.process.wait(PATIENCE)
        for reader in readers:
            reader.join(PATIENCE)
        assert code == 0, (code, out, err)
        assert re.fullmatch(complains, err[0])
        return out[0]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()


@pytest.fixture
def start(private_environment):
    ends = []

    def start_end(role, where, **options):
        ends.append(End(private_environment, role, where, options))
        return ends[-1]

    yield start_end
    for end in ends:
        end.close()


class Thread(threading.Thread):
    """A call in a thread of its own; `result` waits for it."""

    def __init__(self, call):
        super().__init__(daemon=True)
        self._call = call
        self.start()

    def run(self):
        try:
            self.returned, self.raised = self._call(), None
        except BaseException as error:
            self.raised = error

    def result(self):
        self.join(PATIENCE)
        assert not self.is_alive(), "it does not end"
        if self.raised:
            raise self.raised
        return self.returned


@pytest.fixture
def background():
    return Thread


@pytest.fixture
def endpoints(tmp_path_factory):
    """The guide's three, as ipc: nobody else has them."""
    place = tmp_path_factory.mktemp("zz")
    return {role: f"ipc://{place}/{role[0]}" for role in ("ventilator", "sink", "control")}
