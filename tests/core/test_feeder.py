from __future__ import annotations

import pytest
from desks import WorkerDesk

from zmqwork.core import feeder
from zmqwork.core.effects import Alarm, Interrupt, Restart, TakeBack
from zmqwork.core.events import (
    Finished,
    SlotDied,
    SlotReady,
    TakenBack,
)
from zmqwork.core.messages import LOST, Cancel, Demand, Done, Pong, Recall, Return, Started


def short(desk, *names, seconds=0.0):
    """These tasks are known to be short, and much credit is granted."""
    for name in names:
        desk.machine._feeder._pace.observe(name, 100, 100 * seconds)
    desk.machine._window.ran(1_000_000, 0.001)
    desk.machine._window.acked(0.1, desk.now)


@pytest.fixture
def desk():
    made = WorkerDesk(slots=2, tasks={"f": "1", "g": "1", "long": "1"})
    short(made, "f", "g")
    made.link = made.hello()
    return made


def held(desk):
    return list(desk.account().held)


def test_nothing_is_handed_to_a_slot_that_is_not_ready():
    desk = WorkerDesk(ready=False)
    link = desk.hello()
    desk.say(link, desk.tasks(1))
    assert desk.placed() == []
    desk.turn(SlotReady(0))
    assert desk.placed() == [(0, 1)]


def test_short_tasks_go_in_chunks_shared_out_evenly(desk):
    desk.say(desk.link, desk.tasks(*range(10)))
    assert [slot for slot, _ in desk.placed()] == [0] * 5 + [1] * 5
    assert [seq for _, seq in desk.placed()] == list(range(10))


def test_long_and_unknown_tasks_go_one_by_one(desk):
    desk.say(desk.link, desk.tasks(1, 2, 3, name="long"))
    assert desk.placed() == [(0, 1), (1, 2)]
    desk.finish(1, seconds=1.0)
    assert desk.placed() == [(0, 3)]


def test_short_tasks_of_several_kinds_share_a_chunk(desk):
    desk.say(desk.link, desk.tasks(1, 2), desk.tasks(3, 4, name="g"))
    assert [slot for slot, _ in desk.placed()] == [0, 0, 1, 1]


def test_a_long_task_ends_a_chunk(desk):
    desk.say(desk.link, desk.tasks(1), desk.tasks(2, name="long"), desk.tasks(3, 4))
    assert desk.placed() == [(0, 1), (1, 2)]
    desk.finish(1)
    assert desk.placed() == [(0, 3), (0, 4)]


def test_dropped_attempts_are_skipped(desk):
    desk.say(desk.link, desk.tasks(1, 2, name="long"))
    desk.say(desk.link, desk.tasks(3, 4, 5, name="long"))
    desk.say(desk.link, Cancel([3, 99]))
    desk.finish(1, seconds=1.0)
    assert desk.placed() == [(0, 4)]


def test_expired_attempts_are_returned(desk):
    desk.say(desk.link, desk.tasks(1, 2, name="long"))
    desk.say(desk.link, desk.tasks(3, name="long", deadline=0.5), desk.tasks(4, name="long"))
    desk.finish(1, at=100.5, seconds=0.5)
    assert desk.sent(Return) == [Return("expired", [3], [1])]
    assert desk.placed() == [(0, 4)]
    assert held(desk) == [2, 4]


def test_an_attempt_within_its_deadline_runs(desk):
    desk.say(desk.link, desk.tasks(1, deadline=0.5))
    assert desk.placed() == [(0, 1)]
    (item,) = desk.machine._feeder.slots[0].given
    assert item.deadline_at == 100.5


def test_a_slot_that_dies_blames_what_ran_and_the_rest_moves_on(desk):
    desk.say(desk.link, desk.tasks(*range(6)))
    assert [seq for slot, seq in desk.placed() if slot == 0] == [0, 1, 2]
    desk.turn(SlotDied(0, 1, {"signal": "SIGSEGV"}))
    (done,) = desk.sent(Done)
    (failure,) = done.failures
    assert (failure.seq, failure.outcome, failure.error["signal"]) == (0, LOST, "SIGSEGV")
    assert held(desk) == [1, 2, 3, 4, 5]
    assert desk.placed() == [(1, 1), (1, 2)]
    assert desk.machine.counters["crashes"] == 1


def test_a_slot_that_dies_between_two_attempts_blames_none(desk):
    desk.say(desk.link, desk.tasks(1, name="long"))
    desk.turn(SlotDied(0, 0))
    assert desk.sent(Done) == []
    assert desk.placed() == [(1, 1)]
    desk.turn(SlotDied(0, 1))
    assert desk.sent(Done) == []


def test_the_death_of_a_dropped_attempt_is_not_told(desk):
    desk.say(desk.link, desk.tasks(1, name="long"))
    desk.say(desk.link, Cancel([1]))
    desk.turn(SlotDied(0, 1))
    assert desk.sent(Done) == []


def test_results_of_a_slot_that_was_restarted_are_late(desk):
    desk.say(desk.link, desk.tasks(1, name="long"))
    desk.turn(SlotDied(0, 0))
    desk.turn(Finished(0, [(True, b"late")], 0.1), Finished(1, [], 0.0))
    assert desk.sent(Done) == []


def test_a_running_attempt_that_nobody_wants_is_interrupted_then_killed(desk):
    desk.say(desk.link, desk.tasks(1, 2, name="long"))
    desk.say(desk.link, desk.tasks(3, name="long"))
    desk.say(desk.link, Cancel([1, 3]))
    assert [(i.slot, i.attempt.seq) for i in desk.of(Interrupt)] == [(0, 1)]
    desk.until(100.99)
    assert desk.of(Restart) == []
    desk.until(101.0)
    assert [r.slot for r in desk.of(Restart)] == [0]
    desk.turn(SlotReady(0))
    assert held(desk) == [2]


def test_one_that_is_revoked_for_good_is_killed_at_once(desk):
    desk.say(desk.link, desk.tasks(1, 2, name="long"))
    desk.say(desk.link, Cancel([1], hard=True))
    assert [r.slot for r in desk.of(Restart)] == [0]
    desk.turn(SlotReady(0))
    assert held(desk) == [2]


def test_in_a_thread_that_is_told_to_its_handler():
    desk = WorkerDesk(shares_process=True)
    link = desk.hello()
    desk.say(link, desk.tasks(1))
    desk.say(link, Cancel([1], hard=True))
    assert [(a.slot, a.attempt.seq) for a in desk.of(Alarm)] == [(0, 1)]
    desk.until(105.0)
    assert desk.of(Restart) == []


def test_one_that_heeds_the_interrupt_is_not_killed(desk):
    desk.say(desk.link, desk.tasks(1, name="long"))
    desk.say(desk.link, Cancel([1]))
    desk.finish(1)
    assert desk.sent(Done) == []
    desk.until(101.5)
    assert desk.of(Restart) == []


def test_a_thread_cannot_be_killed():
    desk = WorkerDesk(shares_process=True)
    link = desk.hello()
    desk.say(link, desk.tasks(1))
    desk.say(link, Cancel([1]))
    assert desk.of(Interrupt)
    desk.until(105.0)
    assert desk.of(Restart) == []


def test_a_dropped_attempt_that_begins_all_the_same_is_interrupted(desk):
    desk.say(desk.link, desk.tasks(1, 2, 3, 4))
    desk.say(desk.link, Cancel([2]))
    assert desk.of(Interrupt) == []
    desk.finish(1)
    assert [i.attempt.seq for i in desk.of(Interrupt)] == [2]
    desk.finish(2)
    assert desk.sent(Done) == []


def test_started_names_who_runs_by_then(desk):
    desk.say(desk.link, desk.tasks(1, 2, name="long"))
    desk.until(100.005)
    desk.say(desk.link, desk.tasks(3, name="long"))
    desk.finish(1, seconds=0.005)
    desk.until(100.01)
    assert desk.sent(Started) == [Started([2], [1])]
    desk.until(100.015)
    assert desk.sent(Started) == [Started([3], [1])]


def test_in_the_thread_of_the_loop_started_is_told_before_the_handler_begins():
    desk = WorkerDesk(shares_process=True, shares_thread=True, tasks={"f": "1", "g": "1"})
    short(desk, "f", seconds=0.02)
    link = desk.hello()
    desk.say(link, desk.tasks(1, 2), desk.tasks(3, name="g"))
    for seq in (1, 2, 3):
        assert desk.placed() == [(0, seq)], "alone: while it runs nobody could tell of another"
        assert desk.sent(Started) == [Started([seq], [1])]
        desk.finish(seq)
    desk.until(desk.now + 1.0)
    assert desk.sent(Started) == []


def test_in_the_thread_of_the_loop_quick_tasks_pay_nothing():
    desk = WorkerDesk(shares_process=True, shares_thread=True)
    short(desk, "f", seconds=0.001)
    link = desk.hello()
    desk.say(link, desk.tasks(1, 2, 3))
    assert desk.placed() == [(0, 1), (0, 2), (0, 3)]
    assert desk.sent(Started) == []
    desk.say(link, Cancel([2]))
    desk.finish(1)
    assert [i.attempt.seq for i in desk.of(Interrupt)] == [2]
    # It turned out not to be quick: what is left in the slot is told of, when its turn comes.
    desk.machine._feeder._pace.observe("f", 1000, 1000.0)
    desk.finish(2)
    assert desk.sent(Started) == [Started([3], [1])]


def test_dropped_attempts_are_not_told_of(desk):
    desk.say(desk.link, desk.tasks(1, name="long"))
    desk.say(desk.link, Cancel([1]))
    desk.until(100.5)
    assert desk.sent(Started) == []


def test_the_queue_of_ready_attempts_is_swept(monkeypatch):
    monkeypatch.setattr(feeder, "_READY_MIN", 8)
    desk = WorkerDesk()
    short(desk, "f")
    link = desk.hello()
    desk.say(link, desk.tasks(0, 1, name="g"), Demand(3))
    for first in range(2, 200, 4):
        desk.say(link, desk.tasks(*range(first, first + 4)))
        desk.say(link, Recall(4), Pong(0))
        assert len(desk.machine._feeder.ready) <= 2 * 8 + 4
    assert held(desk) == [0, 1]


def test_a_chunk_ends_where_only_dropped_attempts_are_left():
    desk = WorkerDesk()
    short(desk, "f")
    link = desk.hello()
    desk.say(link, desk.tasks(0, name="g"), desk.tasks(1, 2, 3))
    desk.say(link, Cancel([2, 3]))
    desk.finish(0)
    assert desk.placed() == [(0, 1)]


def test_one_batch_of_results_of_one_kind(desk):
    desk.say(desk.link, desk.tasks(*range(10)))
    desk.finish(0, 1, 2)
    (done,) = desk.sent(Done)
    assert done.seqs == [0, 1, 2]
    assert done.times == {"f": [3.0, pytest.approx(0.003)]}


def test_two_kinds_in_one_batch_of_results_are_told_apart(desk):
    desk.say(desk.link, desk.tasks(1), desk.tasks(2, name="g"))
    desk.turn(Finished(0, [(True, b"1")], 0.25), Finished(1, [(False, {"type": "E"})], 0.5))
    (done,) = desk.sent(Done)
    assert done.times == {"f": [1.0, 0.25], "g": [1.0, 0.5]}
    assert desk.machine.counters["failed"] == 1


def test_runs_of_two_producers_in_one_slot_go_to_their_own():
    desk = WorkerDesk()
    short(desk, "f")
    one, two = desk.hello("one"), desk.hello("two")
    desk.turn(desk.heard(one, desk.tasks(1)), desk.heard(two, desk.tasks(1)))
    assert desk.placed() == [(0, 1), (0, 1)]
    desk.turn(Finished(0, [(True, b"one"), (True, b"two")], 0.1))
    assert [done.values for done in desk.sent(Done, one)] == [[b"one"]]
    assert [done.values for done in desk.sent(Done, two)] == [[b"two"]]


# -- a quick kind that takes long after all ---------------------------------------------------------


def given(desk, slot):
    return [item.seq for item in desk.machine._feeder.slots[slot].given]


def answer(desk, slot, *seqs, at=None):
    """The pool gives these back."""
    items = {item.seq: item for item in desk.machine._feeder.slots[slot].given}
    return desk.turn(TakenBack(slot, [items[seq] for seq in seqs]), at=at)


@pytest.fixture
def stuck(desk):
    """Slot 0 runs task 0, of a quick kind, for 20 ms, and has four others; slot 1 has nothing."""
    desk.say(desk.link, desk.tasks(*range(10)))
    desk.finish(*range(5, 10), slot=1, at=100.005)
    assert not desk.of(TakeBack), "it may be done at any moment"
    desk.until(100.02)
    return desk


def test_what_waits_behind_it_goes_to_an_idle_slot(stuck):
    assert [effect.slot for effect in stuck.effects if isinstance(effect, TakeBack)] == [0]
    answer(stuck, 0, 1, 2, 3, 4)
    assert given(stuck, 0) == [0]
    assert sorted(stuck.placed()) == [(1, 1), (1, 2), (1, 3), (1, 4)]


def test_the_pool_is_asked_once(stuck):
    stuck.turn(at=100.03)
    assert not stuck.of(TakeBack)
    answer(stuck, 0, at=100.04)
    stuck.turn(at=100.05)
    assert not stuck.of(TakeBack), "it has begun what it did not give back"


def test_nothing_follows_a_long_attempt_into_its_slot(stuck):
    answer(stuck, 0, 1, 2, 3, 4)
    stuck.say(stuck.link, stuck.tasks(*range(10, 20)))
    assert {slot for slot, _ in stuck.placed()} == {1}
    stuck.finish(0, slot=0)
    stuck.say(stuck.link, stuck.tasks(20))
    assert stuck.placed() == [(0, 20)]


def test_what_was_dropped_meanwhile_is_forgotten(stuck):
    items = list(stuck.machine._feeder.slots[0].given)
    stuck.say(stuck.link, Cancel([1, 2]))
    stuck.turn(TakenBack(0, items[1:]))
    assert [seq for _, seq in stuck.placed()] == [3, 4]


def test_the_answer_of_a_slot_that_was_restarted_changes_nothing(stuck):
    items = list(stuck.machine._feeder.slots[0].given)
    stuck.turn(SlotDied(0, 1, {"signal": "SIGKILL"}))
    assert [seq for _, seq in stuck.placed()] == [1, 2, 3, 4]
    stuck.turn(TakenBack(0, items[1:]))
    assert stuck.placed() == []
    assert given(stuck, 1) == [1, 2, 3, 4]


def test_a_slot_that_had_begun_nothing_begins_anew(stuck):
    """A child that the system lets wait gives back even what was taken for running."""
    answer(stuck, 0, 0, 1, 2, 3, 4, at=100.03)
    first = stuck.machine._feeder.slots[0].given[0]
    assert first.seq == 0, "it comes to the same slot"
    assert first.begun
    stuck.finish(*given(stuck, 1), slot=1, at=100.035)
    assert not stuck.of(TakeBack), "it may be done at any moment"
    stuck.until(100.05)
    assert stuck.of(TakeBack), "it takes long, and is asked again"
    stuck.say(stuck.link, Cancel([0]))
    assert [effect.attempt.seq for effect in stuck.of(Interrupt)] == [0]


def test_a_recall_reaches_what_waits_in_a_slot(desk):
    desk.say(desk.link, desk.tasks(*range(4)))
    desk.until(100.02)
    desk.say(desk.link, Recall(2))
    assert [effect.slot for effect in desk.of(TakeBack)] == [0, 1]
    assert not desk.sent(Return)
    items = [list(desk.machine._feeder.slots[slot].given)[1:] for slot in (0, 1)]
    desk.turn(TakenBack(0, items[0]), TakenBack(1, items[1]))
    assert desk.placed() == [], "both slots are stuck"
    desk.say(desk.link, Recall(2))
    assert [message.seqs for message in desk.sent(Return)] == [[1, 3]]
