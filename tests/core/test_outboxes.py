from __future__ import annotations

import pytest
from desks import node_id

from zmqwork.core.bundle import RESULT_BYTES
from zmqwork.core.client import Client
from zmqwork.core.clients import Account, Target
from zmqwork.core.messages import HELD_DONE, Hello
from zmqwork.core.outboxes import Outboxes, key_of


def account_of(label):
    return Account(Client(Hello(1, node_id(label), "producer", "p", "realm", (1, 1))))


@pytest.fixture
def account():
    return account_of("p")


@pytest.fixture
def boxes():
    return Outboxes()


def fill(box, account, *seqs, name="f"):
    bundle = box.fresh(account, Target("", "orders", "producer"), name)
    for seq in seqs:
        bundle.seqs.append(seq)
        bundle.sink_seqs.append(10 * seq)
        bundle.attempts.append(3)
        bundle.values.append(b"12345")


def test_an_inbox_is_never_mistaken_for_a_node():
    assert key_of(node_id("s"), "") == node_id("s")
    assert key_of(node_id("s"), "orders") == key_of("", "orders")
    assert key_of("", node_id("s")) != node_id("s")


def test_there_is_one_for_each_key(boxes):
    assert boxes.get("one") is None
    one = boxes.of("one")
    assert boxes.of("one") is one is boxes.get("one")
    assert boxes.of("two") is not one
    assert list(boxes) == [one, boxes.get("two")]
    assert list(boxes.touched) == list(boxes)


def test_numbers_are_used_once(boxes):
    """A sink may yet ack what another outbox for it has sent, of which nothing was left."""
    one = boxes.of("one")
    one.number = 5
    boxes.forget(one)
    assert boxes.get("one") is None
    assert boxes.touched == {}
    assert boxes.of("one").number == 5
    boxes.forget(boxes.of("two"))
    assert boxes.of("three").number == 5


def test_what_is_on_its_way_is_counted(boxes, account):
    fill(boxes.of("one"), account, 1, 2)
    fill(boxes.of("two"), account, 3)
    assert boxes.count == 0
    for box in boxes:
        boxes.absorb(box)
    assert boxes.changed
    assert (boxes.count, boxes.weight) == (3, 15 + 3 * RESULT_BYTES)


def test_a_look_without_news_changes_nothing(boxes):
    boxes.absorb(boxes.of("one"))
    assert not boxes.changed


def test_results_are_taken_from_wherever_they_are(boxes, account):
    one, two, three = boxes.of("one"), boxes.of("two"), boxes.of("three")
    fill(one, account, 1, 2)
    fill(two, account, 3)
    fill(two, account_of("q"), 2)
    fill(three, account, 4)
    boxes.touched.clear()
    taken = boxes.take(account, [2, 3, 7])
    assert [(box, bundle.seqs) for box, bundle in taken] == [(one, [2]), (two, [3])]
    assert list(boxes.touched) == [one, two]
    assert boxes.changed
    assert [(one.count, two.count, three.count)] == [(1, 1, 1)]


def test_the_inventory_is_what_an_account_has_on_its_way(boxes, account):
    fill(boxes.of("one"), account, 1, 2)
    fill(boxes.of("one"), account_of("q"), 3)
    fill(boxes.of("two"), account, 4, name="g")
    assert boxes.inventory(account) == [
        [1, 3, HELD_DONE],
        [2, 3, HELD_DONE],
        [4, 3, HELD_DONE],
    ]
    boxes.disown(account)
    assert boxes.inventory(account) == []
    assert boxes.count == 4


def test_status(boxes, account):
    fill(boxes.of(node_id("s")), account, 1, 2)
    boxes.of(key_of("", "orders"))
    boxes.absorb(boxes.of(node_id("s")))
    nothing = {"node_id": "", "inbox": "", "connected": False, "results": 0, "bytes": 0}
    assert boxes.status() == [
        nothing | {"name": "sink #0000", "results": 2, "bytes": 10},
        nothing | {"name": "inbox orders", "inbox": "orders"},
    ]
