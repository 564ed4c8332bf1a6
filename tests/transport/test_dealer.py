from __future__ import annotations

import select

import pytest
import zmq

from zmqwork.core.link_events import LinkUp, Received
from zmqwork.core.messages import Done, Ping
from zmqwork.transport.dealer import Dealer
from zmqwork.wire.codec import encode


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_it_dials_ipv4_and_ipv6(host):
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.setsockopt(zmq.IPV6, 1)
    router.setsockopt(zmq.PROBE_ROUTER, 1)
    try:
        port = router.bind_to_random_port(f"tcp://{host}")
    except zmq.ZMQError as error:
        router.close(0)
        context.term()
        pytest.skip(f"this machine has no {host}: {error}")
    dealer = Dealer(context, 1, f"tcp://{host}:{port}")
    events = []
    while not events:
        dealer.receive(events)
        if not events:
            assert select.select([dealer.fd], [], [], 20.0)[0], "it is not connected"
    assert events == [LinkUp(1)]
    dealer.close()
    router.close(0)
    context.term()


def test_a_large_message_ends_an_event():
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.setsockopt(zmq.PROBE_ROUTER, 1)
    port = router.bind_to_random_port("tcp://127.0.0.1")
    dealer = Dealer(context, 1, f"tcp://127.0.0.1:{port}")
    events = []

    def numbers():
        received = [event for event in events if isinstance(event, Received)]
        return [[number for number, _ in event.messages] for event in received]

    def read_until(is_enough):
        while not is_enough():
            if not dealer.receive(events):
                select.select([dealer.fd], [], [], 0.1)

    read_until(lambda: LinkUp(1) in events)
    assert dealer.send(1, Ping(1))
    link = router.recv_multipart()[0]
    small, large = Ping(2), Done(1, [1], [1], [b"x" * 5_000], [], {})
    for number, message in enumerate([small, large, small], 1):
        for frames in encode(number, message):
            router.send_multipart([link, *frames])
    read_until(lambda: sum(map(len, numbers())) == 3)
    assert [number for some in numbers() for number in some] == [1, 2, 3]
    assert not any(2 in some[:-1] for some in numbers())
    dealer.close()
    router.close(0)
    context.term()
