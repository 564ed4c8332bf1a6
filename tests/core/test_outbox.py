from __future__ import annotations

import pytest
from desks import node_id

from zmqwork.core import outbox
from zmqwork.core.bundle import RESULT_BYTES
from zmqwork.core.client import Client
from zmqwork.core.clients import Account, Target
from zmqwork.core.link_events import PeerFound
from zmqwork.core.liveness import Liveness
from zmqwork.core.messages import Hello
from zmqwork.core.outbox import Outbox
from zmqwork.core.peer import Peer

MUCH = 1 << 20
TO = Target("", "inbox", "producer")


@pytest.fixture
def account():
    return Account(Client(Hello(1, node_id("p"), "producer", "p", "realm", (1, 1))))


@pytest.fixture
def box():
    return Outbox("key", "label")


def peer(name="s"):
    made = Peer(PeerFound(name, ("tcp://127.0.0.1:7000",), "sink"), Liveness(2.0, 4.0, 0.0))
    made.name, made.node_id = name, node_id(name)
    return made


def fill(box, account, *seqs, name="f", value=b"12345", to=TO):
    bundle = box.fresh(account, to, name)
    for seq in seqs:
        bundle.seqs.append(seq)
        bundle.sink_seqs.append(10 * seq)
        bundle.attempts.append(1)
        bundle.values.append(value)
    box.absorb()


def seqs(results):
    return [parcel.seqs for parcel in results.parcels]


def sent(box, now=100.0):
    """All that may be sent now: (batch, seqs of each parcel)."""
    out = []
    while (results := box.next_batch(now)) is not None:
        out.append((results.batch, seqs(results)))
    return out


def consistent(box):
    bundles = list(box)
    assert box.count == sum(map(len, bundles))
    assert box.size_bytes == sum(bundle.size_bytes for bundle in bundles)
    assert box.weight == box.size_bytes + RESULT_BYTES * box.count


# -- what comes in --------------------------------------------------------------------------------


def test_what_a_turn_has_brought_is_counted_when_it_is_over(box, account):
    bundle = box.fresh(account, TO, "f")
    assert box.fresh(account, Target("s", "inbox", "producer"), "f") is bundle
    assert box.fresh(account, TO, "g") is not bundle
    assert box.fresh(account, Target("", "inbox", "another"), "f") is not bundle
    assert box.fresh(account, Target("s", "", "producer"), "f") is not bundle
    fill(box, account, 1, 2)
    assert box.fresh(account, TO, "f") is not bundle
    assert (box.count, box.size_bytes) == (2, 10)
    assert (account.finished, account.unacked_bytes) == (2, 10 + 2 * RESULT_BYTES)
    consistent(box)
    assert repr(box) == "<Outbox of label: 2 results, 0 sent>"


def test_a_turn_without_news_is_no_news(box, account):
    assert box.absorb() is False
    box.fresh(account, TO, "f")
    assert box.absorb() is True, "a turn that only dropped something"
    assert list(box) == []
    consistent(box)


def test_results_of_one_kind_wait_together(box, account):
    fill(box, account, 1)
    fill(box, account, 2, name="g")
    fill(box, account, 3)
    assert [bundle.seqs for bundle in box] == [[1, 3], [2]]
    consistent(box)


# -- credit ---------------------------------------------------------------------------------------


def test_without_credit_nothing_goes(box, account):
    fill(box, account, 1, 2, 3)
    box.attach(peer())
    assert box.label == "s#0000"
    assert sent(box) == []
    box.grant(0, MUCH)
    assert sent(box) == []
    box.grant(9, 0)
    assert sent(box) == []
    box.grant(1, 1)
    assert sent(box) == [(1, [[1]])]


def test_credit_counts_results(box, account):
    fill(box, account, *range(1, 8))
    box.attach(peer())
    box.grant(5, MUCH)
    assert sent(box) == [(1, [[1, 2, 3, 4, 5]])]
    box.acked(1)
    assert sent(box) == [(2, [[6, 7]])]
    fill(box, account, 8, 9, 10, 11)
    assert sent(box) == [(3, [[8, 9, 10]])]
    consistent(box)


def test_credit_counts_bytes(box, account):
    fill(box, account, *range(1, 8))
    box.attach(peer())
    box.grant(99, 12)
    assert sent(box) == [(1, [[1, 2]])]
    box.grant(99, 17)
    assert sent(box) == [(2, [[3]])]
    box.acked(1)
    assert sent(box) == [(3, [[4, 5]])]
    consistent(box)


def test_a_result_larger_than_all_credit_goes_alone(box, account):
    fill(box, account, 1, 2)
    fill(box, account, 3, name="g", value=b"x" * 50)
    box.attach(peer())
    box.grant(99, 12)
    assert sent(box) == [(1, [[1, 2]])]
    box.acked(1)
    assert sent(box) == [(2, [[3]])]


def test_a_result_larger_than_a_batch_goes_alone_as_far_as_credit_goes(box, account, monkeypatch):
    monkeypatch.setattr(outbox, "BATCH_BYTES_MAX", 20)
    box.attach(peer())
    box.grant(99, 75)
    fill(box, account, 1)
    fill(box, account, 2, 3, 4, value=b"x" * 30)
    assert sent(box) == [(1, [[1]]), (2, [[2]]), (3, [[3]])], "65 of 75 bytes"
    box.acked(1)
    assert sent(box) == []
    box.acked(2)
    assert sent(box) == [(4, [[4]])]


def test_batches_are_cut_by_count_and_bytes(box, account, monkeypatch):
    monkeypatch.setattr(outbox, "BATCH_COUNT_MAX", 3)
    monkeypatch.setattr(outbox, "BATCH_BYTES_MAX", 20)
    box.attach(peer())
    box.grant(99, MUCH)
    fill(box, account, 1, 2, 3, 4)
    fill(box, account, 5, 6, name="g", value=b"x" * 8)
    assert sent(box) == [(1, [[1, 2, 3]]), (2, [[5, 6]]), (3, [[4]])], "what is left goes last"
    consistent(box)


def test_lowered_credit_counts_what_is_unacked(box, account):
    fill(box, account, 1, 2, 3)
    box.attach(peer())
    box.grant(2, MUCH)
    assert sent(box) == [(1, [[1, 2]])]
    box.grant(1, MUCH)
    assert sent(box) == []
    box.acked(1)
    assert sent(box) == [(2, [[3]])]


# -- sessions -------------------------------------------------------------------------------------


def test_all_that_is_unacked_goes_again_in_order_and_under_its_number(box, account):
    box.attach(peer())
    box.grant(99, MUCH)
    for seq in (1, 2, 3):
        fill(box, account, seq, seq + 10)
        assert sent(box) == [(seq, [[seq, seq + 10]])]
    box.acked(1)
    box.detach()
    fill(box, account, 4)
    box.attach(peer())
    assert sent(box) == [], "the credit of an older session is void"
    box.grant(1, MUCH)
    assert sent(box) == [(2, [[2, 12]])], "one batch may be larger than the credit"
    box.grant(3, MUCH)
    assert sent(box) == [], "two of three are unacked, and two would be more"
    box.grant(4, MUCH)
    assert sent(box) == [(3, [[3, 13]])]
    box.grant(99, 0)
    assert sent(box) == []
    box.grant(99, MUCH)
    assert sent(box) == [(4, [[4]])]
    consistent(box)


def test_bytes_bound_what_goes_again(box, account):
    box.attach(peer())
    box.grant(99, MUCH)
    for seq in (1, 2):
        fill(box, account, seq)
        sent(box)
    box.attach(peer("another"))
    box.grant(99, 9)
    assert sent(box) == [(1, [[1]])]
    box.grant(99, 10)
    assert sent(box) == [(2, [[2]])]


def test_acks_of_what_was_not_sent_in_this_session_are_of_no_account(box, account):
    box.attach(peer())
    box.grant(99, MUCH)
    for seq in (1, 2):
        fill(box, account, seq)
        sent(box)
    assert box.acked(0) == []
    box.attach(peer())
    assert box.acked(2) == []
    box.grant(1, MUCH)
    assert sent(box) == [(1, [[1]])]
    assert [batch.number for batch in box.acked(2**63)] == [1]
    assert box.acked(2) == []
    assert sent(box) == [(2, [[2]])]
    assert [batch.number for batch in box.acked(2)] == [2]
    assert (box.count, list(box)) == (0, [])


def test_an_ack_tells_what_it_acked_and_when_that_was_sent(box, account):
    box.attach(peer())
    box.grant(99, MUCH)
    fill(box, account, 1)
    fill(box, account, 2, name="g")
    sent(box, 101.0)
    fill(box, account, 3)
    sent(box, 102.0)
    first, second = box.acked(2)
    assert [bundle.seqs for bundle in first.bundles] == [[1], [2]]
    assert (first.sent_at, second.sent_at) == (101.0, 102.0)


# -- what goes elsewhere --------------------------------------------------------------------------


def test_what_is_taken_out_goes_in_no_batch_any_more(box, account):
    box.attach(peer())
    box.grant(4, MUCH)
    fill(box, account, 1, 2)
    fill(box, account, 3, 4, name="g")
    assert sent(box) == [(1, [[1, 2], [3, 4]])]
    fill(box, account, 5, 6)
    other = Account(account.client)
    assert box.take(other, [1, 5]) == []
    taken = box.take(account, [1, 3, 4, 5, 99])
    assert [bundle.seqs for bundle in taken] == [[1], [3, 4], [5]]
    assert [bundle.seqs for bundle in box] == [[2], [6]]
    assert sent(box) == [], "four are unacked over there"
    (batch,) = box.acked(1)
    assert [bundle.seqs for bundle in batch.bundles] == [[2]]
    assert sent(box) == [(2, [[6]])]
    assert (box.count, box.size_bytes) == (1, 5)


def test_a_batch_of_which_nothing_is_left_is_not_sent_again(box, account):
    box.attach(peer())
    box.grant(99, MUCH)
    for seq in (1, 2, 3):
        fill(box, account, seq)
        sent(box)
    box.take(account, [1, 3])
    box.attach(peer())
    box.grant(99, MUCH)
    assert sent(box) == [(2, [[2]])]
    fill(box, account, 4)
    assert sent(box) == [(4, [[4]])]
    box.acked(4)
    assert list(box) == []


def test_what_nobody_is_told_of_is_delivered_all_the_same(box, account):
    other = Account(account.client)
    box.attach(peer())
    box.grant(2, MUCH)
    fill(box, account, 1)
    fill(box, other, 2)
    sent(box)
    fill(box, account, 3)
    fill(box, other, 4)
    box.disown(account)
    box.disown(account)
    assert {(bundle.account, *bundle.seqs) for bundle in box} == {
        (None, 1),
        (None, 3),
        (other, 2),
        (other, 4),
    }
    assert (box.count, box.size_bytes) == (4, 20)
    box.acked(1)
    assert sent(box) == [(2, [[4], [3]])]


def test_what_is_for_one_node_alone_can_be_taken_out(box, account):
    box.attach(peer())
    box.grant(2, MUCH)
    alone = Target(node_id("s"), "", "producer")
    fill(box, account, 1)
    fill(box, account, 2, to=alone)
    assert sent(box) == [(1, [[1], [2]])]
    fill(box, account, 3)
    fill(box, account, 4, to=alone)
    assert [(bundle.node_id, bundle.seqs) for bundle in box.evict()] == [
        (node_id("s"), [2]),
        (node_id("s"), [4]),
    ]
    assert box.evict() == []
    assert [bundle.seqs for bundle in box] == [[1], [3]]
    consistent(box)


def test_a_node_keeps_its_own(account):
    box = Outbox(node_id("s"), "label")
    fill(box, account, 1, to=Target(node_id("s"), "", "producer"))
    assert box.evict() == []


def test_what_is_here_for_a_target_and_a_number_is_found(box, account):
    box.attach(peer())
    box.grant(2, MUCH)
    fill(box, account, 1, 2)
    sent(box)
    fill(box, account, 3, name="g")
    fill(box, Account(account.client), 4)
    numbers = {1: 10, 2: 21, 3: 30, 4: 40, 5: 50}
    assert box.addressed(account, TO, numbers) == [1, 3]
    assert box.addressed(account, Target("", "inbox", "another"), numbers) == []
    assert box.addressed(account, Target("s", "", "producer"), numbers) == []


def test_everything_can_be_given_up(box, account):
    box.attach(peer())
    box.grant(1, MUCH)
    fill(box, account, 1, 2)
    sent(box)
    assert [bundle.seqs for bundle in box.clear()] == [[1], [2]]
    assert (box.count, box.size_bytes, list(box)) == (0, 0, [])
    box.grant(9, MUCH)
    fill(box, account, 3)
    assert sent(box) == [(2, [[3]])], "numbers go on"
