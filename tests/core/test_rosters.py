"""A roster that an observer brings is the shell's to judge; the machine tells what came of it."""

from __future__ import annotations

import pytest
from desks import ProducerDesk, SinkDesk, WorkerDesk, node_id
from durable_desk import DurableDesk

from zmqwork.core.effects import TakeRoster
from zmqwork.core.events import RosterTaken
from zmqwork.core.link_events import LinkDown
from zmqwork.core.messages import Hello, Welcome
from zmqwork.core.orders import REFUSED, UNFIT, Order, Ordered

LINK = b"observer/1"


@pytest.fixture(params=[ProducerDesk, DurableDesk, WorkerDesk, SinkDesk])
def desk(request):
    """A node, and an observer that has dialled in."""
    made = request.param()
    made.say(LINK, Hello(1, node_id("o"), "observer", "o", "realm", (1, 1)))
    (said,) = made.sent(Welcome, LINK)
    assert "obey" in said.can
    return made


def brought(desk, request=7):
    desk.say(LINK, Order(request, "roster", {}, [b"text"]))
    assert desk.sent(Ordered) == []
    (effect,) = desk.of(TakeRoster)
    assert effect.text == b"text"
    return effect


def test_what_came_of_it(desk):
    effect = brought(desk)
    desk.turn(RosterTaken(effect.request, before=3, serial=4, written=True))
    assert desk.sent(Ordered, LINK) == [
        Ordered(7, value={"before": 3, "serial": 4, "written": True})
    ]


def test_why_it_was_not_taken(desk):
    effect = brought(desk, 8)
    desk.turn(RosterTaken(effect.request, "no keys"))
    assert desk.sent(Ordered, LINK) == [Ordered(8, REFUSED, "no keys")]


def test_an_observer_that_has_gone_is_told_nothing(desk):
    effect = brought(desk)
    desk.turn(LinkDown(LINK))
    desk.turn(RosterTaken(effect.request, before=3, serial=4, written=True))
    assert desk.sent(Ordered) == []


def test_an_order_without_a_roster(desk):
    desk.say(LINK, Order(7, "roster"))
    assert [answer.code for answer in desk.sent(Ordered)] == [UNFIT]
    assert desk.of(TakeRoster) == []


def test_a_worker_cannot_order_a_sink():
    desk = SinkDesk()
    link = desk.hello()
    desk.say(link, Order(7, "roster", {}, [b"text"]))
    assert (desk.of(TakeRoster), desk.sent(Ordered)) == ([], [])
    assert desk.machine.listener.counters.strays == 1
