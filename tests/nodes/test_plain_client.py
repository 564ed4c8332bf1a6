"""A client that knows pyzmq, msgpack and docs/protocol.md, and nothing of zmqwork."""

import msgpack
import pytest
import work_app
import zmq

from zmqwork.wire import verbs as v


class PlainClient:
    def __init__(self, endpoint, realm, *, protocol=(1, 1)):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(endpoint)
        self.number = 0
        self.send(v.HELLO, 1, "ab" * 16, "producer", "plain", realm, list(protocol), 0, 1.0)

    def send(self, verb, *fields):
        self.number += 1
        self.socket.send(msgpack.packb([verb, self.number, *fields]))

    def receive(self, *wanted):
        while self.socket.poll(20_000):
            frames = self.socket.recv_multipart()
            if frames == [b""]:
                continue  # the ROUTER's probe
            verb, _, *fields = msgpack.unpackb(frames[0], strict_map_key=False)
            if verb in wanted:
                return verb, fields
        return pytest.fail(f"none of {wanted} came")

    def close(self):
        self.socket.close()
        self.context.term()


@pytest.fixture
def endpoint(realm):
    with work_app.app.worker(1, pool="inline", realm=realm, bind=["tcp://127.0.0.1:*"]) as worker:
        yield next(e for e in worker.endpoints if e.startswith("tcp://"))


@pytest.fixture
def connect(endpoint, realm):
    made = []

    def make(in_realm=realm, **options):
        made.append(PlainClient(endpoint, in_realm, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


def test_submit_and_result_by_hand(connect):
    client = connect()
    _, welcome = client.receive(v.WELCOME)
    assert welcome[2] == "worker"
    assert "echo" in welcome[12]
    _, credit = client.receive(v.CREDIT)
    assert credit[0] >= 1
    args = msgpack.packb([["by hand"], {}])
    client.send(v.TASKS, [["echo", {}, 1, [1], [args]]])
    _, done = client.receive(v.DONE)
    batch, seqs, attempts, values = done[:4]
    assert (seqs, attempts) == ([1], [1])
    assert msgpack.unpackb(values[0]) == "by hand"
    client.send(v.DONE_ACK, batch)
    client.send(v.PING, 1, 0.0)
    assert client.receive(v.PONG)[1][0] == 1


def test_another_protocol_major_is_refused_with_both_versions(connect):
    client = connect(protocol=(7, 9))
    _, (code, text) = client.receive(v.REFUSED)
    assert code == "protocol"
    assert "1" in text
    assert "7 to 9" in text


def test_another_realm_is_refused(connect):
    client = connect("elsewhere")
    _, (code, text) = client.receive(v.REFUSED)
    assert code == "realm"
    assert "elsewhere" in text


def test_a_gap_ends_the_session(connect):
    client = connect()
    client.receive(v.WELCOME)
    client.number += 5
    client.send(v.PING, 1, 0.0)
    assert client.receive(v.REFUSED)[1][0] == "gap"


def test_garbage_is_answered_and_harms_nobody(connect):
    garbage = connect()
    garbage.receive(v.WELCOME)
    for frames in ([b"\xc1"], [b"x" * 100_000], [msgpack.packb([999, 2])], [b""] * 50):
        garbage.socket.send_multipart(frames)
    assert garbage.receive(v.REFUSED)
    client = PlainClient(garbage.socket.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0"), "other")
    client.receive(v.REFUSED)
    client.close()
