from __future__ import annotations

from random import Random

import pytest
from desks import Desk, node_id, welcome

from zmqwork.config import NodeConfig
from zmqwork.core.effects import Answer, HangUp, Left
from zmqwork.core.events import DrainRequested, StatusRequested, StopRequested
from zmqwork.core.link_events import (
    LinkDown,
    LinkUp,
    PeerFound,
    Probed,
    Received,
)
from zmqwork.core.messages import Bye, Draining, Hello, Info, Pong, Refused, Status
from zmqwork.core.watcher import Watcher


@pytest.fixture
def desk():
    config = NodeConfig(node_id="f" * 32, name="watcher", realm="realm")
    return Desk(Watcher(config, Random(1)))


def open_(desk, label):
    desk.turn(PeerFound(f"local:{label}", (f"ipc://{label}",), "worker"))
    link = desk.machine.dialer.peers[f"local:{label}"].link
    desk.turn(LinkUp(link))
    (hello,) = desk.sent(Hello)
    desk.say(link, welcome(label, hello.session))
    return link


def answers(desk):
    return [(a.request, [n["name"] for n in a.value["nodes"]]) for a in desk.of(Answer)]


def test_everybody_is_asked_and_the_answer_waits_for_latecomers(desk):
    one = open_(desk, "one")
    desk.turn(StatusRequested("request"))
    assert desk.sent(Info, one) == [Info(1)]
    desk.say(one, Status(1, {"name": "one"}))
    assert answers(desk) == []
    two = open_(desk, "two")
    assert desk.sent(Info, two) == [Info(1)]
    desk.say(two, Status(1, {"name": "two"}))
    desk.until(100.29)
    assert answers(desk) == []
    desk.until(100.3)
    assert answers(desk) == [("request", ["one", "two"])]


def test_the_silent_are_named(desk):
    open_(desk, "one")
    desk.turn(StatusRequested("request"))
    desk.until(102.5)
    (answer,) = desk.of(Answer)
    assert answer.value["nodes"] == []
    (unheard,) = answer.value["unheard"]
    assert (unheard["name"], unheard["state"]) == ("worker-one", "suspect")


def test_those_that_have_left_are_not_waited_for(desk):
    link = open_(desk, "one")
    desk.say(link, Bye())
    desk.turn(StatusRequested("request"))
    desk.until(desk.now + 0.4)
    assert answers(desk) == [("request", [])]


def test_the_lost_are_not_waited_for(desk):
    link = open_(desk, "one")
    desk.turn(LinkDown(link), Probed("local:one", gone=True))
    desk.turn(StatusRequested("request"))
    desk.until(100.3)
    assert answers(desk) == [("request", [])]


def test_requests_that_overlap_are_answered_together(desk):
    link = open_(desk, "one")
    desk.turn(StatusRequested("a"))
    desk.turn(StatusRequested("b"), at=100.1)
    desk.say(link, Status(1, {"name": "one"}))
    desk.until(100.4)
    assert answers(desk) == [("a", ["one"]), ("b", ["one"])]


def test_nobody_is_there(desk):
    desk.turn(StatusRequested("request"))
    desk.until(100.3)
    assert answers(desk) == [("request", [])]
    assert desk.machine.deadline() is None


@pytest.mark.parametrize("event", [StopRequested, DrainRequested])
def test_it_leaves_when_told(desk, event):
    link = open_(desk, "one")
    desk.turn(event())
    assert desk.sent(Bye, link)
    assert desk.of(HangUp)
    assert desk.of(Left)


def test_what_happens_to_peers_does_not_disturb_it(desk):
    link = open_(desk, "one")
    desk.until(102.0)
    desk.say(link, Pong(1))
    desk.say(link, Draining())
    desk.say(link, Bye())
    assert desk.machine.dialer.peers["local:one"].state == "left"
    assert desk.machine.dialer.peers["local:one"].node_id == node_id("one")


def test_one_producer_is_asked_about_a_task_and_the_others_are_not_waited_for(desk):
    one, two = open_(desk, "1one"), open_(desk, "2two")
    desk.turn(StatusRequested("request", 7, node_id("2two")[:31]))
    assert (desk.sent(Info, one), desk.sent(Info, two)) == ([Info(2)], [Info(2, 7)])
    desk.say(two, Status(2, {"name": "two"}))
    assert answers(desk) == [("request", ["two"])]


def test_without_that_producer_all_others_tell_what_they_know(desk):
    link = open_(desk, "1one")
    desk.turn(StatusRequested("request", 7, "abc"))
    assert desk.sent(Info, link) == [Info(2)]
    desk.say(link, Status(2, {"name": "one"}))
    assert answers(desk) == []
    desk.until(100.3)
    assert answers(desk) == [("request", ["one"])]


def test_another_question_ends_the_one_before_and_late_answers_to_that_do_not_count(desk):
    link = open_(desk, "1one")
    desk.turn(StatusRequested("a"))
    desk.turn(StatusRequested("b", 7, node_id("1one")))
    assert answers(desk) == [("a", [])]
    desk.say(link, Status(1, {"name": "late"}))
    assert answers(desk) == []
    desk.say(link, Status(2, {"name": "one"}))
    assert answers(desk) == [("b", ["one"])]


def refuse(desk, link):
    desk.turn(LinkUp(link), Received(link, [(1, Refused("realm", "not yours"))]))


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (lambda desk, link: None, "no connection"),
        (lambda desk, link: desk.turn(LinkUp(link)), "connected, but nobody greets"),
        (refuse, "it refused: not yours"),
        (lambda desk, link: desk.turn(LinkDown(link)), "dialled again later"),
    ],
)
def test_why_a_peer_was_not_heard(desk, happens, why):
    desk.turn(PeerFound("static:tcp://a:1", ("tcp://a:1",), "", "static"))
    happens(desk, desk.machine.dialer.peers["static:tcp://a:1"].link)
    desk.turn(StatusRequested("request"))
    desk.turn(StatusRequested("other", 1))
    (unheard,) = desk.of(Answer)[0].value["unheard"]
    assert why in unheard["why"]
    assert (unheard["source"], unheard["endpoint"]) == ("static", "tcp://a:1")


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (lambda desk, link: None, "connected, and alive, but it did not answer in time"),
        (lambda desk, link: desk.say(link, Bye()), "it has left"),
        (
            lambda desk, link: desk.turn(LinkDown(link), Probed("local:one", gone=True)),
            "its process is gone",
        ),
    ],
)
def test_why_a_peer_that_was_heard_before_does_not_answer(desk, happens, why):
    link = open_(desk, "one")
    happens(desk, link)
    desk.turn(StatusRequested("request"))
    desk.turn(StatusRequested("other", 1))
    (unheard,) = desk.of(Answer)[0].value["unheard"]
    assert unheard["why"] == why
