from __future__ import annotations

import pytest

from zmqwork.core.ledger import Entry, Ledger, TaskSpec
from zmqwork.core.lifecycle import ASKED, DISPATCHED, RESTING, STARTED, SUCCEEDED, WAITING
from zmqwork.core.trouble import CHILD_DIED, EVIDENCE_MAX, WORKER_LOST, Trouble
from zmqwork.options import TaskOptions

SPEC = TaskSpec("f", "1", TaskOptions())


def entry(seq):
    return Entry(seq, SPEC, b"arguments", "owner")


def test_a_fresh_entry():
    fresh = entry(7)
    assert (fresh.state, fresh.attempt, fresh.worker) == (WAITING, 0, None)
    assert (fresh.failures, fresh.crashes, fresh.value, fresh.error) == (0, 0, None, None)
    assert repr(fresh) == "<Entry 7 f waiting, attempt 0>"


def test_moves_go_by_the_table():
    one = entry(1)
    one.move("dispatched")
    one.move("started")
    assert one.state == STARTED
    with pytest.raises(KeyError):
        one.move("dispatched")


def test_the_ledger_holds_what_is_unsettled():
    ledger = Ledger()
    one, other = entry(1), entry(2)
    ledger.add(one)
    ledger.add(other)
    assert list(ledger) == [one, other]
    assert ledger.get(1) is one
    assert ledger.get(3) is None
    other.state = RESTING
    assert ledger.counts() == {WAITING: 1, RESTING: 1, DISPATCHED: 0, STARTED: 0, ASKED: 0}
    one.state = STARTED
    ledger.settle(one, "succeeded")
    assert (one.state, one.args, one.worker) == (SUCCEEDED, b"", None)
    assert one.owner == "owner"
    assert len(ledger) == 1
    assert ledger.get(1) is None
    assert ledger.settled_counts[SUCCEEDED] == 1
    assert list(ledger.entries) == [2]


def test_a_number_is_used_once():
    ledger = Ledger()
    ledger.add(entry(1))
    with pytest.raises(AssertionError, match="twice"):
        ledger.add(entry(1))


def test_trouble_is_made_at_the_first_trouble():
    one = entry(1)
    assert one.trouble is None
    one.troubled().failures += 1
    one.troubled().crashes += 2
    assert (one.failures, one.crashes) == (1, 2)


def test_evidence_is_bounded_to_the_newest():
    trouble = Trouble()
    for count in range(EVIDENCE_MAX + 5):
        trouble.note({"cause": "failed", "count": count})
    assert [record["count"] for record in trouble.evidence] == list(range(5, EVIDENCE_MAX + 5))


def test_a_worker_that_comes_back_takes_its_crash_back():
    trouble = Trouble(crashes=3)
    trouble.note({"cause": "failed"})
    trouble.note({"cause": CHILD_DIED, "attempt": 2})
    trouble.note({"cause": WORKER_LOST, "attempt": 2})
    trouble.note({"cause": WORKER_LOST, "attempt": 3})
    trouble.absolve(2)
    assert trouble.crashes == 2
    assert [record.get("attempt") for record in trouble.evidence] == [None, 2, 3]
    trouble.absolve(2)
    assert trouble.crashes == 2


def test_what_a_worker_is_told_of_the_options():
    assert TaskSpec("f", "", TaskOptions()).told() == {"queue": "default"}
    options = TaskOptions(queue="q", retry_for=(OSError, "pkg.Busy"), no_retry_for=TimeoutError)
    assert TaskSpec("f", "", options).told() == {
        "queue": "q", "retry_for": ["OSError", "pkg.Busy"], "no_retry_for": ["TimeoutError"],
    }  # fmt: skip
    chunk = TaskSpec("f[]", "", TaskOptions(timeout=5.0, soft_timeout=2.0), item_count=10)
    assert chunk.told() == {"queue": "default", "timeout": 50.0, "soft_timeout": 20.0}


def test_what_a_worker_is_told_of_headers_and_ignored_results():
    told = TaskSpec("f", "1", TaskOptions(headers={"b": "2", "a": "1"}, ignore_result=True)).told()
    assert told == {"queue": "default", "headers": {"a": "1", "b": "2"}, "ignore_result": True}


def test_who_has_a_fallback_keeps_the_arguments_for_it():
    ledger = Ledger()
    for seq, fallback in ((1, None), (2, "something else")):
        entry = Entry(seq, TaskSpec("f", "1", TaskOptions(), fallback=fallback), b"args", None)
        ledger.add(entry)
        ledger.settle(entry, "cancelled")
        assert entry.args == (b"" if fallback is None else b"args")
