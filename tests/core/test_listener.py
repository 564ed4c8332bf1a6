from __future__ import annotations

import pytest
from desks import WorkerDesk, node_id

from zmqwork.core import listener
from zmqwork.core.effects import Forget, Notice, Send
from zmqwork.core.link_events import Garbled, LinkDown, Received
from zmqwork.core.messages import Bye, Hello, Info, Ping, Pong, Refused, Status, Welcome


@pytest.fixture
def desk():
    return WorkerDesk()


def refusals(desk):
    return [refused.code for refused in desk.sent(Refused)]


def test_a_hello_is_answered_by_a_welcome_and_the_first_ping(desk):
    link = desk.hello(session=7)
    assert [(send.link, send.number) for send in desk.of(Send)][:2] == [(link, 1), (link, 2)]
    (welcome,) = desk.sent(Welcome)
    assert (welcome.session, welcome.node_id, welcome.slots) == (7, node_id("w"), 1)
    assert desk.sent(Ping) == [Ping(1)]


def test_whoever_speaks_without_a_session_is_told_to_greet(desk):
    desk.say(b"stranger", Ping(1))
    assert refusals(desk) == ["order"]
    desk.turn(
        Received(b"stranger", [(2, Hello(1, node_id("p"), "producer", "p", "realm", (1, 1)))])
    )
    assert refusals(desk) == ["order"], "a HELLO is the first message of its link"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"protocol": (2, 3)}, "protocol"),
        ({"protocol": (0, 0)}, "protocol"),
        ({"realm": "another"}, "realm"),
    ],
)
def test_strangers_are_refused_with_a_reason(desk, fields, code):
    desk.hello(**fields)
    assert refusals(desk) == [code]
    assert not desk.sent(Welcome)


def test_a_wider_range_of_protocols_is_welcome(desk):
    desk.hello(protocol=(0, 9))
    assert desk.sent(Welcome)


def test_clients_are_bounded(desk, monkeypatch):
    monkeypatch.setattr(listener, "CLIENTS_MAX", 1)
    desk.hello("one")
    desk.hello("two")
    assert refusals(desk) == ["full"]
    assert desk.notices() == ["limit"]
    desk.hello("three")
    assert (refusals(desk), desk.notices()) == (["full"], [])
    desk.hello("one", session=2)
    assert desk.sent(Welcome), "who is known may come again"


def test_a_newer_session_takes_the_place_of_the_older(desk):
    old = desk.hello(session=1)
    new = desk.hello(session=2)
    assert desk.sent(Welcome, new)
    desk.say(old, Ping(1))
    assert refusals(desk) == ["order"]
    desk.say(new, Ping(1))
    assert desk.sent(Pong, new) == [Pong(1)]


def test_an_older_hello_that_is_read_late_is_dropped(desk):
    new = desk.hello(session=2)
    desk.hello(session=1)
    assert not desk.of(Send)
    desk.say(new, Ping(1))
    assert desk.sent(Pong, new)


def test_messages_are_taken_once(desk):
    link = desk.hello()
    desk.turn(Received(link, [(2, Ping(5)), (2, Ping(5)), (1, Ping(4))]))
    assert desk.sent(Pong) == [Pong(5)]
    assert desk.machine.listener.counters.repeats == 2


def test_a_gap_ends_the_session(desk):
    link = desk.hello()
    desk.turn(Received(link, [(3, Ping(1)), (4, Ping(2))]))
    assert refusals(desk) == ["gap", "order"]
    assert desk.machine.listener.counters.gaps == 1
    assert desk.hello(session=2)
    assert desk.sent(Welcome)


def forgotten(desk):
    return [forget.link for forget in desk.of(Forget)]


@pytest.mark.parametrize(
    "ends",
    [
        lambda desk, link: desk.turn(LinkDown(link)),
        lambda desk, link: desk.turn(Garbled(link, "no array")),
        lambda desk, link: desk.turn(Received(link, [(9, Ping(1))])),
        lambda desk, link: desk.say(link, Bye()),
        lambda desk, _: desk.hello(session=2),
        lambda desk, _: desk.until(131.0),
    ],
    ids=["gone", "garbled", "gap", "bye", "replaced", "silent"],
)
def test_a_link_that_loses_its_session_is_forgotten_once(desk, ends):
    link = desk.hello()
    assert forgotten(desk) == []
    ends(desk, link)
    assert forgotten(desk) == [link]


def test_a_link_that_gets_no_session_is_forgotten(desk):
    desk.say(b"stranger", Ping(1))
    assert forgotten(desk) == [b"stranger"]
    other = desk.hello("other", realm="another")
    assert forgotten(desk) == [other]
    desk.hello(session=2)
    late = desk.hello(session=1)
    assert forgotten(desk) == [late]
    desk.turn(LinkDown(b"never heard of"))
    assert forgotten(desk) == [b"never heard of"]


def test_what_follows_a_lost_session_on_its_link_is_forgotten_too(desk):
    link = desk.hello()
    desk.turn(Garbled(link, "no array"), Received(link, [(2, Ping(1))]))
    assert forgotten(desk) == [link, link]


def test_garbage_ends_the_session(desk):
    link = desk.hello()
    desk.turn(Garbled(link, "no array"))
    assert refusals(desk) == ["order"]
    desk.turn(Garbled(b"stranger", "no array"))
    assert refusals(desk) == ["order"]


def test_a_hello_within_a_session_is_a_stray(desk):
    link = desk.hello()
    strays = desk.machine.listener.counters.strays
    desk.say(link, Hello(9, node_id("p"), "producer", "p", "realm", (1, 1)))
    assert desk.machine.listener.counters.strays == strays + 1


def test_heartbeats_go_out_until_the_link_is_gone(desk):
    link = desk.hello()
    desk.until(102.5)
    assert desk.sent(Ping, link) == [Ping(2), Ping(3)]
    desk.turn(LinkDown(link))
    desk.until(104.0)
    assert not desk.sent(Ping)
    desk.turn(LinkDown(link))


def test_who_does_not_come_back_is_lost(desk):
    link = desk.hello()
    desk.turn(LinkDown(link), at=101.0)
    desk.until(104.9)
    assert node_id("p") in desk.machine.listener.clients
    desk.until(105.0)
    assert desk.machine.listener.clients == {}
    assert [notice.kind for notice in desk.of(Notice)] == ["client_lost"]


def test_who_comes_back_in_time_is_not(desk):
    desk.turn(LinkDown(desk.hello()), at=101.0)
    desk.hello(session=2, at=104.0)
    desk.until(106.0)
    assert node_id("p") in desk.machine.listener.clients


def test_a_silent_client_with_a_link_gets_the_longer_bound(desk):
    link = desk.hello()
    desk.until(110.0)
    desk.say(link, Ping(1))
    desk.until(139.9)
    assert node_id("p") in desk.machine.listener.clients
    desk.until(140.0)
    assert desk.machine.listener.clients == {}


def test_our_own_lag_is_not_held_against_clients(desk):
    link = desk.hello()
    desk.turn(at=150.0)  # the next deadline was at 101
    assert node_id("p") in desk.machine.listener.clients
    desk.say(link, Pong(1))
    assert desk.machine.listener.clients[node_id("p")].heard_at == 150.0


def test_bye_forgets_the_client(desk):
    link = desk.hello()
    desk.say(link, Bye())
    assert desk.machine.listener.clients == {}
    assert len(desk.machine.listener._timers) == 0


def test_the_lease_runs_from_the_ping_that_was_echoed(desk):
    link = desk.hello()
    client = desk.machine.listener.clients[node_id("p")]
    assert client.lease_from == float("-inf")
    desk.say(link, Ping(1), at=100.5)
    assert client.lease_from == 100.0, "whoever answers had our WELCOME"
    desk.until(103.2)  # pings 2, 3, 4 left at 101, 102, 103
    desk.say(link, Pong(3))
    assert client.lease_from == 102.0
    desk.say(link, Pong(2), Pong(99))
    assert client.lease_from == 102.0


def test_a_hello_that_waited_renews_no_lease(desk):
    """A worker that was asleep reads HELLOs of a producer that gave it up long ago."""
    desk.say(desk.hello(), Ping(1))
    client = desk.machine.listener.clients[node_id("p")]
    desk.hello(session=2, at=160.0)
    assert client.lease_from == 100.0


def test_observers_are_answered(desk):
    link = desk.hello("observer", role="observer")
    desk.say(link, Info(5))
    (status,) = desk.sent(Status, link)
    assert status.request == 5
    assert status.status["role"] == "worker"
