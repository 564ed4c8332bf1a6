from __future__ import annotations

import pytest
from desks import done, node_id, spec
from durable_desk import DurableDesk, legacy

from zmqwork.core.delivery import Route
from zmqwork.core.effects import Answer
from zmqwork.core.events import CancelRequested, EndRequested, StatusRequested
from zmqwork.core.ledger import TaskSpec
from zmqwork.core.link_events import LinkDown
from zmqwork.core.messages import (
    FAILED,
    HELD_DONE,
    HELD_QUEUED,
    HELD_RUNNING,
    LOST,
    Cancel,
    Credit,
    Failure,
    Return,
    Started,
)
from zmqwork.core.records import Batch, Recorded, Trial
from zmqwork.options import TaskOptions


def task(seq, of=None, **fields):
    return Recorded(of or spec(), seq, b"", **fields)


W = node_id("w")


def held(*seqs, state=HELD_RUNNING):
    return [(seq, 0, state) for seq in seqs]


def test_without_workers_before_it_waits_for_none():
    desk = DurableDesk(legacy(task(3), task(5)))
    link = desk.open(credit=5, slots=5)
    assert desk.given(link) == [(3, 1), (5, 1)]
    assert desk.machine.counters["recovered"] == 2


def test_a_journal_that_was_empty():
    desk = DurableDesk(legacy(newest=7, workers=[W]))
    assert not desk.machine._recovery.awaited
    assert desk.machine._books.ledger.newest == 7


def test_a_worker_that_comes_gets_nothing_while_others_are_awaited():
    desk = DurableDesk(legacy(task(1), workers=[W]))
    other = desk.open("other", credit=5, slots=5)
    assert desk.given(other) == []
    assert desk.batch().workers == (W, node_id("other"))  # who may hold attempts still
    desk.open("w", held=[])
    assert (1, 1) in desk.given()


def test_what_runs_at_its_worker_is_adopted():
    desk = DurableDesk(legacy(task(1), task(2), task(3), workers=[W]))
    link = desk.open(held=held(1) + held(2, state=HELD_QUEUED), credit=2, slots=5)
    assert desk.given(link) == []
    desk.say(link, Credit(5, 1 << 20))
    assert desk.given(link) == [(3, 1)]
    desk.write()
    desk.say(link, done(1, (1, 0)), Started([2], [0]))
    desk.write()
    assert desk.settled() == [(1, "succeeded")]


def test_a_result_that_is_there_is_taken():
    desk = DurableDesk(legacy(task(1), workers=[W]))
    link = desk.open(held=held(1, state=HELD_DONE), credit=5)
    desk.say(link, done(9, (1, 0)))
    assert desk.batch() == Batch(settled={"succeeded": [1]})
    assert desk.machine.counters["late"] == 0


def test_an_adopted_attempt_that_fails_is_followed_by_the_first_of_this_epoch():
    desk = DurableDesk(legacy(task(1, spec(retry_backoff=0)), workers=[W]))
    link = desk.open(held=held(1), credit=5, slots=5)
    desk.say(link, done(1, failures=[Failure(1, 0, FAILED, {"type": "E", "text": ""})]))
    assert desk.given(link) == [(1, 1)]


def test_an_adopted_attempt_that_is_returned_waits_again():
    desk = DurableDesk(legacy(task(1), workers=[W]))
    link = desk.open(held=held(1, state=HELD_QUEUED), credit=5, slots=5)
    desk.say(link, Return("recalled", [1], [0]))
    assert desk.given(link) == [(1, 1)]


def test_a_worker_that_does_not_come_is_waited_for_one_lease_long():
    desk = DurableDesk(legacy(task(1), workers=[W]))
    desk.until(103.9)
    assert desk.machine._books.withheld
    desk.until(104.0)
    assert not desk.machine._books.withheld
    link = desk.open("other", credit=5)
    assert desk.given(link) == [(1, 1)]
    assert desk.batch().workers == (node_id("other"),)
    # It comes after all, and runs the task: its result may still win, nothing is cancelled.
    late = desk.open("w", held=held(1))
    assert not desk.sent(Cancel, late)


def test_what_is_cancelled_while_it_is_withheld():
    desk = DurableDesk(legacy(task(1), task(2), workers=[W]))
    desk.turn(CancelRequested([1], "asked"))
    desk.write()
    assert desk.settled() == [(1, "cancelled")]
    link = desk.open(held=held(1), credit=5, slots=5)
    assert desk.given(link) == [(2, 1)]


def test_owners_come_with_their_tasks():
    desk = DurableDesk(legacy(task(4)))
    (entry,) = desk.machine._books.ledger
    assert entry.owner == "owner of 4"


@pytest.mark.parametrize(
    ("options", "fields", "wait"),
    [
        ({"countdown": 3.0}, {"age": 1.5}, 1.5),
        ({"countdown": 3.0}, {"age": 60.0}, 0.0),
        ({}, {"trial": Trial(1, 1, delay=1.25)}, 1.25),
        ({"countdown": 1.0}, {"age": 0.5, "trial": Trial(1, 1, delay=0.25)}, 0.5),
    ],
)
def test_nothing_begins_before_its_time(options, fields, wait):
    desk = DurableDesk(legacy(task(1, spec(**options), **fields)))
    link = desk.open(credit=5)
    if wait:
        assert desk.given(link) == []
        desk.until(100.0 + wait - 0.01)
        assert desk.given(link) == []
        desk.until(100.0 + wait)
    assert desk.given(link) == [(1, 1)]


def test_what_expires_does_so_at_its_time():
    desk = DurableDesk(
        legacy(task(1, spec(expires=5.0), age=4.0), task(2, spec(expires=5.0), age=9))
    )
    desk.turn()
    desk.write()
    assert desk.settled() == [(2, "expired")]
    desk.until(101.0)
    desk.write()
    assert desk.settled() == [(1, "expired")]


def test_what_it_has_been_through_counts():
    trial = Trial(
        1, failures=0, crashes=2, losses=2, evidence=[{"cause": "worker lost", "worker": "x"}]
    )
    desk = DurableDesk(legacy(task(1, trial=trial)))
    link = desk.open(credit=5)
    desk.say(link, Started([1], [1]))
    desk.lose()
    (letter,) = desk.batch().letters
    assert letter.state == "dead"
    assert len(letter.error["evidence"]) == 2


def test_why_it_waits_can_be_asked():
    desk = DurableDesk(legacy(task(1), workers=[W]))
    desk.turn(StatusRequested("asked", 1))
    (answer,) = [effect.value for effect in desk.effects if hasattr(effect, "value")]
    assert "may be at a worker" in answer["text"]


def test_why_it_is_not_dispatched_yet_can_be_asked():
    desk = DurableDesk()
    desk.submit(1)
    desk.turn(StatusRequested("asked", 1))
    (answer,) = [effect.value for effect in desk.effects if hasattr(effect, "value")]
    assert "written to the journal" in answer["text"]


# -- inboxes --------------------------------------------------------------------------------------


def to_inbox(seq, number, **fields):
    bound = TaskSpec("f", "1", TaskOptions(inbox="db"), inbox="db")
    return task(seq, bound, sink_seq=number, **fields)


def test_numbers_at_inboxes_go_on():
    left = legacy(to_inbox(4, 2), newest=9)
    left.inboxes = {"db": 6}
    desk = DurableDesk(left)
    link = desk.open(credit=5, slots=5)
    desk.open_sink("s", inbox="db")
    assert desk.destined(link) == {4: ("db", 2)}
    desk.file(10, of=spec(inbox="db"))
    assert desk.destined(link) == {10: ("db", 7)}


def test_what_the_inbox_has_is_not_run_again():
    desk = DurableDesk(legacy(to_inbox(4, 2), to_inbox(5, 3)))
    link = desk.open(credit=5, slots=5)
    desk.open_sink("s", inbox="db", taken=[[1, 2]])
    desk.write()
    assert desk.settled() == [(4, "succeeded")]
    assert 4 not in desk.destined(link)


def test_what_was_adopted_and_is_not_there_any_more_is_dispatched():
    """The worker gave this producer up, and dropped what it had not begun."""
    desk = DurableDesk(legacy(task(1), task(2), workers=[W]))
    desk.open(held=held(1) + held(2, state=HELD_QUEUED), credit=2, slots=2)
    desk.write()
    desk.turn(LinkDown(desk.link_of("w")))
    link = desk.greet("w", Credit(2, 1 << 20), held=held(1), slots=2)
    assert desk.given(link) == [(2, 1)]


def test_what_runs_does_not_expire_while_that_is_not_known():
    desk = DurableDesk(legacy(task(1, spec(expires=5.0), age=9.0), workers=[W]))
    desk.turn()
    assert desk.records() == []
    link = desk.open(held=held(1), credit=5, slots=5)
    desk.say(link, done(1, (1, 0)))
    desk.write()
    assert desk.settled() == [(1, "succeeded")]


def test_what_nobody_runs_expires_when_that_is_known():
    desk = DurableDesk(legacy(task(1, spec(expires=5.0), age=9.0), workers=[W]))
    desk.open(held=[], credit=5, slots=5)
    desk.until(desk.now + 0.001)
    desk.write()
    assert desk.settled() == [(1, "expired")]


def test_what_a_worker_has_not_begun_expires_when_that_is_known():
    desk = DurableDesk(legacy(task(1, spec(expires=5.0), age=9.0), workers=[W]))
    link = desk.open(held=held(1, state=HELD_QUEUED), credit=5, slots=5)
    assert desk.sent(Cancel, link) == [Cancel([1])]
    desk.write()
    assert desk.settled() == [(1, "expired")]


# -- what only another process could mix up -------------------------------------------------------


def test_no_worker_gets_a_task_before_the_journal_names_it():
    desk = DurableDesk(legacy(task(1)))
    link = desk.open(credit=5, slots=5, named=False)
    assert desk.given(link) == []
    assert desk.batch().workers == (W,)
    desk.write()
    assert desk.given(link) == [(1, 1)]
    desk.lose()  # nobody is named by that, so that nobody waits
    other = desk.open("other", credit=5, slots=5)
    desk.file(2)
    assert (2, 1) in desk.given(other)


def test_a_failure_that_an_earlier_process_has_counted_is_not_counted_again():
    of = spec(max_retries=1, retry_backoff=0)
    desk = DurableDesk(legacy(task(1, of, trial=Trial(1, failures=1)), workers=[W]))
    link = desk.open(held=held(1, state=HELD_DONE), credit=5, slots=5)
    desk.say(link, done(1, failures=[Failure(1, 0, FAILED, {"type": "E", "text": ""})]))
    assert desk.given(link) == [(1, 1)]
    (entry,) = desk.machine._books.ledger
    assert entry.failures == 1
    desk.say(link, done(2, failures=[Failure(1, 1, FAILED, {"type": "E", "text": ""})]))
    desk.write()
    assert desk.settled() == [(1, "failed")]


def test_a_failure_after_that_is_counted():
    of = spec(max_retries=3, retry_backoff=0)
    desk = DurableDesk(legacy(task(1, of, trial=Trial(1, failures=1)), workers=[W]))
    link = desk.open(held=held(1), credit=5, slots=5)
    desk.say(link, done(1, failures=[Failure(1, 0, FAILED, {"type": "E", "text": ""})]))
    (entry,) = desk.machine._books.ledger
    assert entry.failures == 2


def test_a_crash_is_counted_once_in_however_many_sessions_it_is_told():
    desk = DurableDesk(legacy(task(1), workers=[W]))
    crash = Failure(1, 0, LOST, {"type": "ChildDied", "text": ""})
    link = desk.open(held=held(1, state=HELD_DONE))  # (no credit: it stays attempt 0)
    desk.say(link, Credit(0, 0), done(1, failures=[crash]))
    desk.turn(LinkDown(link))
    link = desk.greet(held=held(1, state=HELD_DONE))
    desk.say(link, done(1, failures=[crash]))
    (entry,) = desk.machine._books.ledger
    assert entry.crashes == 1


def test_a_crash_of_before_is_not_forgiven_by_an_attempt_of_the_same_number():
    lost = {"cause": "worker lost", "worker": "x", "attempt": 1}
    desk = DurableDesk(legacy(task(1, trial=Trial(1, crashes=1, evidence=[lost]))))
    link = desk.open(credit=5, slots=5)
    assert desk.given(link) == [(1, 1)]
    desk.turn(LinkDown(link))
    desk.greet(held=[(1, 1, HELD_RUNNING)])
    (entry,) = desk.machine._books.ledger
    assert entry.crashes == 1
    desk.lose()  # this one is
    assert entry.crashes == 2
    desk.greet(held=[(1, 1, HELD_RUNNING)])
    assert entry.crashes == 1


def test_the_newest_attempt_of_an_inventory_counts():
    desk = DurableDesk(legacy(task(1)))
    link = desk.open(credit=5, slots=5)
    assert desk.given(link) == [(1, 1)]
    desk.turn(LinkDown(link))
    both = [(1, 1, HELD_RUNNING), (1, 0, HELD_DONE)]  # what has failed is not acked yet
    link = desk.greet("w", Credit(5, 1 << 20), held=both)
    (entry,) = desk.machine._books.ledger
    assert (desk.given(link), entry.state, entry.attempt) == ([], "started", 1)


def test_what_goes_to_no_inbox_is_numbered_in_a_place_of_its_own():
    first = 2**32 + 1
    desk = DurableDesk(legacy(task(1, spec(sink="results")), epoch=2))
    link = desk.open(credit=5, slots=5)
    desk.open_sink("s", sinks=["results"], taken=[(1, 7)])
    assert desk.destined(link) == {1: ("s", first)}


def test_a_sink_that_gets_nothing_is_told_of_no_end():
    desk = DurableDesk(legacy(task(1), epoch=2))
    desk.open_sink("s", sinks=["results"])
    desk.turn(EndRequested("end", 1.0))
    (answer,) = desk.of(Answer)
    assert answer.value == []


def test_a_worker_of_before_is_told_where_the_inbox_is_now():
    desk = DurableDesk(legacy(to_inbox(4, 2), to_inbox(5, 3), workers=[W, node_id("v")]))
    link = desk.open(held=held(4))
    desk.open_sink("s", inbox="db")
    assert set(desk.routed(link)) <= {4}
    assert [route.to.node_id for route in desk.sent(Route, link)] == [node_id("s")]
    other = desk.open("v", held=held(5))
    assert desk.routed(other) == {5: ("db", 3)}


def test_what_runs_at_a_worker_that_comes_late_is_adopted_as_long_as_nobody_else_has_it():
    desk = DurableDesk(legacy(task(1), task(2), workers=[W]))
    desk.until(104.0)
    link = desk.open(held=held(1) + held(2, state=HELD_QUEUED), credit=5, slots=5)
    assert desk.given(link) == desk.sent(Cancel, link) == []
    desk.say(link, done(1, (1, 0), (2, 0)))
    desk.write()
    assert sorted(desk.settled()) == [(1, "succeeded"), (2, "succeeded")]


def test_what_has_ended_at_a_worker_that_comes_late_is_not():
    desk = DurableDesk(legacy(task(1), workers=[W]))
    desk.until(104.0)
    link = desk.open(held=held(1, state=HELD_DONE))
    desk.say(link, done(1, (1, 0)))
    desk.write()
    assert desk.settled() == [(1, "succeeded")]
    assert desk.machine.counters["late"] == 1


def test_what_a_sink_may_have_under_an_older_number_is_not_said_to_be_there_under_the_new_one():
    desk = DurableDesk(legacy(task(1, spec(sink="results")), task(2, spec(sink="results"))))
    link = desk.open(credit=5, slots=5)
    desk.open_sink("s", sinks=["results"])
    desk.say(link, done(1, (1, 1), (2, 1)))
    desk.write()
    assert len(desk.settled()) == 2
    assert desk.outlet("s").succeeded == 0
