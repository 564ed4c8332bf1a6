"""Who answers at a port is not who was expected: another node, another program, nonsense."""

import contextlib
import os
import socket
import threading

import pytest
import zmq
from chaos_processes import until


@pytest.fixture
def port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def running_at(scene, port):
    """A worker at that port that runs ``only``, and its producer."""
    victim = scene.remote_worker(port=port)
    assert victim.told
    producer = scene.producer(f"tcp://127.0.0.1:{port}")
    scene.gate("only")
    producer.submit("only")
    scene.begun("only")
    until(lambda: producer.states()["started"] == 1, "STARTED has come")
    return victim, producer


def test_another_worker_takes_the_port(scene, port):
    victim, producer = running_at(scene, port)
    victim.kill()
    successor = scene.remote_worker(port=port)
    scene.all_settled()
    assert scene.oracle.attempts("only") == [1, 2]
    assert [w["node_id"] for w in producer.status()["workers"]] == [successor.told["node_id"]]
    counters = producer.counters()
    assert (counters["lost_workers"], counters["crashes"]) == (1, 1)


def test_a_worker_of_another_realm_takes_the_port(scene, port):
    victim, producer = running_at(scene, port)
    victim.kill()
    stranger = scene.remote_worker(port=port, realm="elsewhere")
    assert stranger.told
    until(lambda: producer.status()["peers"] == {"refused": 1}, "it is refused")
    assert producer.workers() == 0
    scene.worker()
    scene.all_settled()
    assert scene.oracle.attempts("only") == [1, 2]
    assert stranger.pid not in {run["pid"] for run in scene.oracle.read("runs")}


def http(connection):
    connection.recv(64)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


def garbage(connection):
    for _ in range(50):
        connection.sendall(os.urandom(4096))


def silence(connection):
    while connection.recv(4096):
        pass


def old_zmtp(connection):
    connection.sendall(b"\x01\x00\x04\x00junk")


class Service:
    """Something else that listens at the port."""

    def __init__(self, port, behave):
        self._socket = socket.create_server(("127.0.0.1", port))
        self._behave = behave
        self.asked = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.asked.set()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection:
            self._behave(connection)

    def close(self):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.mark.parametrize("behave", [http, garbage, silence, old_zmtp])
def test_another_program_takes_the_port(behave, scene, port):
    victim, producer = running_at(scene, port)
    victim.kill()
    with contextlib.closing(Service(port, behave)) as service:
        assert service.asked.wait(30)
        scene.worker()
        scene.all_settled()
        assert scene.oracle.attempts("only") == [1, 2]
        before = producer.order("census")
        producer.submit(*[f"more-{index}" for index in range(100)])
        scene.all_settled()
        after = producer.order("census")
    assert after["descriptors"] <= before["descriptors"] + 3
    assert producer.workers() == 1
    if behave is http:
        scene.remote_worker(port=port)
        until(lambda: producer.workers() == 2, "one of ours is found there, again")


@pytest.mark.parametrize("kind", [zmq.PULL, zmq.ROUTER])
def test_a_socket_of_another_program_takes_the_port(kind, scene, port):
    victim, producer = running_at(scene, port)
    victim.kill()
    with zmq.Context() as context, context.socket(kind) as other:
        other.linger = 0
        other.bind(f"tcp://127.0.0.1:{port}")
        until(lambda: producer.workers() == 0, "the worker is given up")
        if kind == zmq.ROUTER:
            # It gets a HELLO, hence no task, whatever it answers.
            route, hello = other.recv_multipart()
            assert hello[1] == 1
            for answer in (b"", b"\xc1", b"x" * 1000, b"\x91\x02"):
                other.send_multipart([route, answer])
        scene.worker()
        scene.all_settled()
    assert scene.oracle.attempts("only") == [1, 2]


def test_garbage_at_the_port_of_a_worker_that_works(scene, port):
    worker = scene.remote_worker(port=port)
    assert worker.told
    producer = scene.producer(f"tcp://127.0.0.1:{port}")
    gate = scene.gate("only")
    producer.submit("only")
    scene.begun("only")
    before = worker.descriptors()
    for index in range(30):
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            stranger.sendall(
                [b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000), b"\xff" + b"\0" * 8 + b"\x7f\x03"][
                    index % 3
                ]
            )
        producer.submit(f"between-{index}")
    gate.open()
    scene.all_settled()
    until(lambda: worker.descriptors() <= before + 3, "their descriptors are free again")
    assert scene.oracle.run_twice() == {}
    assert producer.counters()["lost_workers"] == 0
