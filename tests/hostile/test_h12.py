"""H12: connections until the node has no descriptor left."""

import socket

import pytest
from hostile_node import speak, until

from zmqwork.wire import verbs as v

# Some 200 are in use by libzmq, Python and the pool.
DESCRIPTORS = 256
CROWD = 600


@pytest.fixture(scope="module")
def worker(start_node):
    return start_node(descriptors=DESCRIPTORS)


@pytest.fixture
def crowd(node):
    """Connections that say nothing; some wait in the kernel, and some are not let in at all."""
    host, _, port = node.endpoint.removeprefix("tcp://").partition(":")
    made = []
    for _ in range(CROWD):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex((host, int(port)))
        made.append(one)
    yield made
    for one in made:
        one.close()


def test_h12_all_descriptors_are_taken(node, crowd):
    """Sessions live on (`node` works all the time), and somebody new is let in afterwards."""
    until(lambda: "descriptors are taken" in node.text(), "the node noticed")
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
