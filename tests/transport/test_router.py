"""The bound socket, with peers that speak by hand."""

import os
import time
from pathlib import Path
from random import Random

import pytest
import zmq
from transport_peers import PATIENCE, READABLE, wait_for

from zmqwork.config import WorkerConfig
from zmqwork.core.effects import Forget, Send
from zmqwork.core.link_events import Received
from zmqwork.core.messages import Hello, Ping
from zmqwork.core.runner import Runner
from zmqwork.errors import TransportError
from zmqwork.transport.router import REMOVED_MAX, Router
from zmqwork.wire.codec import encode
from zmqwork.wire.parts import cut

HALF = cut(1, os.urandom(600_000))[:2]  # two of its three parts


class Bound:
    """A router and a worker's machine, turned by hand."""

    def __init__(self, context, endpoint):
        self.router = Router(context)
        self.router.bind(endpoint)
        self.machine = Runner(WorkerConfig(node_id="0" * 32, name="w", realm="r"), Random(1))
        self.perform(self.machine.tick(100.0))

    def perform(self, effects):
        for effect in effects:
            if isinstance(effect, Forget):
                self.router.forget(effect.link)
            elif isinstance(effect, Send):
                self.router.send(effect.link, effect.number, effect.message)

    def handle(self, *events):
        for event in events:
            self.perform(self.machine.handle(event, 100.0))
        self.perform(self.machine.tick(100.0))

    def read(self):
        """Wait for something, and handle it; the events."""
        wait_for(self.router._socket, READABLE)
        events = []
        self.router.receive(events)
        self.handle(*events)
        return events

    @property
    def kept_bytes(self):
        return sum(decoder.reassembly_bytes for _, decoder in self.router._decoders.values())


@pytest.fixture
def bound(context, endpoint):
    made = Bound(context, endpoint)
    yield made
    made.router.close()


@pytest.fixture
def dial(make, endpoint):
    def dial_and_send(*messages):
        dealer = make(zmq.DEALER)
        dealer.connect(endpoint)
        for frames in messages:
            dealer.send_multipart(frames)
        return dealer

    return dial_and_send


def hello(session=1):
    [frames] = encode(1, Hello(session, "1" * 32, "producer", "p", "r", (1, 1)))
    return frames


def test_a_link_that_vanishes_within_a_transfer_leaves_nothing(bound, dial):
    dealer = dial(hello(), *HALF)
    until = time.monotonic() + PATIENCE
    while bound.kept_bytes < 2 * 262_144:
        assert time.monotonic() < until
        bound.read()
    [link] = bound.router._decoders
    dealer.close(0)
    number, down = 10, None
    while down is None:
        assert time.monotonic() < until
        number += 1
        down = bound.router.send(link, number, Ping(number))
    bound.handle(down)
    assert bound.router._decoders == {}


def test_a_link_that_was_refused_keeps_nothing(bound, dial):
    [ping] = encode(1, Ping(1))
    dial(ping, *HALF, ping)  # which may come one by one, or together
    pings = 0
    while pings < 2:
        pings += sum(len(e.messages) for e in bound.read() if isinstance(e, Received))
    assert bound.router._decoders == {}


def test_an_older_link_that_is_read_late_keeps_nothing(bound, dial):
    dial(hello(session=2))
    bound.read()
    [link] = bound.router._decoders
    dial(hello(session=1))
    bound.read()
    assert list(bound.router._decoders) == [link]


def open_files():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_sessions_go_on_when_the_socket_file_is_bound_again(bound, dial, endpoint):
    dealer = dial(hello())
    bound.read()
    Path(endpoint.removeprefix("ipc://")).unlink()
    bound.router.bind_again(endpoint)
    [ping] = encode(2, Ping(7))
    dealer.send_multipart(ping)
    [received] = bound.read()
    assert received.messages == [(2, Ping(7))]
    dial(hello(session=2))
    assert bound.read(), "and a new one reaches it"


def test_what_is_bound_again_and_again_keeps_few_descriptors(bound, dial, endpoint):
    before = open_files()
    for _ in range(3 * REMOVED_MAX):
        Path(endpoint.removeprefix("ipc://")).unlink()
        bound.router.bind_again(endpoint)
    until = time.monotonic() + PATIENCE
    while open_files() > before + REMOVED_MAX + 1:  # libzmq closes them in its own thread
        assert time.monotonic() < until
        bound.router._socket.poll(1)
    dial(hello())
    assert bound.read()


def test_without_its_directory_it_cannot_be_bound_again(bound, dial, endpoint, tmp_path):
    path = Path(endpoint.removeprefix("ipc://"))
    path.unlink()
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    with pytest.raises(TransportError, match="cannot bind"):
        bound.router.bind_again(endpoint)
    moved.rename(tmp_path)
    bound.router.bind_again(endpoint)
    dial(hello())
    assert bound.read()
