"""The self-test of a node with keys: it fails where somebody gets in, and only there."""

from __future__ import annotations

import pytest
import zmq
from keyed import House

from zmqwork.errors import KeysError, TransportError
from zmqwork.security.pairs import new_pair
from zmqwork.transport import curve, selftest
from zmqwork.transport.router import Router


def check(endpoints, pair, serve=lambda: None):
    """Run it; the strangers that it has announced."""
    announced = []
    selftest.check(endpoints, pair, serve, announced.append)
    return announced


def test_a_router_with_keys_and_a_gatekeeper_passes(house, endpoint):
    bound = [house.router.bind(place) for place in ("tcp://127.0.0.1:*", endpoint)]
    (stranger,) = check(bound, house.pair, lambda: house.keeper.receive([]))
    assert {public for public, _ in house.asked} == {stranger}, "it was judged, and not let in"
    assert len(house.asked) == 2


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])
def test_one_that_listens_everywhere_is_tried_on_this_machine(house, context, host):
    house.router._socket.setsockopt(zmq.IPV6, 1)
    try:
        bound = house.router.bind(f"tcp://{host}:*")
    except TransportError as error:
        pytest.skip(f"this machine has no {host}: {error}")
    assert host in bound or "[::" in bound
    check([bound], house.pair, lambda: house.keeper.receive([]))
    assert house.asked


@pytest.mark.parametrize("scheme", ["tcp", "ipc"])
def test_a_router_without_keys_fails(context, endpoint, scheme):
    router = Router(context)
    bound = router.bind("tcp://127.0.0.1:*" if scheme == "tcp" else endpoint)
    with pytest.raises(
        KeysError, match=r"has got in at .* without a key: this is not safe"
    ) as caught:
        check([bound], new_pair(), lambda: router.receive([]))
    assert bound in str(caught.value)
    router.close()


def test_one_open_endpoint_among_safe_ones_is_enough(house, context):
    safe = house.router.bind("tcp://127.0.0.1:*")
    router = Router(context)
    bound = router.bind("tcp://127.0.0.1:*")

    def serve():
        house.keeper.receive([])
        router.receive([])

    with pytest.raises(KeysError, match=bound):
        check([safe, bound], house.pair, serve)
    router.close()


def curve_alone(socket, pair):
    """What `curve.serve` would be without ZAP ("Stonehouse")."""
    socket.setsockopt(zmq.CURVE_SERVER, 1)
    socket.setsockopt(zmq.CURVE_SECRETKEY, pair.secret.encode())


def curve_without_enforcing(socket, pair):
    """A domain alone: libzmq lets everybody in where nobody answers."""
    curve_alone(socket, pair)
    socket.setsockopt(zmq.ZAP_DOMAIN, curve.DOMAIN)


@pytest.mark.parametrize("serve", [curve_alone, curve_without_enforcing])
def test_a_router_that_admits_every_key_fails(context, monkeypatch, serve):
    monkeypatch.setattr(curve, "serve", serve)
    pair = new_pair()
    router = Router(context, pair)
    bound = router.bind("tcp://127.0.0.1:*")
    with pytest.raises(KeysError, match="with a key that is in no roster"):
        check([bound], pair, lambda: router._socket.getsockopt(zmq.EVENTS))
    router.close()


def test_a_gatekeeper_that_says_yes_to_all_fails(context):
    house = House(context)
    house.keeper._admit = lambda public, address: "somebody"
    bound = house.router.bind("tcp://127.0.0.1:*")
    with pytest.raises(KeysError, match="with a key that is in no roster"):
        check([bound], house.pair, lambda: house.keeper.receive([]))
    house.close()


def test_where_nobody_answers_nobody_is_let_in(house, monkeypatch):
    monkeypatch.setattr(selftest, "_TIMEOUT", 0.05)
    check([house.router.bind("tcp://127.0.0.1:*")], house.pair)
    assert house.asked == []


def test_nothing_of_it_is_left(house):
    bound = house.router.bind("tcp://127.0.0.1:*")
    check([bound], house.pair, lambda: house.keeper.receive([]))
    events = []
    house.router.receive(events)
    assert events == [], "nobody has said anything"
