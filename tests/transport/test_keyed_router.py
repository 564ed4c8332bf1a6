"""A bound socket with keys: whose each message is, and how all connections are ended."""

from __future__ import annotations

import select
import socket

import pytest
import zmq
from keyed import House
from test_zap import said, say

from zmqwork.core.link_events import Garbled, Received
from zmqwork.core.messages import Ping
from zmqwork.security.pairs import fingerprint, new_pair
from zmqwork.transport import curve
from zmqwork.transport.curve import GREETED, OTHER_KEY
from zmqwork.wire.codec import encode


@pytest.fixture(params=["tcp", "ipc"])
def door(request, house, endpoint):
    return house.router.bind("tcp://127.0.0.1:*" if request.param == "tcp" else endpoint)


def connected(house, *visitors):
    house.serve(lambda _: all(visitor.is_connected for visitor in visitors), "they are connected")


def gone(house, *visitors):
    house.serve(lambda _: not any(visitor.is_connected for visitor in visitors), "they are gone")


def test_garbage_has_an_owner_too(house, visit, door):
    pair = house.member()
    visitor = visit(door, pair)
    connected(house, visitor)
    say(visitor, 1, Ping(1))
    visitor.socket.send_multipart([b"garbage"])
    say(visitor, 2, Ping(2))
    events = house.serve(lambda events: len(said(events)) == 2, "both are read")
    assert [event.fingerprint for event in events if isinstance(event, Garbled)] == [
        fingerprint(pair.public)
    ]
    assert {event.fingerprint for event in events} == {fingerprint(pair.public)}


def test_without_keys_nobody_has_a_name(context, make, endpoint):
    house = House(context)
    house.router.close()
    house.router = type(house.router)(context)
    bound = house.router.bind(endpoint)
    dealer = make(zmq.DEALER)
    dealer.connect(bound)
    dealer.send_multipart(encode(1, Ping(1))[0])
    events = house.serve(said, "it is read")
    assert said(events) == [(Ping(1), "")]
    house.close()


def test_a_link_that_another_key_takes_over_is_told_by_its_key(house, make, door):
    """A routing id is what its peer has chosen."""
    # Ours do not permit it while its owner is there; when that has gone, they do.
    house.router._socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
    one, two = house.member(), house.member()
    for pair, words in ((one, 1), (two, 2)):
        dealer = make(zmq.DEALER)
        dealer.setsockopt(zmq.ROUTING_ID, b"mine")
        curve.dial(dealer, pair, house.pair.public)
        dealer.connect(door)
        house.serve(lambda _, d=dealer: d.getsockopt(zmq.EVENTS) & zmq.POLLOUT, "it is connected")
        dealer.send_multipart(encode(words, Ping(words))[0])
        events = house.serve(said, "it is heard")
        (received,) = [event for event in events if isinstance(event, Received)]
        assert (received.link, received.fingerprint) == (b"mine", fingerprint(pair.public))
    assert house.router._decoders[b"mine"][0] == fingerprint(one.public), "until that is forgotten"


def test_all_connections_end_and_honest_ones_come_back(house, visit, door):
    pairs = [house.member() for _ in range(3)]
    visitors = [visit(door, pair) for pair in pairs]
    connected(house, *visitors)
    house.admitted.discard(pairs[0].public)
    house.router.rebind()
    gone(house, *visitors)
    connected(house, *visitors[1:])
    house.serve(lambda _: pairs[0].public in {p for p, _ in house.asked[3:]}, "the other has tried")
    assert not visitors[0].is_connected
    assert house.router.endpoints == [door]
    for number, visitor in enumerate(visitors[1:], 1):
        say(visitor, 1, Ping(number))
    events = house.serve(lambda events: len(said(events)) == 2, "they are heard")
    assert {whose for _, whose in said(events)} == {fingerprint(pair.public) for pair in pairs[1:]}


def test_it_may_be_bound_anew_again_and_again(house, visit, door):
    visitor = visit(door, house.member())
    for _ in range(5):
        connected(house, visitor)
        house.router.rebind()
        gone(house, visitor)
    connected(house, visitor)


def test_with_another_pair_only_that_one_is_there(house, visit, door):
    member = house.member()
    old, fresh = house.pair, new_pair()
    first = visit(door, member)
    connected(house, first)
    house.router.rebind(fresh)
    gone(house, first)
    second = visit(door, member, fresh.public)
    connected(house, second)
    assert second.result == GREETED
    third = visit(door, member, old.public)
    house.serve(lambda _: third.result, "a handshake is over")
    assert third.result == OTHER_KEY
    assert not first.is_connected


def test_also_on_several_endpoints(house, visit, tmp_path):
    member = house.member()
    places = ["tcp://127.0.0.1:*", f"ipc://{tmp_path}/one", f"ipc://{tmp_path}/two"]
    doors = [house.router.bind(place) for place in places]
    visitors = [visit(door, member) for door in doors]
    connected(house, *visitors)
    house.router.rebind()
    gone(house, *visitors)
    connected(house, *visitors)


def test_an_address_that_somebody_took_is_tried_again_and_the_others_are_there(house, visit):
    member = house.member()
    taken, other = (house.router.bind("tcp://127.0.0.1:*") for _ in range(2))
    house.router._socket.unbind(taken)
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        take(squatter, int(taken.rpartition(":")[2]))
        assert "cannot bind" in house.router.rebind()
        assert house.router.unbound == [taken]
        connected(house, visit(other, member))
        assert "cannot bind" in house.router.bind_unbound()
    assert house.router.bind_unbound() == ""
    connected(house, visit(taken, member))


def take(squatter, port):
    """Bind and listen, as soon as libzmq's own thread has let go of the port."""
    for _ in range(1_000):
        try:
            squatter.bind(("127.0.0.1", port))
            squatter.listen()
        except OSError:
            select.select([], [], [], 0.005)
        else:
            return
    raise AssertionError("libzmq keeps the port")
