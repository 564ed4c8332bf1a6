"""H26: heartbeats without end, and clocks that are wrong."""

import threading

import msgpack
import pytest
from hostile_node import until
from zmtp import Closed, frame

from zmqwork.wire import verbs as v

PINGS = 100_000


def pings(someone, count):
    """So many PINGs as bytes."""
    first = someone.number + 1
    someone.number += count
    return b"".join(
        frame(msgpack.packb([v.PING, number, number, 0.0]))
        for number in range(first, first + count)
    )


def test_h26_a_storm_of_heartbeats(speaker):
    """Of which some are answered; see `core.request_rate`."""
    someone = speaker()
    someone.expect(v.WELCOME)
    storm = pings(someone, PINGS)
    writer = threading.Thread(target=someone.peer.write, args=(storm,))
    writer.start()
    assert someone.hear(v.PONG, answers=False)
    writer.join()
    assert someone.run("echo", 1)[1] == [1]


def test_h26_who_never_reads_the_answers_is_ended(speaker, node):
    """Answers must not fill our memory for ever."""
    someone = speaker(role="observer")
    someone.expect(v.WELCOME)
    with pytest.raises(Closed):
        ask_for_ever(someone)
    until(lambda: "does not take in" in node.text(), "the log tells why")


def ask_for_ever(someone):
    """INFOs, whose answers are a hundred times as long; a bounded number of them."""
    pause = threading.Event()
    for _ in range(6000):
        for _ in range(10):
            someone.say(v.INFO, 1)
        pause.wait(0.01)


@pytest.mark.parametrize("lag", [1e300, 3.3e10, -1.0, float("nan"), float("inf"), "1", None])
def test_h26_a_lag_that_cannot_be(speaker, lag):
    someone = speaker()
    someone.expect(v.WELCOME)
    someone.say(v.PING, 1, lag)
    assert someone.refusal()[0] == "order"


@pytest.mark.parametrize("lag", [0.0, 86_400.0, 3.2e10])
def test_h26_a_lag_that_can_be_decides_nothing_here(speaker, lag):
    someone = speaker()
    someone.expect(v.WELCOME)
    someone.say(v.PING, 1, lag)
    someone.settle()
    assert someone.run("echo", 1)[1] == [1]


def test_h26_echoes_of_heartbeats_that_were_never_sent(speaker):
    someone = speaker()
    someone.expect(v.WELCOME)
    for sequence in (0, 2**32, 2**64 - 1):
        someone.say(v.PONG, sequence, 0.0)
    someone.settle()
    assert someone.run("echo", 1)[1] == [1]


@pytest.mark.parametrize("interval", [0.0, -1.0, 1e-9, 1e9, float("nan"), float("inf")])
def test_h26_an_interval_that_cannot_be(connect, node, interval):
    peer = connect().open()
    hello = [v.HELLO, 1, 1, "ab" * 16, "producer", "n", node.realm, [1, 1], 0, interval]
    peer.send(msgpack.packb(hello))
    assert peer.receive() == [b""]
    assert msgpack.unpackb(peer.receive()[0])[2] == "order"
