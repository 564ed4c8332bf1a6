"""H01 and H02: connections that say nothing, and those that say it slowly."""

import threading

import pytest
from zmtp import Closed, Wire, greeting

SILENT = 500


@pytest.fixture(scope="module", params=["without keys", "with keys"])
def worker(request, start_node):
    if request.param == "with keys":
        request.getfixturevalue("lab")
    return start_node()


def test_h01_who_says_nothing_is_sent_away(node):
    silent = [Wire(node.endpoint) for _ in range(SILENT)]
    for one in silent:
        assert len(one.wait_closed()) <= 64, "its greeting, or the beginning of it"
        one.close()


def test_h02_a_greeting_byte_by_byte_does_not_get_to_its_end(connect):
    peer = connect()
    pause = threading.Event()
    with pytest.raises(Closed):
        drip(peer, pause)


def drip(peer, pause):
    for byte in greeting():
        peer.write(bytes([byte]))
        pause.wait(0.25)
