"""What a worker tells systemd, over a real socket."""

import os
import signal
import socket

import pytest
import work_app as w

from zmqwork.nodes.systemd import Notifier

PATIENCE = 30.0


@pytest.fixture(params=["path", "abstract"])
def listening(request, tmp_path):
    """A socket as systemd has it; its address, and what comes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as it:
        it.settimeout(PATIENCE)
        if request.param == "path":
            address = str(tmp_path / "notify")
            it.bind(address)
        else:
            address = f"@zmqwork-test-{os.getpid()}-{os.urandom(4).hex()}"
            it.bind(f"\0{address[1:]}")
        yield address, lambda: it.recv(4096).decode().split("\n")


def test_a_worker_says_that_it_is_ready_and_alive_and_stopping(
    listening, start_worker, monkeypatch
):
    address, receive = listening
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    worker = start_worker("-c", "1")
    seen = []
    while "READY=1" not in seen or seen.count("WATCHDOG=1") < 3:
        seen += receive()
    assert any(line.startswith("STATUS=serving") for line in seen)
    assert "STOPPING=1" not in seen
    worker.send(signal.SIGTERM)
    while "STOPPING=1" not in seen:
        seen += receive()
    assert worker.wait() == 0


def test_one_whose_loop_does_not_turn_says_nothing(
    listening, start_worker, monkeypatch, producer, fifo
):
    """Handlers of the inline pool run on the loop."""
    address, receive = listening
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    start_worker("--pool", "inline")
    while "WATCHDOG=1" not in receive():
        pass
    w.begin_and_wait.submit(fifo.path)
    assert fifo.read() == "begun"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as marker:
        mark = f"\0{address[1:]}" if address.startswith("@") else address
        marker.sendto(b"mark", mark)
        while receive() != ["mark"]:
            pass  # what was said before it began
        marker.sendto(b"later", mark)
    assert receive() == ["later"]


@pytest.mark.parametrize(
    ("environment", "interval"),
    [
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "4000000", "WATCHDOG_PID": "1"}, 5.0),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "4000000"}, 2.0),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "x"}, 5.0),
        ({"NOTIFY_SOCKET": "@x"}, 5.0),
    ],
)
def test_what_the_environment_says(environment, interval):
    notifier = Notifier.of(environment)
    assert notifier.interval == interval
    assert environment == {}, "what tasks start must not speak for us"
    notifier.ready()  # to nobody: that is no error


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "tcp"}])
def test_without_systemd(environment):
    assert Notifier.of(environment) is None
