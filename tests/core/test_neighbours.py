from __future__ import annotations

from dataclasses import replace

import pytest
from desks import ProducerDesk, WorkerDesk, node_id, welcome

from zmqwork.core import neighbours
from zmqwork.core.effects import Dial, Send
from zmqwork.core.link_events import (
    LinkDown,
    LinkUp,
    PeerForgotten,
    PeerFound,
    Rostered,
)
from zmqwork.core.messages import NEIGHBOURS_MAX, Hello, Neighbour, Ping, Welcome
from zmqwork.core.neighbours import Neighbours, is_usable
from zmqwork.core.permissions import WORKER, Access

LAN = "tcp://10.0.0.{}:7071"


def found(n, role="worker", endpoints=None):
    endpoints = endpoints or ("ipc:///x", LAN.format(n))
    return PeerFound(f"mdns:{n}", tuple(endpoints), role, "mdns", node_id(n))


def neighbour(n, role="worker", endpoint=None):
    return Neighbour(node_id(n), role, [endpoint or LAN.format(n)])


# -- who is told ------------------------------------------------------------------------------


def test_a_worker_names_what_it_has_found_in_its_welcome():
    desk = WorkerDesk()
    desk.turn(found(1), found(2), found(3, "producer"), found(4, endpoints=["ipc:///y"]))
    desk.hello()
    (said,) = desk.sent(Welcome)
    assert said.neighbours == [neighbour(1), neighbour(2)]
    assert desk.sent(Ping)[0].neighbours == []


def test_an_observer_is_told_of_producers_too_and_a_stranger_of_nobody():
    desk = WorkerDesk()
    desk.turn(found(1), found(3, "producer"), found(5, "observer"))
    desk.hello("o", role="observer")
    assert [n.role for n in desk.sent(Welcome)[0].neighbours] == ["worker", "producer"]
    desk.hello("w2", role="worker")
    assert desk.sent(Welcome)[0].neighbours == []


def test_what_comes_later_rides_on_a_beat_once():
    desk = WorkerDesk()
    link = desk.hello()
    desk.turn(found(1))
    beats = [
        it.message
        for it in desk.until(desk.now + 3.0)
        if isinstance(it, Send) and it.link == link and isinstance(it.message, Ping)
    ]
    assert [beat.neighbours for beat in beats[:2]] == [[neighbour(1)], []]


def test_many_are_named_a_few_at_a_time_and_again_in_a_new_session():
    desk = WorkerDesk()
    desk.turn(*[found(n) for n in range(1, 41)])

    def hear(session):
        desk.hello(session=session)
        heard = [it for said in desk.sent(Welcome) for it in said.neighbours]
        assert len(heard) == NEIGHBOURS_MAX
        heard += [it for beat in desk.sent(Ping) for it in beat.neighbours]
        effects = desk.until(desk.now + 3.0)
        beats = [it.message for it in effects if isinstance(it, Send)]
        for beat in beats:
            if isinstance(beat, Ping):
                assert len(beat.neighbours) <= NEIGHBOURS_MAX
                heard += beat.neighbours
        return heard

    assert hear(1) == [neighbour(n) for n in range(1, 41)]
    assert hear(2) == [neighbour(n) for n in range(1, 41)]


def test_what_is_withdrawn_is_not_named_and_what_has_changed_is_named_anew():
    desk = WorkerDesk()
    desk.turn(found(1), found(2), PeerForgotten("mdns:1"))
    desk.hello()
    assert desk.sent(Welcome)[0].neighbours == [neighbour(2)]
    desk.turn(found(2))
    assert desk.machine.listener.neighbours.news(2, "", "observer")[0] == []
    desk.turn(found(2, endpoints=["tcp://10.0.0.9:1"]))
    desk.hello("p2")
    assert desk.sent(Welcome)[0].neighbours == [neighbour(2, endpoint="tcp://10.0.0.9:1")]


def test_nobody_is_told_of_himself():
    desk = WorkerDesk()
    desk.turn(found("p", "worker"), found(1))
    desk.hello("p")
    assert desk.sent(Welcome)[0].neighbours == [neighbour(1)]


def test_a_producer_names_those_that_it_is_in_session_with():
    desk = ProducerDesk()
    desk.turn(found(1), found(2))
    dialer = desk.machine.dialer
    link = dialer.peers["mdns:1"].link
    desk.turn(LinkUp(link))
    (hello,) = desk.sent(Hello, link)
    desk.say(link, welcome(1, hello.session))
    greeting = Hello(1, node_id("o"), "observer", "o", "realm", (1, 1))
    desk.say(b"o", greeting)
    assert desk.sent(Welcome)[0].neighbours == [neighbour(1)]
    desk.turn(LinkDown(link))
    desk.until(desk.now + 1.5)
    greeting = Hello(1, node_id("o2"), "observer", "o", "realm", (1, 1))
    desk.say(b"o2", greeting)
    assert desk.sent(Welcome)[0].neighbours == []


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(neighbours, "KNOWN_MAX", 3)
    known = Neighbours()
    for n in range(10):
        known.found(str(n), node_id(n), "worker", [LAN.format(n + 1)])
    news, told = known.news(0, "", "observer")
    assert [it.node_id for it in news] == [node_id(n) for n in (7, 8, 9)]
    assert known.news(told, "", "observer") == ([], told)


def test_the_key_of_a_node_is_named_with_it():
    desk, key = WorkerDesk(), "0f1e2d3c4b5a6978"
    desk.turn(PeerFound("mdns:1", (LAN.format(1),), "worker", "mdns", node_id(1), key))
    desk.hello()
    (said,) = desk.sent(Welcome)
    assert said.neighbours == [Neighbour(node_id(1), "worker", [LAN.format(1)], key)]
    rotated = key[::-1]
    desk.turn(PeerFound("mdns:1", (LAN.format(1),), "worker", "mdns", node_id(1), rotated))
    news, _ = desk.machine.listener.neighbours.news(1, "", "observer")
    assert [it.fingerprint for it in news] == [rotated], "another key is news"


def test_a_producer_names_the_key_under_which_it_found_a_node():
    desk, key = ProducerDesk(), "0f1e2d3c4b5a6978"
    desk.turn(Rostered({key: Access("w", frozenset({WORKER}))}))
    desk.turn(PeerFound("mdns:1", (LAN.format(1),), "worker", "mdns", node_id(1), key))
    link = desk.machine.dialer.peers["mdns:1"].link
    desk.turn(LinkUp(link))
    (hello,) = desk.sent(Hello, link)
    desk.turn(replace(desk.heard(link, welcome(1, hello.session)), fingerprint=key))
    assert desk.machine.dialer.peers["mdns:1"].state == "alive"
    news, _ = desk.machine.listener.neighbours.news(0, "", "observer")
    assert [it.fingerprint for it in news] == [key]


# -- who listens ------------------------------------------------------------------------------


@pytest.fixture
def desk():
    """A producer that knows one worker, by its address on the network."""
    desk = ProducerDesk()
    desk.turn(PeerFound("static:seed", ("tcp://10.0.0.200:7071",), "", "static"))
    return desk


def greet(desk, *told, key="static:seed", label="seed"):
    link = desk.machine.dialer.peers[key].link
    desk.turn(LinkUp(link))
    (hello,) = desk.sent(Hello, link)
    desk.say(link, welcome(label, hello.session, neighbours=list(told)))
    return link


def test_one_seed_leads_to_the_others(desk):
    greet(desk, neighbour(1), neighbour(2))
    assert [endpoint for _, endpoint in desk.dials()] == [LAN.format(1), LAN.format(2)]
    greet(desk, neighbour(3), key=f"exchange:{node_id(1)}", label=1)
    assert [endpoint for _, endpoint in desk.dials()] == [LAN.format(3)]


def test_the_key_that_is_said_to_be_there_comes_with_the_suggestion(desk):
    named = Neighbour(node_id(1), "worker", [LAN.format(1)], "0f1e2d3c4b5a6978")
    greet(desk, named)
    peer = desk.machine.dialer.peers[f"exchange:{node_id(1)}"]
    assert peer.told_fingerprint == "0f1e2d3c4b5a6978"
    again = PeerFound(peer.key, peer.endpoints, "worker", "exchange", node_id(1), "f" * 16)
    desk.turn(again)
    assert peer.told_fingerprint == "f" * 16


def test_news_on_a_beat_are_taken_as_well(desk):
    link = greet(desk)
    desk.say(link, Ping(1, neighbours=[neighbour(1)]))
    assert [endpoint for _, endpoint in desk.dials()] == [LAN.format(1)]
    desk.say(link, Ping(2, neighbours=[neighbour(1)]))
    assert not desk.of(Dial)


def test_what_is_known_or_not_wanted_or_ourselves_is_not_dialled(desk):
    desk.turn(found(1))
    greet(
        desk,
        neighbour(1),
        neighbour("seed"),
        neighbour(2, "producer"),
        Neighbour("f" * 32, "worker", [LAN.format(3)]),
    )
    assert not desk.of(Dial)


@pytest.mark.parametrize(
    ("endpoint", "good"),
    [
        ("tcp://10.0.0.1:7071", True),
        ("tcp://127.0.0.1:1", True),
        ("tcp://host:7071", False),
        ("tcp://0.0.0.0:7071", False),
        ("tcp://224.0.0.251:5353", False),
        ("tcp://255.255.255.255:5", False),
        ("tcp://256.0.0.1:5", False),
        ("tcp://10.0.0.1:0", False),
        ("tcp://10.0.0.1:65536", False),
        ("tcp://10.0.0.1:*", False),
        ("tcp://10.0.0.1", False),
        ("tcp://10.0.0.²:5", False),
        ("tcp://10.0.0.-1:5", False),
        ("ipc:///tmp/x", False),
        ("inproc://x", False),
        ("tcp://10.0.0.1;tcp://10.0.0.2:5", False),
        ("", False),
    ],
)
def test_an_endpoint_is_an_address_or_nothing(desk, endpoint, good):
    assert is_usable(endpoint) == good
    greet(desk, Neighbour(node_id(1), "worker", [endpoint]))
    assert bool(desk.of(Dial)) == (good and "127." not in endpoint)


def test_a_loopback_address_counts_only_from_this_machine(desk):
    near = neighbour(1, endpoint="tcp://127.0.0.1:5")
    greet(desk, near)
    assert not desk.of(Dial)
    desk.turn(PeerFound("local:n", ("ipc:///n",), "worker", "local", node_id("n")))
    greet(desk, near, key="local:n", label="n")
    assert [endpoint for _, endpoint in desk.dials()] == ["tcp://127.0.0.1:5"]


def test_a_peer_that_lies_is_bounded(desk, monkeypatch):
    monkeypatch.setattr(neighbours, "HEARD_MAX", 5)
    link = greet(desk)
    for beat in range(1, 10):
        told = [neighbour(16 * beat + n, endpoint="tcp://10.9.9.9:9") for n in range(16)]
        desk.say(link, Ping(beat, neighbours=told))
    peers = desk.machine.dialer.peers.values()
    assert sum(1 for peer in peers if peer.source == "exchange") == 5


def test_what_never_answers_is_dropped_and_may_be_heard_again(desk):
    link = greet(desk, neighbour(1))
    key = f"exchange:{node_id(1)}"
    for second in range(1, 600):
        desk.say(link, Ping(second), at=100.0 + second)
        desk.until(desk.now)
    assert key not in desk.machine.dialer.peers
    assert desk.machine.dialer.peers["static:seed"].state == "alive"
    desk.say(link, Ping(1_000, neighbours=[neighbour(1)]))
    assert key in desk.machine.dialer.peers
