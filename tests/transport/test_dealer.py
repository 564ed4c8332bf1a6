from __future__ import annotations

import select

import pytest
import zmq

from zmqwork.core.link_events import LinkUp
from zmqwork.transport.dealer import Dealer


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
