from __future__ import annotations

import pytest
from desks import node_id

from zmqwork.core.bundle import RESULT_BYTES, Batch, Bundle
from zmqwork.core.client import Client
from zmqwork.core.clients import Account
from zmqwork.core.messages import Hello


@pytest.fixture
def account():
    return Account(Client(Hello(1, node_id("p"), "producer", "p", "realm", (1, 1))))


def filled(account, *seqs, value=b"12345"):
    bundle = Bundle(account, "producer", "f")
    bundle.seqs += seqs
    bundle.sink_seqs += [10 * seq for seq in seqs]
    bundle.attempts += [1] * len(seqs)
    bundle.values += [value] * len(seqs)
    bundle.measure()
    return bundle


def columns(bundle):
    assert bundle.size_bytes == sum(map(len, bundle.values))
    lengths = {len(bundle.sink_seqs), len(bundle.attempts), len(bundle.values)}
    assert lengths == {len(bundle)}
    assert bundle.sink_seqs == [10 * seq for seq in bundle.seqs]
    return bundle.seqs


def test_it_travels_as_columns(account):
    parcel = filled(account, 1, 2).parcel()
    assert (parcel.producer_id, parcel.name) == ("producer", "f")
    assert (parcel.seqs, parcel.sink_seqs) == ([1, 2], [10, 20])
    assert parcel.values == [b"12345", b"12345"]


def test_a_result_weighs_more_than_its_value(account):
    assert filled(account, 1, 2).weight == 10 + 2 * RESULT_BYTES


def test_what_fits_is_counted_and_measured(account):
    bundle = filled(account, 1, 2, 3)
    assert bundle.fitting(3, 15) == 3
    assert bundle.fitting(2, 15) == 2
    assert bundle.fitting(9, 14) == 2
    assert bundle.fitting(9, 4) == 0
    assert bundle.fitting(-1, 99) == 0


def test_the_first_are_split_off(account):
    bundle = filled(account, 1, 2, 3)
    head = bundle.split(2)
    assert (head.account, head.producer_id, head.name) == (account, "producer", "f")
    assert columns(head) == [1, 2]
    assert columns(bundle) == [3]


def test_two_become_one(account):
    bundle = filled(account, 1)
    bundle.extend(filled(account, 2, 3, value=b"1"))
    assert columns(bundle) == [1, 2, 3]


def test_some_are_taken_out_and_columns_that_were_sent_stay_as_they_were(account):
    bundle = filled(account, 1, 2, 3)
    sent = bundle.parcel()
    assert columns(bundle.take([7])) == []
    assert bundle.seqs is sent.seqs
    out = bundle.take([3, 1])
    assert columns(out) == [1, 3]
    assert columns(bundle) == [2]
    assert sent.seqs == [1, 2, 3]
    assert sent.values == [b"12345"] * 3


def test_a_batch_counts_what_is_in_it(account):
    batch = Batch(7, [filled(account, 1, 2), filled(account, 3)])
    assert (batch.number, batch.count, batch.size_bytes) == (7, 3, 15)
    batch.bundles[0].take([1])
    assert batch.count == 3, "as it was sent"
    batch.measure()
    assert (batch.count, batch.size_bytes) == (2, 10)
