from __future__ import annotations

from random import Random

import pytest
from desks import Desk, node_id, welcome

from zmqwork.config import NodeConfig
from zmqwork.core import commissions
from zmqwork.core.effects import Answer
from zmqwork.core.events import OrderRequested
from zmqwork.core.link_events import (
    LinkDown,
    LinkUp,
    PeerFound,
    Probed,
)
from zmqwork.core.messages import Bye, Hello
from zmqwork.core.orders import REFUSED, SILENT, Order, Ordered
from zmqwork.core.watcher import Watcher


@pytest.fixture
def desk():
    config = NodeConfig(node_id="f" * 32, name="watcher", realm="realm")
    return Desk(Watcher(config, Random(1)))


def find(desk, label="one"):
    desk.turn(PeerFound(f"local:{label}", (f"ipc://{label}",), "worker"))


def link_of(desk, label="one"):
    return desk.machine.dialer.peers[f"local:{label}"].link


def greet(desk, label="one", can=("obey",), role="producer"):
    link = link_of(desk, label)
    desk.turn(LinkUp(link))
    (hello,) = desk.sent(Hello)
    desk.say(link, welcome(label, hello.session, can=list(can), role=role))
    return link


def open_(desk, label="one", **more):
    find(desk, label)
    return greet(desk, label, **more)


def order(desk, verb="cancel", label="one", patience=2.0, request="request", **arguments):
    desk.turn(OrderRequested(request, node_id(label), Order(0, verb, arguments), patience))


def answers(desk):
    return [(answer.request, answer.value) for answer in desk.of(Answer)]


def test_it_is_said_at_once_and_answered(desk):
    open_(desk, "other")
    link = open_(desk)
    order(desk, tasks=[7])
    assert desk.sent(Order, link) == [Order(1, "cancel", {"tasks": [7]})]
    desk.say(link_of(desk, "other"), Ordered(1))
    assert answers(desk) == []
    desk.say(link, Ordered(9), Ordered(1, value={"tasks": [7]}))
    assert answers(desk) == [("request", Ordered(1, value={"tasks": [7]}))]
    desk.say(link, Ordered(1))
    assert answers(desk) == []


def test_it_waits_for_its_node(desk):
    find(desk)
    order(desk)
    order(desk, "pause", label="other")
    assert desk.sent(Order) == []
    link = greet(desk)
    assert desk.sent(Order, link) == [Order(1, "cancel")]


def test_nobody_comes(desk):
    order(desk)
    desk.until(desk.now + 1.9)
    assert answers(desk) == []
    desk.until(desk.now + 0.2)
    text = f"node {node_id('one')[:8]} could not be reached in time"
    assert answers(desk) == [("request", Ordered(1, SILENT, text))]


def test_nobody_answers(desk):
    open_(desk)
    order(desk)
    desk.until(desk.now + 2.1)
    ((_, answer),) = answers(desk)
    assert (answer.code, "did not answer" in answer.text) == (SILENT, True)


def test_one_that_takes_no_orders(desk):
    open_(desk, can=())
    order(desk)
    ((_, answer),) = answers(desk)
    assert (answer.code, "takes no orders" in answer.text) == (REFUSED, True)


@pytest.mark.parametrize("verb", ["cancel", "of_a_newer_version"])
def test_what_changes_something_is_not_said_twice(desk, verb):
    link = open_(desk)
    order(desk, verb)
    desk.turn(LinkDown(link))
    greet(desk)
    ((_, answer),) = answers(desk)
    assert (answer.code, "or not" in answer.text) == (SILENT, True)
    assert desk.sent(Order) == []


def test_what_only_asks_is(desk):
    link = open_(desk)
    order(desk, "tasks")
    desk.turn(LinkDown(link))
    link = greet(desk)
    assert desk.sent(Order, link) == [Order(1, "tasks")]


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (lambda desk, link: desk.say(link, Bye()), "left"),
        (lambda desk, link: desk.turn(LinkDown(link), Probed("local:one", gone=True)), "was lost"),
    ],
)
def test_its_node_ends(desk, end, text):
    link = open_(desk)
    order(desk)
    end(desk, link)
    ((_, answer),) = answers(desk)
    assert (answer.code, text in answer.text) == (SILENT, True)


def test_there_may_be_so_many(desk, monkeypatch):
    monkeypatch.setattr(commissions, "ORDERS_MAX", 1)
    order(desk)
    order(desk, request="other")
    ((request, answer),) = answers(desk)
    assert (request, answer.code) == ("other", REFUSED)
