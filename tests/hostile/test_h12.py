"""H12: connections until the node has no descriptor left."""

from contextlib import suppress

import pytest
from hostile_node import speak, until
from zmtp import Wire

from zmqwork.wire import verbs as v

DESCRIPTORS = 256


@pytest.fixture(scope="module")
def worker(start_node):
    return start_node(descriptors=DESCRIPTORS)


def is_full(node):
    return "descriptors are taken" in node.text()


@pytest.fixture
def crowd(node):
    """Connections that say nothing, until the node has noticed; the last ones are not let in."""
    made = []
    while not is_full(node):
        assert len(made) < 4 * DESCRIPTORS
        with suppress(TimeoutError):
            made.append(Wire(node.endpoint, patience=0.2))
    yield made
    for one in made:
        one.close()


def test_h12_all_descriptors_are_taken(node, crowd):
    """Sessions live on (`node` works all the time), and somebody new is let in afterwards."""
    for one in crowd:
        one.close()
    newer = until(lambda: try_to_speak(node), "somebody new was let in")
    assert newer.run("echo", 1)[1] == [1]
    newer.peer.close()
    assert node.text().count("descriptors are taken") == 1


def try_to_speak(node):
    try:
        newer = speak(node)
        newer.expect(v.WELCOME)
    except OSError:
        return None
    return newer
