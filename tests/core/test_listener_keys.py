"""The bound side under a roster: whose message counts, and what becomes of those who misbehave."""

from __future__ import annotations

import pytest
from desks import REALM, SinkDesk, WorkerDesk, node_id

from zmqwork.core.delivery import Results
from zmqwork.core.effects import Forget, Notice, Rebind, Send, Suspend
from zmqwork.core.link_events import Garbled, LinkDown, Received, Rostered
from zmqwork.core.messages import (
    Bye,
    Credit,
    Demand,
    Done,
    Hello,
    Info,
    Ping,
    Pong,
    Refused,
    Status,
    Welcome,
)
from zmqwork.core.orders import Order, Ordered
from zmqwork.core.permissions import Access


@pytest.fixture
def desk():
    made = WorkerDesk()
    made.roster(desk="producer admin", other="producer", eye="observer", node="worker")
    return made


def hello(desk, key, label="p", session=1, **fields):
    """A node with this key says HELLO over a link of its own."""
    link = f"{label}/{session}".encode()
    desk.fingerprints[link] = key
    return desk.hello(label, session, link=link, **fields)


def refusals(desk):
    return [(refused.code, refused.text) for refused in desk.sent(Refused)]


def told(desk):
    return [notice.text for notice in desk.of(Notice)]


def counters(desk):
    return desk.machine.listener.counters


def offend(desk, link, times=1):
    """Say what no producer may."""
    return desk.say(link, *[Credit(1, 1)] * times)


# -- greeting ---------------------------------------------------------------------------------


def test_a_key_with_the_role_is_welcome(desk):
    link = hello(desk, "desk")
    assert desk.sent(Welcome, link)
    client = desk.machine.listener.clients[node_id("p")]
    assert client.fingerprint == "desk"


@pytest.mark.parametrize(
    ("key", "role", "why"),
    [
        ("eye", "producer", "eye may not speak as producer to a worker"),
        ("node", "worker", "node may not speak as worker to a worker"),
        ("node", "observer", "node may not speak as observer to a worker"),
        ("desk", "admin", "desk may not speak as admin to a worker"),
    ],
)
def test_a_role_that_the_key_lacks_is_refused_and_told_and_not_blamed(desk, key, role, why):
    for session in range(1, 21):
        link = hello(desk, key, session=session, role=role)
        assert refusals(desk) == [("role", why)]
        assert not desk.sent(Welcome)
        assert [forget.link for forget in desk.of(Forget)] == [link]
        assert [(n.kind, n.text, n.data) for n in desk.of(Notice)] == [
            ("offence", f"{key}: {why}", {"fingerprint": key, "member": key})
        ]
    assert not desk.of(Suspend)
    assert desk.machine.listener.trust.offences == {}


def test_an_admin_may_look_and_order(desk):
    link = hello(desk, "desk", role="observer")
    desk.say(link, Info(1), Order(2, "roster", {}, [b"text"]))
    assert [status.request for status in desk.sent(Status)] == [1]
    assert counters(desk).offences == 0


def test_an_observer_gets_its_status_and_no_order(desk):
    link = hello(desk, "eye", role="observer")
    desk.say(link, Info(1), Order(2, "drain"))
    assert [status.request for status in desk.sent(Status)] == [1]
    assert not desk.sent(Ordered)
    assert counters(desk).offences == 1
    (text,) = told(desk)
    assert text.startswith("eye: observer name-p#0000 said ORDER, which")
    desk.say(link, Info(3))
    assert [status.request for status in desk.sent(Status)] == [3], "the session goes on"


def test_the_node_id_of_another_member_is_refused(desk):
    first = hello(desk, "desk")
    link = hello(desk, "other", session=2)
    why = "other came with the node id of desk"
    assert refusals(desk) == [("role", why)]
    assert told(desk) == [f"other: {why}"]
    desk.say(first, Ping(7))
    assert desk.sent(Pong) == [Pong(7)], "the owner's session goes on"
    assert link != first


def test_it_is_refused_also_when_its_owner_is_gone_and_free_when_that_left_the_roster(desk):
    desk.say(hello(desk, "desk"), Bye())
    hello(desk, "other", session=2)
    assert refusals(desk) == [("role", "other came with the node id of desk")]
    desk.roster(other="producer")
    hello(desk, "other", session=3)
    assert desk.sent(Welcome)


def test_a_member_comes_back_under_its_other_key(desk):
    desk.roster(desk="producer", desk_2="producer")
    hello(desk, "desk")
    link = hello(desk, "desk_2", session=2)
    assert desk.sent(Welcome, link)
    desk.roster(desk_2="producer")
    desk.say(link, Ping(1))
    assert desk.sent(Pong, link)


# -- whose link it is -------------------------------------------------------------------------


def test_another_key_on_a_link_is_not_heard_and_harms_nobody(desk):
    """Its owner is gone, and the next one has chosen the same routing id."""
    link = hello(desk, "desk")
    desk.fingerprints[link] = "other"
    desk.say(link, Ping(1), Bye(), Hello(9, node_id("p"), "producer", "p", REALM, (1, 1)))
    assert not desk.of(Send)
    assert not desk.of(Forget)
    assert counters(desk).strays == 3
    desk.fingerprints[link] = "desk"
    desk.numbers[link] = 1
    desk.say(link, Ping(2))
    assert desk.sent(Pong, link) == [Pong(2)]


@pytest.mark.parametrize("key", ["other", "x", ""])
def test_garbage_of_another_key_on_a_link_harms_nobody(desk, key):
    link = hello(desk, "desk")
    desk.turn(Garbled(link, "no array", key))
    assert not desk.of(Send)
    assert not desk.of(Forget)
    assert counters(desk).garbled == 1
    # A member that speaks on the link of another is held to it.
    assert desk.machine.listener.trust.offences == ({"other": 1} if key == "other" else {})
    desk.say(link, Ping(2))
    assert desk.sent(Pong, link) == [Pong(2)]


@pytest.mark.parametrize("key", ["x", ""])
def test_a_key_that_the_roster_lacks_is_not_answered_and_nothing_is_kept(desk, key):
    link = hello(desk, key)
    assert desk.effects == [Forget(link)]
    desk.turn(Garbled(link, "no array", key))
    assert desk.effects == [Forget(link)]
    assert desk.machine.listener.clients == {}


def test_garbage_in_a_session_is_an_offence_and_ends_it(desk):
    link = hello(desk, "desk")
    desk.turn(Garbled(link, "no array", "desk"))
    assert refusals(desk) == [("order", "no array")]
    assert told(desk) == ["desk: sent bytes that are no message: no array"]
    assert desk.machine.listener.trust.offences == {"desk": 1}


# -- offences ---------------------------------------------------------------------------------


def test_a_verb_outside_its_role_is_a_stray_and_an_offence(desk):
    link = hello(desk, "desk")
    desk.say(link, Done(1, [], [], [], [], {}))
    assert (counters(desk).strays, counters(desk).offences) == (1, 1)
    (notice,) = desk.of(Notice)
    assert (notice.kind, notice.data) == ("offence", {"fingerprint": "desk", "member": "desk"})
    assert notice.text == "desk: producer name-p#0000 said DONE, which is not for it to say"
    desk.say(link, Ping(1), Demand(1))
    assert desk.sent(Pong, link), "the session goes on"


def test_without_keys_it_is_a_stray_and_nobody_is_blamed():
    desk = WorkerDesk()
    link = desk.hello()
    offend(desk, link, 50)
    assert (counters(desk).strays, counters(desk).offences) == (50, 0)
    assert desk.effects == []
    desk.say(link, Ping(1))
    assert desk.sent(Pong)


def test_the_tenth_offence_suspends_the_key_and_ends_its_sessions(desk):
    first, second = hello(desk, "desk"), hello(desk, "desk", "q")
    bystander = hello(desk, "other", "r")
    offend(desk, first, 9)
    assert not desk.of(Suspend)
    offend(desk, first)
    assert [(s.fingerprint, s.seconds) for s in desk.of(Suspend)] == [("desk", 60.0)]
    assert desk.notices() == ["offence", "suspended", "client_lost", "client_lost"]
    assert told(desk)[1].startswith("desk is suspended for 60 s: producer name-p#0000 said CREDIT")
    refused = [send for send in desk.of(Send) if isinstance(send.message, Refused)]
    assert [(send.link, send.message.code) for send in refused] == [
        (first, "role"), (second, "role"),
    ]  # fmt: skip
    assert set(desk.machine.listener.clients) == {node_id("r")}
    desk.say(bystander, Ping(1))
    assert desk.sent(Pong, bystander)


def test_who_is_suspended_is_heard_again_after_a_minute(desk):
    offend(desk, hello(desk, "desk"), 10)
    hello(desk, "desk", session=2)
    assert not desk.of(Send)
    hello(desk, "desk", session=3, at=159.9)
    assert not desk.of(Send)
    hello(desk, "desk", session=4, at=160.0)
    assert desk.sent(Welcome)


def test_what_comes_together_with_the_tenth_offence_is_not_heard_any_more(desk):
    link = hello(desk, "desk")
    again = Hello(2, node_id("q"), "producer", "q", REALM, (1, 1))
    offences = [(number, Credit(1, 1)) for number in range(2, 12)]
    desk.turn(Received(link, [*offences, (1, again), (2, Ping(1)), (12, Ping(2))], "desk"))
    assert refusals(desk) == [("role", "this key is not admitted here any more")]
    assert desk.machine.listener.clients == {}


def test_a_sink_tells_the_same(desk):
    del desk
    sink = SinkDesk()
    sink.roster(node="worker", desk="producer")
    sink.fingerprints[b"w/1"] = "node"
    link = sink.hello()
    assert sink.sent(Welcome, link)
    sink.bring(link, 1, 1)
    assert sink.delivered() == [1]
    sink.fingerprints[b"p/1"] = "desk"
    producer = sink.producer()
    sink.say(producer, Results(1, []))
    assert sink.notices() == ["offence"]
    assert sink.delivered() is None


# -- another roster ---------------------------------------------------------------------------


def test_a_key_that_left_the_roster_loses_its_sessions_in_that_turn(desk):
    link = hello(desk, "desk")
    other = hello(desk, "other", "q")
    desk.roster(other="producer", node="worker")
    assert refusals(desk) == [("role", "this key is not admitted here any more")]
    assert desk.notices() == ["client_lost"]
    assert Forget(link) in desk.effects
    assert len(desk.of(Rebind)) == 1
    assert set(desk.machine.listener.clients) == {node_id("q")}
    desk.say(link, Ping(1))
    assert not desk.of(Send)
    desk.say(other, Ping(1))
    assert desk.sent(Pong, other)


def test_a_session_whose_link_is_down_is_given_up_too(desk):
    link = hello(desk, "desk")
    desk.turn(LinkDown(link))
    desk.roster(other="producer")
    assert desk.notices() == ["client_lost"]
    assert not desk.of(Send)
    assert desk.machine.listener.clients == {}


def test_a_key_that_lost_its_role_loses_the_sessions_in_it(desk):
    producer, observer = hello(desk, "desk"), hello(desk, "desk", "o", role="observer")
    desk.roster(desk="observer", other="producer")
    assert set(desk.machine.listener.clients) == {node_id("o")}
    assert [send.link for send in desk.of(Send)] == [producer]
    desk.say(observer, Info(1), Order(2, "drain"))
    assert desk.sent(Status, observer)
    assert not desk.sent(Ordered), "it is no admin any more"


def test_a_roster_that_takes_nothing_away_ends_nothing(desk):
    link = hello(desk, "desk")
    roles = {"desk": "producer admin", "other": "producer", "eye": "observer", "node": "worker"}
    desk.roster(**roles, more="worker")
    assert desk.effects == []
    desk.say(link, Ping(1))
    assert desk.sent(Pong, link)


def test_all_is_bound_anew_at_most_every_ten_seconds(desk):
    desk.roster(at=100.0, desk="producer", other="producer", eye="observer")
    assert len(desk.of(Rebind)) == 1
    desk.roster(at=101.0, desk="producer", other="producer")
    assert not desk.of(Rebind)
    desk.roster(at=102.0, desk="producer")
    assert not desk.of(Rebind)
    assert not any(isinstance(effect, Rebind) for effect in desk.until(109.9))
    assert sum(isinstance(effect, Rebind) for effect in desk.until(200.0)) == 1, "for both"


# -- those that insist ------------------------------------------------------------------------


def say_unheard(desk, count, at=None):
    numbered = [(number, Ping(number)) for number in range(1, count + 1)]
    return desk.turn(Received(b"x/1", numbered, "x"), at=at)


def test_a_hundred_messages_that_are_not_heard_end_all_connections(desk):
    say_unheard(desk, 99)
    assert desk.effects == [Forget(b"x/1")]
    say_unheard(desk, 1)
    assert desk.of(Rebind)
    say_unheard(desk, 99)
    assert not desk.of(Rebind), "it is counted from nothing"


def test_garbage_that_is_not_heard_counts_too(desk):
    desk.turn(*[Garbled(b"x/1", "no array", "x")] * 100)
    assert len(desk.of(Rebind)) == 1


def test_who_insists_on_makes_us_bind_every_ten_seconds_no_sooner(desk):
    at = []
    for tenth in range(1000, 1300):
        say_unheard(desk, 1000, at=tenth / 10)
        at += [desk.now for _ in desk.of(Rebind)]
    assert at == [100.0, 110.0, 120.0]


def test_without_keys_nothing_is_bound_anew():
    desk = WorkerDesk()
    for number in range(1, 300):
        desk.turn(Received(b"x/1", [(2, Ping(number))]), Garbled(b"x/1", "no array"))
        assert not desk.of(Rebind)


# -- what it says of itself -------------------------------------------------------------------


@pytest.mark.parametrize("make", [WorkerDesk, SinkDesk])
def test_its_keys_are_in_its_status(make):
    desk = make()
    link = desk.hello("o", role="observer")
    desk.say(link, Info(1))
    assert "keys" not in desk.sent(Status)[0].status
    about = {"member": "node", "serial": 4, "trouble": ""}
    desk.turn(Rostered({"": Access("eye", frozenset(["observer"]))}, about))
    desk.say(link, Info(2))
    assert desk.sent(Status)[0].status["keys"] == about


def test_the_producer_id_of_another_member_is_refused(desk):
    hello(desk, "desk", "p", producer_id="run-1")
    hello(desk, "other", "q", producer_id="run-1")
    assert refusals(desk)[-1].code == "role"
    assert "producer id" in refusals(desk)[-1].text
