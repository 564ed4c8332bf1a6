"""One worker and one honest producer for all tests of a file; each test checks that both are well."""

import os
import secrets
import shutil
import tempfile
import threading
from pathlib import Path

import pytest
from hostile_lab import Lab
from hostile_node import HERE, ROOT, RSS_GROWTH_MAX, Honest, Node, speak, until
from zmtp import Peer

from zmqwork.security.keyring import NO_KEYS


@pytest.fixture(scope="module")
def place():
    """Private directories, with paths short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="zw-", dir="/tmp"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(HERE)]))
        patch.delenv("ZMQWORK_PEERS", raising=False)
        patch.setenv("ZMQWORK_KEYS", "none")
        for name, folder in {
            "XDG_RUNTIME_DIR": "run",
            "XDG_CONFIG_HOME": "config",
            "XDG_STATE_HOME": "state",
        }.items():
            (path / folder).mkdir(0o700)
            patch.setenv(name, str(path / folder))
        patch.setenv("ZMQWORK_KEYS", NO_KEYS)
        yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def lab(place):
    """Keys, which all nodes of the file have: ask for it before the worker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZMQWORK_KEYS", str(place / "keys"))
        yield Lab(place)


@pytest.fixture(scope="module")
def keyed(lab, start_node):
    """A worker with keys."""
    return start_node()


@pytest.fixture(scope="module")
def start_node(place):
    """Start a worker, and wait until somebody honest was served; ended after the file's tests."""
    nodes = []

    def start(*words, **options):
        node = Node(f"hostile-{secrets.token_hex(4)}", *words, **options)
        nodes.append(node)
        node.honest = Honest(node)
        return node

    yield start
    for node in nodes:
        if node.honest is not None:
            node.honest.end()
        node.end()


@pytest.fixture(scope="module")
def worker(start_node):
    return start_node()


@pytest.fixture
def node(worker):
    """The worker. What must hold after every attack is checked here, and meanwhile."""
    yield from unharmed(worker)


def unharmed(worker):
    """Somebody honest works while the test runs, and afterwards; the worker is well."""
    before, said = worker.rss(), len(worker.lines)
    ended = threading.Event()
    troubles = []

    def work():
        try:
            while not ended.is_set():
                worker.honest.work()
        except BaseException as error:
            troubles.append(error)

    honest = threading.Thread(target=work)
    honest.start()
    try:
        yield worker
    finally:
        ended.set()
        honest.join()
    assert troubles == []
    worker.honest.work()
    assert worker.is_up()
    assert "Traceback" not in "".join(worker.lines[said:])
    until(lambda: worker.rss() - before <= RSS_GROWTH_MAX, "its memory came back")


@pytest.fixture
def connect(node):
    """Raw connections to the node, closed at the end."""
    made = []

    def make(kind=Peer, *args):
        made.append(kind(node.endpoint, *args))
        return made[-1]

    yield make
    for peer in made:
        peer.close()


@pytest.fixture
def speaker(node):
    """Somebody with a session."""
    made = []

    def make(**options):
        made.append(speak(node, **options))
        return made[-1]

    yield make
    for one in made:
        one.peer.close()
