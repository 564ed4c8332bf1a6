"""A node that could not start is none that runs, or has left: whoever asks it is told."""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest
from node_processes import PATIENCE

from zmqwork import App
from zmqwork.errors import TransportError, UsageError


@pytest.fixture(params=["worker", "sink"])
def make(request, realm):
    """Make a node of either kind, not started."""
    app = App(realm)

    @app.task
    def double(number):
        return 2 * number

    @app.sink
    def store(results):
        return None

    def make(bind=()):
        if request.param == "worker":
            return app.worker(1, "thread", bind=bind)
        return store.node(bind=bind)

    return make


def test_a_node_that_cannot_bind(make):
    with make(["tcp://127.0.0.1:*"]) as first:
        taken = [endpoint for endpoint in first.endpoints if endpoint.startswith("tcp://")]
        node = make(taken)
        assert repr(node).endswith("not started>")
        for ask in (node.wait, node.status):
            with pytest.raises(UsageError, match="start it first"):
                ask()
        with pytest.raises(TransportError):
            node.start()
    assert repr(node).endswith("could not start>")
    for ask in (node.wait, node.status):
        with pytest.raises(UsageError, match="could not start>: make another one"):
            ask()
    with pytest.raises(UsageError, match="was started already: make another one"):
        node.start()
    assert (node.stop(), node.has_left, node.has_failed) == (None, False, False)


def test_a_node_that_was_made_before_a_fork(make):
    """It would run, under the name of its parent, and refuse to be asked, drained or stopped."""
    node = make()
    node._config = dataclasses.replace(node.config, pid=1)
    with pytest.raises(UsageError, match="not started> belongs to process 1, not to a fork of it"):
        node.start()


@pytest.fixture
def no_threads():
    """No thread can be started, as where a limit of the system is reached."""
    before = threading.stack_size(1 << 47)
    yield lambda: threading.stack_size(before)
    threading.stack_size(before)


def test_a_node_that_gets_no_thread(make, no_threads):
    node = make()
    with pytest.raises(RuntimeError, match="can't start new thread"):
        node.start()
    no_threads()
    assert repr(node).endswith("could not start>")
    for ask in (node.wait, node.status):
        with pytest.raises(UsageError, match="make another one"):
            ask()
    assert not list(node._discovery.directory.path.iterdir()), "nobody finds it"
    with make():
        pass  # (a sink's store is free)


def in_time(call):
    """What the call returns, if it does."""
    answer = Future()
    threading.Thread(target=lambda: answer.set_result(call()), daemon=True).start()
    return answer.result(PATIENCE)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_node_that_cannot_clean_up_has_left_all_the_same(make):
    node = make().start()
    (file,) = Path(node._discovery.directory.path).glob("*.node")
    file.unlink()
    file.mkdir()  # which is no file to unlink
    node.stop()
    assert node.has_left
    assert in_time(node.status) == {}
    if hasattr(node, "wait_complete"):
        assert not in_time(node.wait_complete)
