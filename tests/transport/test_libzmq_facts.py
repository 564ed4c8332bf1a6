"""What the design builds on and libzmq's documentation does not say, as measured (DESIGN 4)."""

import selectors
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import zmq
from transport_peers import DOWN, READABLE, UP, wait_for

from zmqwork.transport.options import configure


@pytest.mark.parametrize("address", ["ipc", "tcp://127.0.0.1"])
def test_pollout_is_the_state_of_the_link(address, endpoint, make, peers):
    if address != "ipc":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            endpoint = f"{address}:{free.getsockname()[1]}"
    dealer = make(zmq.DEALER)
    dealer.connect(endpoint)
    assert not dealer.getsockopt(zmq.EVENTS) & zmq.POLLOUT
    peer = peers(endpoint)
    wait_for(dealer, UP)
    wait_for(dealer, READABLE)
    assert dealer.recv_multipart(zmq.DONTWAIT) == [b""]  # the ROUTER's probe
    peer.signal(signal.SIGKILL)
    wait_for(dealer, DOWN)  # nothing was sent, and no monitor runs
    with pytest.raises(zmq.Again):
        dealer.send(b"x", zmq.DONTWAIT)
    peer.end()
    peers(endpoint)
    wait_for(dealer, UP)
    wait_for(dealer, READABLE)
    assert dealer.recv_multipart(zmq.DONTWAIT) == [b""]  # a fresh one: a new session


def test_a_router_tells_that_its_peer_is_gone(endpoint, make):
    router, dealer = make(zmq.ROUTER), make(zmq.DEALER)
    router.bind(endpoint)
    dealer.connect(endpoint)
    wait_for(dealer, UP)
    dealer.send(b"hello")
    link, _ = router.recv_multipart()
    dealer.close(0)

    def send_until_it_fails():
        for _ in range(2000):
            router.send_multipart([link, b"x"], zmq.DONTWAIT)
            router.poll(5)

    with pytest.raises(zmq.ZMQError) as caught:
        send_until_it_fails()
    assert caught.value.errno == zmq.EHOSTUNREACH


def test_the_dialling_side_loses_what_it_has_not_read(endpoint, make, peers):
    dealer = make(zmq.DEALER)
    dealer.connect(endpoint)
    peer = peers(endpoint, "burst")
    wait_for(dealer, UP)
    dealer.send(b"hello")
    assert peer.line() == "sent"
    wait_for(dealer, READABLE)
    peer.signal(signal.SIGKILL)
    wait_for(dealer, DOWN)
    survived = 0
    while dealer.poll(200):
        survived += bool(dealer.recv())
    assert survived < 1000, "so nobody may leave before its results are acked"


def test_the_bound_side_keeps_what_it_has_not_read(endpoint, make, context):
    router = make(zmq.ROUTER)
    router.bind(endpoint)
    dealer = context.socket(zmq.DEALER)
    configure(dealer)
    dealer.setsockopt(zmq.LINGER, 2000)
    dealer.connect(endpoint)
    wait_for(dealer, UP)
    for index in range(1000):
        dealer.send(b"%d" % index)
    dealer.close()
    newer = make(zmq.DEALER)
    newer.connect(endpoint)
    wait_for(newer, UP)
    newer.send(b"hello again")
    received = []
    while len(received) < 1001 and router.poll(5000):
        received.append(router.recv_multipart())
    links = {link for link, _ in received}
    assert len(links) == 2, "a link per connection: the older one's messages are told apart"
    assert len(received) >= 900, "they survive, to be dropped by session number"


def test_a_stopped_peer_is_gone_after_a_while_and_back_by_itself(endpoint, make, peers):
    dealer = make(zmq.DEALER)
    dealer.connect(endpoint)
    peer = peers(endpoint)
    wait_for(dealer, UP)
    peer.signal(signal.SIGSTOP)
    wait_for(dealer, DOWN)  # ZMTP's heartbeat: no Python is involved on either side
    peer.signal(signal.SIGCONT)
    wait_for(dealer, UP)


class SlowRelay(threading.Thread):
    """Passes bytes on at about `rate` bytes per second towards the target, freely back."""

    def __init__(self, target, rate):
        super().__init__(daemon=True)
        self.target, self.rate = target, rate
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0.1)
        self.endpoint = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.ended = threading.Event()

    def run(self):
        while not self.ended.is_set():
            try:
                inner, _ = self.listener.accept()
            except OSError:
                continue
            with inner, socket.create_connection(self.target) as outer:
                inner.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                self.relay(inner, outer)

    def relay(self, inner, outer):
        chunk = 16384
        with selectors.DefaultSelector() as selector:
            selector.register(inner, selectors.EVENT_READ, outer)
            selector.register(outer, selectors.EVENT_READ, inner)
            while not self.ended.is_set():
                for key, _ in selector.select(0.05):
                    try:
                        data = key.fileobj.recv(chunk)
                        if not data:
                            return
                        key.data.sendall(data)
                    except OSError:
                        return
                    if key.fileobj is inner:
                        self.ended.wait(len(data) / self.rate)

    def end(self):
        self.ended.set()
        self.join()
        self.listener.close()


@pytest.mark.parametrize("pieces", [1, 32])
def test_a_frame_slower_than_the_heartbeat_never_arrives(pieces, make):
    """The same bytes in pieces do: hence PART."""
    router, dealer = make(zmq.ROUTER), make(zmq.DEALER)
    for end in (router, dealer):
        end.setsockopt(zmq.HEARTBEAT_IVL, 200)
        end.setsockopt(zmq.HEARTBEAT_TIMEOUT, 500)
        end.setsockopt(zmq.HEARTBEAT_TTL, 1000)
    router.bind("tcp://127.0.0.1:*")
    port = int(router.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0").decode().rpartition(":")[2])
    relay = SlowRelay(("127.0.0.1", port), rate=2_000_000)
    relay.start()
    try:
        dealer.connect(relay.endpoint)
        wait_for(dealer, UP)
        payload = bytes(4_000_000 // pieces)
        for _ in range(pieces):
            dealer.send(payload)
        arrived = 0
        while arrived < pieces and router.poll(8000 if pieces > 1 else 4000):
            _, frame = router.recv_multipart()
            arrived += len(frame) == len(payload)
        assert arrived == (0 if pieces == 1 else pieces)
    finally:
        relay.end()


def test_descriptors_per_dialled_link(endpoint, make):
    router = make(zmq.ROUTER)
    router.bind(endpoint)
    before = len(list(Path("/proc/self/fd").iterdir()))
    dealers = [make(zmq.DEALER) for _ in range(100)]
    for dealer in dealers:
        dealer.connect(endpoint)
    for dealer in dealers:
        wait_for(dealer, UP)
    used = len(list(Path("/proc/self/fd").iterdir())) - before
    assert 200 <= used <= 310, "two at the dialling side, one at the bound side"


@pytest.mark.parametrize("unbound", [False, True])
def test_a_listener_takes_its_sessions_along(endpoint, make, unbound):
    router, dealer = make(zmq.ROUTER), make(zmq.DEALER)
    router.bind(endpoint)
    dealer.connect(endpoint)
    wait_for(dealer, UP)
    dealer.send(b"hello")
    link, _ = router.recv_multipart()
    Path(endpoint.removeprefix("ipc://")).unlink()
    if unbound:
        router.unbind(endpoint)
        while not is_down(router, link):
            router.poll(5)
    router.bind(endpoint)
    newer = make(zmq.DEALER)
    newer.connect(endpoint)
    wait_for(newer, UP)
    if not unbound:
        router.send_multipart([link, b"still there"])
        wait_for(dealer, READABLE)


def is_down(router, link):
    try:
        router.send_multipart([link, b"x"], zmq.DONTWAIT)
    except zmq.ZMQError as error:
        return error.errno == zmq.EHOSTUNREACH
    return False


SENDS_AND_LEAVES = """
import sys, zmq
with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
    socket.linger = -1
    socket.bind(sys.argv[1])
    for number in range(40):
        socket.send(b"%03d" % number + bytes(1000))
"""


def received_from_one_who_has_left(socket, endpoint):
    """How many of 40 messages arrive where nobody reads before the sender has gone."""
    socket.connect(endpoint)
    subprocess.run([sys.executable, "-c", SENDS_AND_LEAVES, endpoint], timeout=30, check=True)
    received = 0
    while socket.poll(500):
        assert socket.recv().startswith(b"%03d" % received)
        received += 1
    return received


def test_a_full_receive_pipe_loses_what_a_local_sender_has_left_behind(endpoint, context):
    """Although the sender lingers for ever: libzmq #4660, and why `Departure` is there."""
    with context.socket(zmq.PULL) as socket:
        socket.rcvhwm = 1
        assert 0 < received_from_one_who_has_left(socket, endpoint) < 40


def test_with_tcp_a_full_receive_pipe_loses_nothing(context):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with context.socket(zmq.PULL) as pull:
        pull.rcvhwm = 1
        assert received_from_one_who_has_left(pull, f"tcp://127.0.0.1:{port}") == 40
