"""A node that could not start is none that runs, or has left: whoever asks it is told."""

from __future__ import annotations

import dataclasses

import pytest

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
