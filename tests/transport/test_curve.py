"""What a handshake comes to, as libzmq tells it: on tcp and on ipc."""

from __future__ import annotations

import pytest
import zmq

from zmqwork.security.pairs import new_pair
from zmqwork.transport.curve import DENIED, GREETED, OTHER_KEY


@pytest.fixture(params=["tcp", "ipc"])
def door(request, house, endpoint):
    return house.router.bind("tcp://127.0.0.1:*" if request.param == "tcp" else endpoint)


def result(house, visitor):
    house.serve(lambda _: visitor.result, "a handshake is over")
    return visitor.result


def test_one_who_is_admitted_is_greeted(house, visit, door):
    visitor = visit(door, house.member())
    assert result(house, visitor) == GREETED
    house.serve(lambda _: visitor.is_connected, "it is connected")


def test_one_who_is_not_admitted_is_denied(house, visit, door):
    visitor = visit(door, new_pair())
    assert result(house, visitor) == DENIED
    assert not visitor.is_connected


def test_one_who_looks_for_another_key(house, visit, door):
    visitor = visit(door, house.member(), new_pair().public)
    assert result(house, visitor) == OTHER_KEY
    assert house.asked == [], "nobody is asked: libzmq could not read its letter"


def test_one_without_a_key(house, visit, door):
    visitor = visit(door)
    assert result(house, visitor) == OTHER_KEY
    assert house.asked == []


def test_one_with_a_key_where_there_are_none(context, make, visit, endpoint):
    router = make(zmq.ROUTER)
    router.bind(endpoint)
    visitor = visit(endpoint, new_pair())
    found = ""
    for _ in range(2000):
        router.getsockopt(zmq.EVENTS)
        if found := visitor.result:
            break
        visitor.socket.poll(10)
    assert found == OTHER_KEY


def test_as_long_as_nobody_answers_nothing_is_known(visit, endpoint):
    visitor = visit(endpoint, new_pair())
    assert visitor.result == ""
    assert not visitor.is_connected
