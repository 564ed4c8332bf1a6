"""Machines of a user's: hosts with directories of their own, which nothing but a network joins."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from hosts import PATIENCE

ROOT = Path(__file__).resolve().parent.parent
_COMMAND = [sys.executable, "-m", "zmqwork"]


class Machine:
    """A host on which the commands of a user are run.

    Args:
        host: on a switch.
        apps: the directory of the apps that its commands load.
    """

    def __init__(self, host, apps):
        self.name = host.name
        # (Short: the path of a socket has a limit, and a directory that is too long is passed over.)
        self._place = Path(tempfile.mkdtemp(prefix="zw-", dir="/tmp"))
        self._enter = host.enter
        clean = {name: v for name, v in os.environ.items() if not name.startswith("ZMQWORK_")}
        self._environment = clean | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(apps)])}
        for folder, variable in {
            "run": "XDG_RUNTIME_DIR",
            "config": "XDG_CONFIG_HOME",
            "state": "XDG_STATE_HOME",
        }.items():
            (self._place / folder).mkdir(mode=0o700)
            self._environment[variable] = str(self._place / folder)
        self.keys = self._place / "config" / "zmqwork" / "keys"
        self._workers = []

    def run(self, *words):
        """A command that ends by itself."""
        return subprocess.run(
            [*self._enter, *_COMMAND, *words],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
            check=False,
        )

    def do(self, *words):
        """The same, and it succeeds; its output."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def worker(self, app, *words):
        """Started, and introduced; what it said of itself is its `told`."""
        process = subprocess.Popen(
            [*self._enter, *_COMMAND, "worker", app, "-c", "1", "-o", "json", *words],
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._workers.append(process)
        process.told = json.loads(process.stdout.readline())
        return process

    def end(self):
        for process in self._workers:
            process.kill()
            process.communicate()
        shutil.rmtree(self._place)


def make_cluster(first, *others):
    """Keys for all of them: the first one is the admin, the others are its workers and sinks."""
    first.do("keys", "init", "--cluster", "lab")
    for other in others:
        add(first, other)


def add(admin, other, roles="worker,sink"):
    """Another machine is let in, as the README shows it."""
    bundle = str(admin.keys.parent / f"{other.name}.zwk")
    admin.do("keys", "add", other.name, "--role", roles, "-o", bundle)
    other.do("keys", "join", bundle)
