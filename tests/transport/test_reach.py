from __future__ import annotations

import socket
import threading
from contextlib import contextmanager

import pytest
import zmq

from zmqwork.security.pairs import new_pair
from zmqwork.transport import curve
from zmqwork.transport.options import configure
from zmqwork.transport.reach import reach, reach_each


@pytest.fixture
def router():
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    configure(router)
    yield router
    router.close()
    context.term()


@pytest.fixture
def service():
    """A tcp service that says something to whoever connects, or takes and says nothing."""

    @contextmanager
    def service(says):
        with socket.create_server(("127.0.0.1", 0)) as server:

            def serve():
                connection, _ = server.accept()
                with connection:
                    if says:
                        connection.sendall(says)
                    while connection.recv(100):
                        pass

            thread = threading.Thread(target=serve)
            thread.start()
            yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
            thread.join()

    return service


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:*", "ipc://*", "tcp://[::1]:*"])
def test_a_zeromq_socket_is_known_by_its_greeting(router, address):
    router.setsockopt(zmq.IPV6, 1)
    try:
        router.bind(address)
    except zmq.ZMQError:
        pytest.skip("this machine has no IPv6 loopback")
    found = reach(router.getsockopt_string(zmq.LAST_ENDPOINT), 20.0)
    assert (found.state, found.text) == ("zeromq", "a ZeroMQ socket, without keys")
    assert found.mechanism == "NULL"
    # A look is no message to whoever owns the socket.
    assert not router.poll(0)


def test_whether_it_has_keys_is_known_too(router):
    """Before anybody is judged: who named a mechanism that it has not would be hung up on."""
    curve.serve(router, new_pair())
    router.bind("tcp://127.0.0.1:*")
    endpoint = router.getsockopt_string(zmq.LAST_ENDPOINT)
    looks = [reach(endpoint, 20.0) for _ in range(20)]
    assert {(it.state, it.text) for it in looks} == {("zeromq", "a ZeroMQ socket, with keys")}
    assert looks[0].mechanism == "CURVE"


def test_nobody_listens(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert reach(f"tcp://127.0.0.1:{port}", 20.0).state == "refused"
    assert reach(f"ipc://{tmp_path}/none", 20.0).state == "refused"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(f"{tmp_path}/left")
    assert reach(f"ipc://{tmp_path}/left", 20.0).text.startswith("connection refused")


@pytest.mark.parametrize(
    ("says", "state", "text"),
    [
        (b"SSH-2.0-OpenSSH_9\r\n\x1b[2J", "foreign", "it says 'SSH-2.0-OpenSSH_9'"),
        (b"\xff" + bytes(40), "foreign", "something else"),
        (b"", "mute", "says nothing"),
    ],
)
def test_what_is_no_zeromq_socket(service, says, state, text):
    with service(says) as endpoint:
        found = reach(endpoint, 20.0 if says else 0.2)
    assert found.state == state
    assert text in found.text


def test_a_backlog_that_is_full_never_answers():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        with socket.create_connection(address):
            found = reach(f"tcp://127.0.0.1:{address[1]}", 0.2)
    assert (found.state, found.text.split(":")[0]) == ("timeout", "no answer within 0.2 s")


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        ("tcp://no-such-host.invalid:1", "its name is not known here"),
        ("tcp://" + "x" * 70 + ":1", ""),
        ("udp://127.0.0.1:1", "no endpoint"),
        ("ipc:///" + "x" * 200, "cannot connect"),
    ],
)
def test_where_no_way_leads(endpoint, text):
    found = reach(endpoint, 5.0)
    assert found.state == "failed"
    assert text in found.text


def test_several_at_once(service):
    with service(b"SSH") as one, service(b"FTP") as other:
        found = reach_each([one, other, one], 20.0)
    assert {name: look.state for name, look in found.items()} == {one: "foreign", other: "foreign"}
    assert reach_each([], 1.0) == {}
