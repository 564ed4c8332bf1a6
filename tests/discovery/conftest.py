from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from mdns_ends import Seeker, Stranger

from zmqwork.discovery.interfaces import Interfaces
from zmqwork.discovery.record import Record
from zmqwork.security.contents import DISCOVERY_KEY_BYTES
from zmqwork.security.keyring import Keyring, Watched
from zmqwork.security.pairs import new_pair
from zmqwork.security.roster import Key, Member, Roster

REALM = "test realm / with a slash"

ANNOUNCER = """
import os, sys
from zmqwork.discovery.directory import LocalDirectory
from zmqwork.discovery.record import Record

realm, node_id = sys.argv[1:3]
directory = LocalDirectory(realm)
socket = directory.socket_path(node_id)
socket.touch()
directory.announce(Record(node_id, "worker", "w", realm, (f"ipc://{socket}",), os.getpid(), "h"))
print("announced", flush=True)
command = sys.stdin.readline()
if command == "fork\\n":
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"x")
        sys.stdin.readline()
        os._exit(0)
    os.read(reading, 1)
    print(child, flush=True)
    sys.stdin.readline()
directory.close()
"""


def _record(node_id="a" * 32, endpoints=("ipc:///nowhere",), realm=REALM, pid=1):
    return Record(node_id, "worker", "w", realm, tuple(endpoints), pid, "host")


@pytest.fixture
def record():
    """Make records: call it with what matters to the test."""
    return _record


class Cluster:
    """Members that trust each other, with keys that are on no disk."""

    def __init__(self, *names):
        self.pairs = {name: new_pair() for name in names}
        self.discovery_key = os.urandom(DISCOVERY_KEY_BYTES)

    def keyring(self, name, *, without=(), pair=None):
        """What this member has; in its roster the members `without` are revoked."""
        pairs = self.pairs if pair is None else self.pairs | {name: pair}
        members = tuple(
            Member(it, ("worker", "producer"), (Key(found.public),), it in without)
            for it, found in pairs.items()
        )
        roster = Roster("lab", 1, members)
        return Keyring(Path("/nowhere"), name, pairs[name], roster, self.discovery_key)

    def keys(self, name):
        """The same, as a running node has it; its `keyring` may be replaced."""
        keyring = self.keyring(name)
        return Watched(keyring.place, lambda _: keyring)


@pytest.fixture
def cluster():
    return Cluster("desk", "node7", "node8")


@pytest.fixture
def make_cluster():
    return Cluster


@pytest.fixture
def runtime(monkeypatch):
    """A runtime directory of the test's own, with a path short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="zw-", dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    monkeypatch.delenv("ZMQWORK_PEERS", raising=False)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def announce(runtime):
    """Start processes that announce themselves: call it with a node id."""
    processes = []

    def start(node_id):
        process = subprocess.Popen(
            [sys.executable, "-c", ANNOUNCER, REALM, node_id],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        processes.append(process)
        return process

    def started(*node_ids):
        new = [start(node_id) for node_id in node_ids]
        for process in new:
            assert process.stdout.readline() == "announced\n"
        return new

    yield started
    for process in processes:
        process.kill()
        process.communicate()


def _wait_until(condition, what, patience=20.0):
    """Look again and again; the bound is for a machine that is very busy."""
    give_up_at = time.monotonic() + patience
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < give_up_at, f"waited {patience:g} s in vain until {what}"
        pause.wait(0.01)


@pytest.fixture
def wait_until():
    return _wait_until


@pytest.fixture
def realm():
    """A realm of the test's own: other tests may announce on this loopback as well."""
    return f"realm-{secrets.token_hex(8)}"


@pytest.fixture
def make_mdns(realm):
    made = []

    def make(name=realm, chosen=None, keys=None):
        made.append(Seeker(name, chosen or Interfaces(), keys))
        return made[-1]

    yield make
    for it in made:
        it.close()
        assert not it.thread.is_alive()


@pytest.fixture
def stranger():
    it = Stranger()
    yield it
    it.close()
