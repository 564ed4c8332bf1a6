from __future__ import annotations

import pytest
from desks import node_id

from zmqwork.core import clients
from zmqwork.core.client import Client
from zmqwork.core.clients import Account, Held, Outcomes
from zmqwork.core.messages import FAILED, HELD_DONE, HELD_QUEUED, HELD_RUNNING, Failure, Hello


@pytest.fixture
def account():
    return Account(Client(Hello(1, node_id("p"), "producer", "p", "realm", (1, 1))))


def held(account, seq, attempt=1):
    item = Held(account, seq, attempt, "f", b"", {}, None)
    account.held[seq] = item
    return item


def succeed(outcomes, *seqs, value=b"value"):
    for seq in seqs:
        outcomes.seqs.append(seq)
        outcomes.attempts.append(1)
        outcomes.values.append(value)


def fail(outcomes, *seqs):
    outcomes.failures.extend(Failure(seq, 1, FAILED, {}) for seq in seqs)


def test_an_attempt_says_where_it_is(account):
    item = held(account, 3, attempt=2)
    assert item.producer_id == node_id("p")
    assert repr(item) == "<Held 3 f ready, attempt 2>"
    item.placed = True
    assert "placed" in repr(item)
    item.dropped = True
    assert "dropped" in repr(item)


def test_outcomes_leave_in_one_batch(account):
    outcomes = account.outcomes
    assert not outcomes
    succeed(outcomes, 1, 2)
    fail(outcomes, 3)
    outcomes.spent("f", 2, 0.5)
    outcomes.spent("f", 1, 0.25)
    assert outcomes
    (done,) = account.post(10.0)
    assert (done.batch, done.seqs, done.values) == (1, [1, 2], [b"value", b"value"])
    assert [failure.seq for failure in done.failures] == [3]
    assert done.times == {"f": [3.0, 0.75]}
    assert not account.outcomes


def test_failures_alone_are_outcomes(account):
    fail(account.outcomes, 3)
    (done,) = account.post(10.0)
    assert (done.seqs, [failure.seq for failure in done.failures]) == ([], [3])


def test_batches_are_cut_by_count(account, monkeypatch):
    monkeypatch.setattr(clients, "BATCH_COUNT_MAX", 2)
    monkeypatch.setattr(clients, "FAILURES_MAX", 2)
    succeed(account.outcomes, 1, 2, 3)
    fail(account.outcomes, 4, 5, 6, 7, 8)
    batches = account.post(10.0)
    assert [done.batch for done in batches] == [1, 2, 3, 4]
    assert [done.seqs for done in batches] == [[1, 2], [3], [], []]
    assert [[f.seq for f in done.failures] for done in batches] == [[], [4, 5], [6, 7], [8]]


def test_batches_are_cut_by_bytes_but_one_result_always_fits(account, monkeypatch):
    monkeypatch.setattr(clients, "BATCH_BYTES_MAX", 10)
    outcomes = Outcomes()
    account.outcomes = outcomes
    succeed(outcomes, 1, 2, value=b"12345")
    succeed(outcomes, 3, value=b"x" * 50)
    succeed(outcomes, 4, value=b"1")
    assert [done.seqs for done in account.post(10.0)] == [[1, 2], [3], [4]]


def test_the_outbox_keeps_what_is_not_acked(account):
    for seq in (1, 2, 3):
        succeed(account.outcomes, seq)
        account.post(10.0 + seq)
    assert account.outbox_bytes == 15
    assert account.acked(2) == 12.0
    assert account.outbox_bytes == 5
    assert account.acked(2) is None
    assert account.acked(99) == 13.0
    assert account.outbox_bytes == 0


def test_everything_unacked_is_sent_again_in_a_new_session(account):
    succeed(account.outcomes, 1)
    account.post(10.0)
    succeed(account.outcomes, 2)  # ended in this very turn
    assert [done.seqs for done in account.resend(50.0)] == [[1], [2]]
    assert account.acked(2) == 50.0, "a round trip does not include the outage"
    assert account.resend(60.0) == []


def test_the_inventory_names_all_that_is_held_and_unacked(account):
    held(account, 1).begun = True
    held(account, 2, attempt=3)
    succeed(account.outcomes, 4)
    fail(account.outcomes, 5)
    account.post(10.0)
    assert account.inventory() == [
        [1, 1, HELD_RUNNING],
        [2, 3, HELD_QUEUED],
        [4, 1, HELD_DONE],
        [5, 1, HELD_DONE],
    ]


def test_what_was_dropped_while_parked_is_forgotten(account):
    one, other = held(account, 1), held(account, 2)
    account.prune()
    account.parked = [one, other]
    one.dropped = True
    account.prune()
    assert account.parked == [other]


def test_what_a_sink_has_is_done_with_nil(account):
    account.owe(3, 400)
    account.owe(-2, -300)
    assert (account.finished, account.unacked_bytes) == (1, 100)
    account.outcomes.stored([1, 2], [1, 3], 8.0)
    account.outcomes.stored([3], [1], 7.0)
    account.outcomes.stored([4], [1], 9.0)
    (done,) = account.post(10.0)
    assert (done.seqs, done.attempts, done.values) == ([1, 2, 3, 4], [1, 3, 1, 1], [b"\xc0"] * 4)
    assert account.unacked_bytes == 104
    assert account.acked(1) == 7.0, "a round trip begins with the way to the sink"
    assert account.unacked_bytes == 100
    succeed(account.outcomes, 5)
    account.post(11.0)
    assert account.acked(2) == 11.0
