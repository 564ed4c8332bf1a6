"""The loop with a machine of the test's own: real sockets, one thread."""

import threading

import pytest

from zmqwork.core.effects import Dial, HangUp, Left, Probe, Send
from zmqwork.core.events import StopRequested
from zmqwork.core.link_events import (
    LinkDown,
    LinkUp,
    Probed,
    Received,
)
from zmqwork.core.messages import Ping, Status
from zmqwork.errors import ConfigError, InsecureBind, TransportError
from zmqwork.transport.addresses import is_routable, refuse_routable, split_tcp
from zmqwork.transport.loop import Loop
from zmqwork.transport.wakeup import Wakeup

PATIENCE = 20


class Script:
    """Notes every event, and answers with the effects that the test lines up."""

    def __init__(self):
        self.events = []
        self.effects = []
        self.changed = threading.Condition()
        self.instants = []
        self.wanted = None

    def handle(self, event, now):
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()
        return [Left()] if isinstance(event, StopRequested) else []

    def tick(self, now):
        with self.changed:
            if self.wanted is not None and now >= self.wanted:
                self.instants.append(now)
                self.wanted = None
                self.changed.notify_all()
            effects, self.effects = self.effects, []
        return effects

    def deadline(self):
        return self.wanted

    def wait(self, kind, count=1):
        """The events of this kind, once there are so many."""

        def found():
            return [e for e in self.events if isinstance(e, kind)]

        with self.changed:
            assert self.changed.wait_for(lambda: len(found()) >= count, PATIENCE), kind
            return found()


class Node:
    def __init__(self):
        self.script = Script()
        self.loop = Loop(self.script, {Left: lambda _: self.loop.stop()}, gone=lambda _: False)

    def start(self, *endpoints):
        self.endpoints = self.loop.bind(endpoints)
        self.loop.start("node", lambda: None, lambda: None)
        return self

    def do(self, *effects):
        with self.script.changed:
            self.script.effects += effects
        self.loop.post(object())

    def stop(self):
        self.loop.post(StopRequested())
        assert self.loop.join(PATIENCE)


@pytest.fixture
def nodes():
    made = []

    def make(*endpoints):
        made.append(Node().start(*endpoints))
        return made[-1]

    yield make
    for node in made:
        node.stop()


@pytest.mark.parametrize("address", ["ipc", "tcp"])
def test_a_link_from_dial_to_loss(address, nodes, tmp_path):
    bound = nodes("tcp://127.0.0.1:*" if address == "tcp" else f"ipc://{tmp_path}/s")
    dialling = nodes()
    dialling.do(Dial(1, bound.endpoints[0]))
    assert dialling.script.wait(LinkUp) == [LinkUp(1)]
    dialling.do(Send(1, 1, Ping(7)))
    [arrived] = bound.script.wait(Received)
    assert arrived.messages == [(1, Ping(7))]
    bound.do(Send(arrived.link, 1, Ping(8)))
    answers = [e for e in dialling.script.wait(Received) if e.messages]
    while not answers:
        answers = [e for e in dialling.script.wait(Received, 2) if e.messages]
    assert answers[0].messages == [(1, Ping(8))]
    bound.stop()
    assert dialling.script.wait(LinkDown) == [LinkDown(1)]


def test_hanging_up_is_final_and_the_bound_side_notices_at_its_next_send(nodes, tmp_path):
    bound, dialling = nodes(f"ipc://{tmp_path}/s"), nodes()
    dialling.do(Dial(1, bound.endpoints[0]))
    dialling.script.wait(LinkUp)
    dialling.do(Send(1, 1, Ping(1)))
    [arrived] = bound.script.wait(Received)
    dialling.do(HangUp(1))
    number = 0
    while not any(isinstance(e, LinkDown) for e in bound.script.events):
        number += 1
        bound.do(Send(arrived.link, number, Ping(number)))
        assert number < 100_000
    assert bound.script.wait(LinkDown)[0] == LinkDown(arrived.link)
    assert not [e for e in dialling.script.events if isinstance(e, LinkDown)]


@pytest.mark.parametrize("endpoint", ["tcp://no such host:1", "nonsense", "ipc://"])
def test_an_endpoint_that_makes_no_sense_is_a_lost_link(endpoint, nodes):
    dialling = nodes()
    dialling.do(Dial(5, endpoint))
    assert dialling.script.wait(LinkDown) == [LinkDown(5)]


def test_probes(nodes, tmp_path):
    bound, prober = nodes(f"ipc://{tmp_path}/s", "tcp://127.0.0.1:*"), nodes()
    endpoints = list(bound.endpoints)
    for endpoint in endpoints:
        prober.do(Probe(endpoint, endpoint))
    assert {p.gone for p in prober.script.wait(Probed, 2)} == {False}
    bound.stop()
    for endpoint in endpoints:
        prober.do(Probe(endpoint, endpoint))
    assert [p.gone for p in prober.script.wait(Probed, 4)[2:]] == [True, True]


def test_it_sleeps_until_the_deadline_and_no_later(nodes):
    node = nodes()
    due = node.loop.clock() + 0.05
    with node.script.changed:
        node.script.wanted = due
    node.loop.post(object())
    with node.script.changed:
        assert node.script.changed.wait_for(lambda: node.script.instants, PATIENCE)
    assert node.script.instants[0] >= due


def test_a_message_that_cannot_be_encoded_is_dropped_and_the_node_goes_on(nodes, tmp_path, caplog):
    bound, dialling = nodes(f"ipc://{tmp_path}/s"), nodes()
    dialling.do(Dial(1, bound.endpoints[0]))
    dialling.script.wait(LinkUp)
    dialling.do(Send(1, 1, Status(1, {"odd": object()})), Send(1, 2, Ping(2)))
    [arrived] = bound.script.wait(Received)
    assert arrived.messages == [(2, Ping(2))], "the receiver sees the gap"
    assert "message 1 (Status) is dropped" in caplog.text


def test_a_machine_that_raises_ends_its_node_loudly(caplog):
    node = Node()

    def fail(event, now):
        raise AssertionError("a bug")

    node.script.handle = fail
    finished = threading.Event()
    node.loop.start("node", lambda: None, finished.set)
    node.loop.post(object())
    assert node.loop.join(PATIENCE)
    assert finished.is_set()
    assert node.loop.failed
    assert "a bug" in caplog.text


def test_an_address_in_use_says_what_to_do(nodes):
    taken = nodes("tcp://127.0.0.1:*").endpoints[0]
    other = Loop(Script(), {}, gone=lambda _: False)
    with pytest.raises(TransportError, match="free port"):
        other.bind([taken])
    other.close()


@pytest.mark.parametrize(
    ("host", "routable"),
    [
        ("127.0.0.1", False),
        ("127.9.9.9", False),
        ("::1", False),
        ("localhost", False),
        ("0.0.0.0", True),
        ("::", True),
        ("*", True),
        ("192.168.1.5", True),
        ("eth0", True),
        ("desk.example.org", True),
    ],
)
def test_what_is_routable(host, routable):
    assert is_routable(host) is routable
    endpoint = f"tcp://[{host}]:1" if ":" in host else f"tcp://{host}:1"
    if routable:
        with pytest.raises(InsecureBind, match="--insecure-lan"):
            refuse_routable([endpoint], insecure_lan=False)
    assert refuse_routable([endpoint], insecure_lan=True) == ([endpoint] if routable else [])


def test_names_are_not_looked_up_to_find_out(monkeypatch):
    """A name server that does not answer would hold up the refusal; and libzmq looks for itself."""
    asked = []
    monkeypatch.setattr("socket.getaddrinfo", lambda *about, **more: asked.append(about))
    assert is_routable("desk.example.org")
    assert not is_routable("localhost")
    assert not asked


@pytest.mark.parametrize("bad", ["tcp://", "tcp://host", "tcp://:80", "tcp://h:99999", "udp://h:1"])
def test_what_is_no_endpoint(bad):
    with pytest.raises(ConfigError, match=r"tcp://ADDRESS:PORT"):
        split_tcp(bad)


def test_many_wakeups_are_one():
    wakeup = Wakeup()
    for _ in range(100_000):
        wakeup.set()
    wakeup.clear()
    wakeup.clear()
    wakeup.close()
