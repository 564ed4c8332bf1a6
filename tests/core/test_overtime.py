from __future__ import annotations

import pytest
from desks import WorkerDesk

from zmqwork.core.effects import Alarm, Interrupt, Peek, Restart
from zmqwork.core.events import SlotDied, SlotReady
from zmqwork.core.messages import Cancel, Done, Return

# After a time-out at 100.5, and what the pool had to tell.
LATER = 100.505


@pytest.fixture
def desk():
    made = WorkerDesk()
    made.link = made.hello()
    return made


def failures(desk):
    return [
        (f.seq, f.attempt, f.outcome, f.error) for done in desk.sent(Done) for f in done.failures
    ]


def test_an_attempt_that_runs_too_long_has_failed_and_its_process_is_killed_after_a_grace(desk):
    desk.say(desk.link, desk.tasks(1, timeout=0.5))
    desk.until(100.49)
    assert failures(desk) == []
    desk.until(100.5)
    assert [p.slot for p in desk.of(Peek)] == [0]
    assert failures(desk) == []
    desk.until(LATER)
    [(seq, attempt, outcome, error)] = failures(desk)
    assert (seq, attempt, outcome) == (1, 1, "failed")
    assert error == {
        "type": "zmqwork.errors.TaskTimeout",
        "text": "it ran longer than its timeout of 0.5 s",
        "timeout": 0.5,
    }
    assert [(i.slot, i.attempt.seq) for i in desk.of(Interrupt)] == [(0, 1)]
    desk.until(101.51)
    assert [r.slot for r in desk.of(Restart)] == [0]
    assert desk.machine.counters["timeouts"] == 1


def test_one_that_ends_in_time_does_not_matter_any_more(desk):
    desk.say(desk.link, desk.tasks(1, timeout=0.5))
    desk.finish(1, at=100.4)
    assert desk.sent(Done)[0].seqs == [1]
    desk.until(101.0)
    assert failures(desk) == []


def test_a_result_that_comes_with_the_end_of_the_time_counts(desk):
    desk.say(desk.link, desk.tasks(1, timeout=0.5))
    desk.finish(1, at=100.5)
    assert (desk.sent(Done)[0].seqs, failures(desk)) == ([1], [])


def test_a_result_that_the_pool_had_not_told_yet_counts(desk):
    desk.say(desk.link, desk.tasks(1, timeout=0.5))
    desk.until(100.5)
    assert desk.of(Peek)
    desk.finish(1)
    assert desk.sent(Done)[0].seqs == [1]
    desk.until(LATER)
    assert failures(desk) == []


def test_a_result_after_it_does_not(desk):
    desk.say(desk.link, desk.tasks(1, timeout=0.5))
    desk.until(LATER)
    desk.finish(1, at=100.6)
    assert desk.sent(Done) == []
    desk.until(102.0)
    assert desk.of(Restart) == []


def test_each_attempt_has_its_own_time(desk):
    desk.say(desk.link, desk.tasks(1, timeout=0.5))
    desk.finish(1, at=100.4)
    desk.say(desk.link, desk.tasks(2, timeout=0.5))
    desk.until(100.8)
    assert failures(desk) == []
    desk.until(100.91)
    assert [seq for seq, *_ in failures(desk)] == [2]
    desk.finish(2)
    desk.say(desk.link, desk.tasks(3, timeout=0.5))
    desk.finish(3)
    desk.say(desk.link, desk.tasks(4))
    desk.until(102.0)
    assert failures(desk) == [], "the next one has no time-out"


def test_what_begins_anew_in_the_same_slot_has_all_its_time(desk):
    desk.say(desk.link, desk.tasks(1, timeout=0.5))
    desk.turn(SlotDied(0, 0), at=100.4)
    desk.turn(SlotReady(0))
    assert desk.placed() == [(0, 1)]
    desk.until(100.8)
    assert failures(desk) == []
    desk.until(100.91)
    assert [seq for seq, *_ in failures(desk)] == [1]


def test_the_time_spent_in_a_queue_does_not_count(desk):
    desk.say(desk.link, desk.tasks(1, timeout=0.0625))
    desk.say(desk.link, desk.tasks(2, timeout=0.0625))
    [back] = desk.sent(Return)
    assert back.seqs == [2]


@pytest.mark.parametrize(
    ("options", "final"),
    [
        ({}, None),
        ({"retry_for": ["TimeoutError"]}, None),
        ({"retry_for": ["ValueError"]}, True),
        ({"no_retry_for": ["zmqwork.errors.TaskTimeout"]}, True),
        ({"no_retry_for": ["OSError"]}, True),
    ],
)
def test_whether_it_is_tried_again_is_an_option_like_for_other_failures(desk, options, final):
    desk.say(desk.link, desk.tasks(1, timeout=0.5, **options))
    desk.until(LATER)
    assert failures(desk)[0][3].get("final") is final


def test_one_that_nobody_wants_any_more_has_not_failed(desk):
    desk.say(desk.link, desk.tasks(1, timeout=0.5, soft_timeout=0.25))
    desk.say(desk.link, Cancel([1]))
    desk.until(LATER)
    assert (failures(desk), desk.of(Alarm)) == ([], [])


def test_a_handler_is_told_before(desk):
    desk.say(desk.link, desk.tasks(1, soft_timeout=0.25, timeout=0.5))
    desk.until(100.25)
    assert [(a.slot, a.attempt.seq) for a in desk.of(Alarm)] == [(0, 1)]
    assert failures(desk) == []
    desk.until(LATER)
    assert len(failures(desk)) == 1
    assert desk.of(Alarm) == []


def test_in_a_thread_it_is_told_and_the_slot_stays_taken():
    desk = WorkerDesk(shares_process=True)
    link = desk.hello()
    desk.say(link, desk.tasks(1, timeout=0.5))
    desk.until(LATER)
    assert len(failures(desk)) == 1
    assert [(a.slot, a.attempt.seq) for a in desk.of(Alarm)] == [(0, 1)]
    desk.until(103.0)
    assert desk.of(Restart) == []
    desk.say(link, desk.tasks(2))
    assert desk.placed() == []
    desk.finish(1)
    assert desk.placed() == [(0, 2)]
