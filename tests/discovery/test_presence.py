from __future__ import annotations

import logging
import shutil
import socket

import pytest

from zmqwork.core.link_events import PeerFound
from zmqwork.discovery.sources import Discovery
from zmqwork.errors import TransportError

REALM = "test realm / with a slash"
A = "a" * 32


class Node:
    """What binds, announces, and polls."""

    def __init__(self, record, *more):
        self.discovery = Discovery(REALM)
        self.path = self.discovery.directory.socket_path(A)
        self.endpoints = (f"ipc://{self.path}", *more)
        self.sockets = []
        self.refusal = None
        self.bind_again(self.endpoints[0])
        self.discovery.announce(record(A, endpoints=self.endpoints), self.bind_again)
        self.now = 0.0
        self.poll()

    def bind_again(self, endpoint):
        if self.refusal:
            raise TransportError(self.refusal)
        assert endpoint == f"ipc://{self.path}"
        self.sockets.append(socket.socket(socket.AF_UNIX))
        self.sockets[-1].bind(str(self.path))
        self.sockets[-1].listen()

    def poll(self):
        self.now += 5.0
        self.discovery.poll(self.now)
        return self.discovery.describe()[0]["state"]

    def seen(self):
        """The endpoints that another node finds, and whether the first one can be dialled."""
        seeker = Discovery(REALM)
        events = seeker.poll(0.0)
        seeker.close()
        found = [event.endpoints for event in events if isinstance(event, PeerFound)]
        if found and found[0][0].startswith("ipc:"):
            with socket.socket(socket.AF_UNIX) as dialling:
                dialling.connect(str(self.path))
        return found

    def close(self):
        self.discovery.close()
        for bound in self.sockets:
            bound.close()


@pytest.fixture
def make(runtime, record, caplog):
    caplog.set_level(logging.INFO, "zmqwork")
    made = []

    def node(*more):
        made.append(Node(record, *more))
        return made[-1]

    yield node
    for node in made:
        node.close()


@pytest.mark.parametrize("level", ["socket", "realm", "all"])
def test_what_was_removed_is_bound_and_announced_again(make, runtime, caplog, level):
    node = make()
    if level == "socket":
        node.path.unlink()
    else:
        shutil.rmtree(node.path.parent if level == "realm" else runtime / "zmqwork")
    assert [node.poll(), node.poll()] == ["ok", "ok"]
    assert node.seen() == [node.endpoints]
    assert len(node.sockets) == 2, "bound once more, not at each look"
    [warning] = caplog.records
    assert warning.levelname == "WARNING"
    assert f"{node.path} was removed; this node has bound it again" in warning.getMessage()


def test_what_is_in_its_place_is_left_alone(make, caplog):
    node = make()
    assert [node.poll(), node.poll()] == ["ok", "ok"]
    assert (len(node.sockets), caplog.records) == (1, [])


def test_without_its_parent_it_says_what_to_do_and_comes_back_with_it(make, runtime, caplog):
    """As a logout does: only the system makes that directory again."""
    node = make()
    moved = runtime.rename(runtime.with_name(runtime.name + "-x"))
    try:
        assert "No such file" in node.poll()
        assert node.poll().startswith("failed: cannot make the directory")
    finally:
        shutil.rmtree(moved)
        runtime.mkdir(mode=0o700)
    [error] = caplog.records
    assert error.levelname == "ERROR"
    assert "new peers on this machine cannot find this node" in error.getMessage()
    assert "enable-linger" in error.getMessage()
    assert node.poll() == "ok"
    assert node.seen() == [node.endpoints]
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_it_stays_where_it_was_whatever_is_set_by_now(make, runtime, monkeypatch):
    node = make()
    shutil.rmtree(runtime / "zmqwork")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nonexistent")
    assert node.poll() == "ok"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    assert node.seen() == [node.endpoints]


@pytest.mark.parametrize("more", [(), ("tcp://127.0.0.1:1",)])
def test_no_record_leads_to_a_socket_that_cannot_be_bound(make, caplog, more):
    node = make(*more)
    node.path.unlink()
    node.refusal = "cannot bind: no"
    assert [node.poll(), node.poll()] == ["failed: cannot bind: no"] * 2
    assert node.seen() == ([more] if more else [])
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    changed = node.path.parent.stat().st_mtime_ns
    node.poll()
    assert node.path.parent.stat().st_mtime_ns == changed, "others are not made to look again"
    node.refusal = None
    assert node.poll() == "ok"
    assert node.seen() == [node.endpoints]
