from __future__ import annotations

import pytest
from desks import REALM, node_id

from zmqwork.config import SinkConfig
from zmqwork.core.carriers import Carriers
from zmqwork.core.client import Client
from zmqwork.core.messages import Hello


@pytest.fixture
def carriers():
    config = SinkConfig(
        node_id=node_id("s"), name="s", realm=REALM, credit_count=1000, credit_bytes=100_000
    )
    return Carriers(config)


def come(carriers, *labels):
    for label in labels:
        carriers.opened(Client(Hello(1, node_id(label), "worker", label, REALM, (1, 1))))
    return [carriers.get(node_id(label)) for label in labels]


def grants(carriers):
    return [(carrier.client.name, *rest) for carrier, *rest in carriers.grants()]


def test_the_credit_is_shared(carriers):
    come(carriers, "a")
    assert grants(carriers) == [("a", 1000, 100_000)]
    assert grants(carriers) == []
    come(carriers, "b")
    assert grants(carriers) == [("a", 500, 50_000), ("b", 500, 50_000)]
    come(carriers, "c")
    assert grants(carriers) == [("a", 250, 25_000), ("b", 250, 25_000), ("c", 250, 25_000)]
    come(carriers, "d")
    assert grants(carriers) == [("d", 250, 25_000)], "the others keep what they have"
    assert len(carriers) == 4


def test_it_grows_again_when_most_have_left(carriers):
    come(carriers, "a", "b", "c", "d")
    grants(carriers)
    for label in "dcb":
        carriers.lost(node_id(label))
        carriers.lost(node_id("unknown"))
        told = grants(carriers)
    assert told == [("a", 1000, 100_000)]
    carriers.lost(node_id("a"))
    assert grants(carriers) == []


def test_everybody_gets_something():
    config = SinkConfig(node_id=node_id("s"), name="s", realm=REALM, credit_count=2, credit_bytes=3)
    carriers = Carriers(config)
    come(carriers, *"abcdefghi")
    assert {tuple(rest) for _, *rest in grants(carriers)} == {(1, 1)}


def test_a_new_session_is_told_anew(carriers):
    come(carriers, "a")
    grants(carriers)
    come(carriers, "a")
    assert grants(carriers) == [("a", 1000, 100_000)]


def test_acks_come_in_the_order_of_the_shelf(carriers):
    a, b = come(carriers, "a", "b")
    carriers.took(a, 1, 10, 100, 10)
    carriers.took(b, 1, 10, 100, 20)
    carriers.took(a, 2, 10, 100, 30)
    assert carriers.stored(9) == {}
    assert carriers.stored(20) == {a: 1, b: 1}
    assert (a.unacked_count, a.unacked_bytes, b.unacked_count) == (10, 100, 0)
    carriers.took(a, 3, 0, 0, 30)
    assert a.unacked_count == 11, "an empty batch counts, too"
    assert carriers.stored(30) == {a: 3}, "one ack for both"
    assert (a.unacked_count, a.unacked_bytes) == (0, 0)


def test_a_new_session_owes_nothing_of_the_last(carriers):
    a, b = come(carriers, "a", "b")
    carriers.took(a, 7, 10, 100, 10)
    carriers.took(b, 1, 10, 100, 20)
    come(carriers, "a")
    assert (a.unacked_count, a.unacked_bytes, a.heard) == (0, 0, 0)
    assert carriers.stored(20) == {b: 1}
    carriers.took(a, 7, 10, 100, 20)
    assert carriers.stored(20) == {a: 7}
    come(carriers, "a")


def test_a_batch_that_goes_back_is_objected_to(carriers):
    (a,) = come(carriers, "a")
    assert carriers.objection(a, 5, 1, 1) == ""
    carriers.took(a, 5, 1, 1, 1)
    assert carriers.objection(a, 6, 1, 1) == ""
    for batch in (5, 4):
        assert "came after batch 5" in carriers.objection(a, batch, 1, 1)


def test_too_much_is_objected_to(carriers):
    (a,) = come(carriers, "a")
    assert carriers.objection(a, 1, 5000, 10**9) == "", "one batch may be as large as it likes"
    carriers.took(a, 1, 1000, 100, 1000)
    assert carriers.objection(a, 2, 1000, 99_900) == "", "twice the credit was never granted"
    assert "twice the credit" in carriers.objection(a, 2, 1001, 0)
    assert "twice the credit" in carriers.objection(a, 2, 1, 200_000)


def test_pressed_is_who_may_soon_have_to_wait(carriers):
    (a,) = come(carriers, "a")
    assert a.is_pressed, "it was granted nothing yet"
    grants(carriers)
    assert not a.is_pressed
    carriers.took(a, 1, 499, 1, 499)
    assert not a.is_pressed
    carriers.took(a, 2, 1, 1, 500)
    assert a.is_pressed
    carriers.stored(500)
    carriers.took(a, 3, 1, 50_000, 501)
    assert a.is_pressed


@pytest.mark.parametrize(("count", "size_bytes"), [(501, 0), (1, 50_001)])
def test_what_the_gone_have_left_takes_the_place_of_more(carriers, count, size_bytes):
    """Workers that come and go would else fill the memory of a sink that stores nothing."""
    (a,) = come(carriers, "a")
    carriers.took(a, 1, count, size_bytes, count)
    carriers.lost(node_id("a"))
    come(carriers, "b")
    assert grants(carriers) == [("b", 0, 0)]
    assert carriers.stored(count) == {}, "nobody is there to be told"
    assert grants(carriers) == [("b", 1000, 100_000)]
