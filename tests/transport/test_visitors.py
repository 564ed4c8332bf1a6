"""Who has a connection to our bound socket, and the end of one of them."""

import itertools
import os
import socket
import time

import pytest
import zmq
from transport_peers import DOWN, PATIENCE, UP, wait_for

from zmqwork.transport import visitors
from zmqwork.transport.descriptors import borrow, cookie_of, traffic_of
from zmqwork.transport.router import Router


class Later:
    """Errands that the test runs."""

    def __init__(self):
        self.calls = []

    def call_later(self, delay, callback):
        self.calls.append((delay, callback))


@pytest.fixture
def later():
    return Later()


@pytest.fixture
def router(context, later):
    made = Router(context)
    made.watch(context, later)
    made.bind("tcp://127.0.0.1:*")
    yield made
    made.close()


@pytest.fixture
def dial(make, router):
    def dial_up():
        before = len(router.visitors)
        dealer = make(zmq.DEALER)
        dealer.connect(router.endpoints[0])
        wait_for(dealer, UP)
        read_until(router, lambda: len(router.visitors) > before)
        return dealer

    return dial_up


def read_until(router, happened):
    until = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < until
        router.visitors.read()
        router._socket.poll(5)


def test_they_come_and_go(router, dial):
    dealer = dial()
    assert len(router.visitors) == 1
    dealer.close(0)
    read_until(router, lambda: len(router.visitors) == 0)


def test_one_is_ended_and_the_others_stay(router, dial):
    first = dial()
    (descriptor,) = router.visitors._cookies
    second = dial()
    assert router.visitors.end(descriptor)
    wait_for(first, DOWN)
    second.send(b"still here")
    read_until(router, lambda: router._socket.poll(0))
    assert router._socket.recv_multipart()[1] == b"still here"


def test_a_number_that_is_somebody_elses_now_is_left_alone(router, dial):
    """libzmq has closed it, and this process has opened another socket at once."""
    dial()
    (descriptor,) = router.visitors._cookies
    ours, theirs = socket.socketpair()
    with ours, theirs:
        router.visitors._cookies[ours.fileno()] = router.visitors._cookies[descriptor]
        assert not router.visitors.end(ours.fileno())
        theirs.send(b"x")
        assert ours.recv(1) == b"x"


def test_a_descriptor_that_is_closed_or_no_socket(tmp_path):
    with (tmp_path / "file").open("w") as file:
        assert cookie_of(file.fileno()) is None
        assert traffic_of(file.fileno()) is None
        closed = os.dup(file.fileno())
    os.close(closed)
    assert cookie_of(closed) is None
    assert traffic_of(closed) is None
    with borrow(closed, b"x" * 8) as found:
        assert found is None


def test_what_went_over_a_connection():
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
        with ours, theirs:
            theirs.sendall(b"x" * 1000)
            until = time.monotonic() + PATIENCE
            while len(ours.recv(1000, socket.MSG_PEEK)) < 1000:
                assert time.monotonic() < until
            assert traffic_of(ours.fileno()).taken == 0
            ours.recv(600)
            assert traffic_of(ours.fileno()).taken == 600
            assert traffic_of(theirs.fileno()).taken_in == 1000


def test_news_without_end_do_not_end_the_turn(router, later):
    """Where no door can be shut, libzmq tells of failures faster than they are read."""
    refused = (int(zmq.EVENT_ACCEPT_FAILED), 0, b"tcp://127.0.0.1:1")
    taken = itertools.count()

    class Endless:
        def news(self, most):
            for _ in range(most):
                next(taken)
                yield refused

        def close(self):
            real.close()

    real, router.visitors._monitor = router.visitors._monitor, Endless()
    router.visitors.read()
    assert next(taken) == visitors._NEWS_MAX
    assert later.calls[-1] == (0.0, router.visitors.read), "and they are read on"
