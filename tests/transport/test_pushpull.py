"""The sockets of the classic pipeline: bounded, countable, and leaving without taking data along."""

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import zmq

from zmqwork.errors import TransportError, UsageError
from zmqwork.transport.pushpull import Sockets

SENDER = """
import sys
from zmqwork.transport.pushpull import Sockets
sockets = Sockets()
push = sockets.push(1)
push.bind(sys.argv[1])
for number in range(60):
    assert push.send(b"%03d" % number + bytes(1000), 30.0)
print("sent", flush=True)
print(sockets.close(float(sys.argv[2])), flush=True)
"""


@pytest.fixture
def sockets():
    made = Sockets()
    yield made
    made.close(0.0)


def wait_until(happened, what):
    pause = threading.Event()
    for _ in range(1000):
        if happened():
            return
        pause.wait(0.01)
    pytest.fail(f"it did not happen that {what}")


def test_a_message_goes_to_one_of_those_who_are_there(sockets, endpoint):
    push = sockets.push(8)
    assert push.bind(endpoint) == endpoint
    assert not push.send(b"early", 0.0)
    pulls = [sockets.pull(8) for _ in range(2)]
    for pull in pulls:
        pull.connect(endpoint)
    wait_until(lambda: push.connected() == 2, "both are connected")
    for number in range(4):
        assert push.send(b"%d" % number, 5.0)
    got = sorted([pull.receive(5.0) for pull in pulls] + [pull.receive(5.0) for pull in pulls])
    assert got == [b"0", b"1", b"2", b"3"]
    assert pulls[0].receive(0.0) is None
    pulls[0].disconnect(endpoint)
    # libzmq takes its steps towards the end whenever the socket is used.
    wait_until(lambda: pulls[0].receive(0.0) is None and push.connected() == 1, "one has gone")


def test_pipes_are_bounded(sockets, endpoint):
    push, pull = sockets.push(2), sockets.pull(2)
    push.bind(endpoint)
    pull.connect(endpoint)
    wait_until(push.connected, "it is connected")
    sent = 0
    while push.send(bytes(100_000), 0.2):
        sent += 1
        assert sent < 100, "nothing bounds it"
    assert sent >= 2
    for _ in range(sent):
        assert pull.receive(5.0) is not None


def test_nothing_waits_for_who_is_not_there(sockets, endpoint):
    """IMMEDIATE: a connecting PUSH gives nothing to an endpoint where nobody listens."""
    push = sockets.push(8)
    push.connect(endpoint)
    assert not push.send(b"x", 0.1)


def test_frames_behind_the_first_are_told(sockets, endpoint):
    pull = sockets.pull(8)
    pull.bind(endpoint)
    with zmq.Context() as context, context.socket(zmq.PUSH) as stranger:
        stranger.connect(endpoint)
        stranger.send_multipart([b"a", b"b", b"c"])
        stranger.send(b"d")
        assert pull.receive(5.0) == b"a"
        assert pull.rest() == [b"b", b"c"]
        assert pull.receive(5.0) == b"d"
        assert pull.rest() == []


def test_who_listens_hears(sockets, endpoint):
    publisher, subscriber = sockets.publisher(), sockets.subscriber()
    publisher.bind(endpoint)
    subscriber.connect(endpoint)
    assert subscriber.heard() == []
    heard = []

    def said_and_heard():
        publisher.say(b"KILL")
        heard.extend(subscriber.heard())
        return heard

    wait_until(said_and_heard, "it is heard")
    assert set(heard) == {b"KILL"}


def test_strangers_are_not_counted(sockets):
    push = sockets.push(8)
    endpoint = push.bind("tcp://127.0.0.1:*")
    host, port = endpoint.removeprefix("tcp://").split(":")
    for _ in range(2):
        with socket.create_connection((host, int(port))) as stranger:
            assert stranger.recv(1)
    with zmq.Context() as context, context.socket(zmq.PUSH) as wrong:
        wrong.linger = 0
        wrong.connect(endpoint)  # PUSH to PUSH: libzmq refuses it
        pull = sockets.pull(8)
        pull.connect(endpoint)
        wait_until(lambda: push.connected() == 1, "the right one is counted")
    assert push.send(b"x", 5.0)
    assert pull.receive(5.0) == b"x"
    assert push.connected() == 1


def test_what_cannot_be_bound_or_connected(sockets, endpoint):
    push = sockets.push(8)
    bound = push.bind("tcp://127.0.0.1:*")
    with pytest.raises(TransportError, match="somebody has it"):
        sockets.pull(8).bind(bound)
    with pytest.raises(TransportError, match="cannot bind ipc:///no/such"):
        push.bind("ipc:///no/such/directory/s")
    with pytest.raises(TransportError, match="cannot connect to nonsense"):
        push.connect("nonsense://x")


def test_a_removed_file_is_made_again(sockets, endpoint):
    push = sockets.push(8)
    push.bind(endpoint)
    path = Path(endpoint.removeprefix("ipc://"))
    for _ in range(16):
        path.unlink()
        push.bind_again(endpoint)
    path.unlink()
    with pytest.raises(TransportError, match="removed 16 times"):
        push.bind_again(endpoint)


def test_closing_removes_the_file_and_ends_it(endpoint):
    sockets = Sockets()
    push = sockets.push(8)
    push.bind(endpoint)
    sockets.close(0.0)
    assert not Path(endpoint.removeprefix("ipc://")).exists()
    assert sockets.close(1.0) == 0
    for call in (lambda: push.send(b"x", 0.0), lambda: sockets.pull(1)):
        with pytest.raises(UsageError, match="is closed"):
            call()


def sender(endpoint, linger):
    return subprocess.Popen(
        [sys.executable, "-c", SENDER, endpoint, str(linger)], stdout=subprocess.PIPE, text=True
    )


def test_a_local_sender_stays_until_all_is_read(sockets, endpoint):
    """libzmq would not (`test_a_full_receive_pipe_loses_...`): it is gone when the kernel has all."""
    pull = sockets.pull(1)
    pull.connect(endpoint)
    with sender(endpoint, 30) as process:
        got = [pull.receive(30.0) for _ in range(20)]
        assert process.stdout.readline() == "sent\n"
        # It has nothing to do any more but to wait for us.
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        got += [pull.receive(30.0) for _ in range(40)]
        assert process.stdout.readline() == "0\n"
    assert [int(message[:3]) for message in got] == list(range(60))


def test_a_sender_waits_no_longer_than_it_lingers(sockets, endpoint):
    pull = sockets.pull(1)
    pull.connect(endpoint)
    with sender(endpoint, 0.1) as process:
        for _ in range(20):
            assert pull.receive(30.0)
        assert process.stdout.readline() == "sent\n"
        assert process.stdout.readline() not in ("0\n", "")
        assert process.wait(30) == 0


def test_ctrl_c_ends_the_waiting(sockets, endpoint):
    pull = sockets.pull(1)
    pull.connect(endpoint)
    with sender(endpoint, 1000) as process:
        for _ in range(20):
            assert pull.receive(30.0)
        assert process.stdout.readline() == "sent\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == -signal.SIGINT


def test_who_forgets_to_close_is_warned_and_does_not_hang(endpoint):
    def forget():
        sockets = Sockets()
        sockets.push(1).bind(endpoint)
        sockets.pull(1)
        del sockets
        gc.collect()

    with pytest.warns(ResourceWarning, match="was not closed"):
        forget()


def test_a_forked_child_may_not_use_them(sockets, endpoint):
    push, pull, subscriber = sockets.push(1), sockets.pull(1), sockets.subscriber()
    push.bind(endpoint)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # (libzmq would let it wait for ever)
        for call in (
            lambda: push.send(b"x", 0.0),
            push.connected,
            pull.rest,
            lambda: pull.receive(0.0),
            lambda: pull.disconnect(endpoint),
            subscriber.heard,
            sockets.publisher,
        ):
            try:
                call()
            except UsageError as error:
                os.write(writing, f"{error}\n".encode())
        sockets.close(0.0)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read().splitlines()
    assert len(said) == 7
    assert all("belong to the parent" in line for line in said)
    assert os.waitpid(child, 0)[1] == 0
    pull.connect(endpoint)
    wait_until(push.connected, "the parent's still works")
    assert push.send(b"x", 5.0)
