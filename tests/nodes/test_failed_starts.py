"""A node that could not start is none that runs, or has left: whoever asks it is told."""

from __future__ import annotations

import pytest

from zmqwork import App
from zmqwork.errors import TransportError, UsageError


@pytest.mark.parametrize("role", ["worker", "sink"])
def test_a_node_that_cannot_bind(realm, role):
    app = App(realm)

    @app.task
    def double(number):
        return 2 * number

    @app.sink
    def store(results):
        return None

    def make(bind):
        return app.worker(1, "thread", bind=bind) if role == "worker" else store.node(bind=bind)

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
