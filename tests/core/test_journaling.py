from __future__ import annotations

import pytest
from desks import done, entries, node_id, spec
from durable_desk import DurableDesk, legacy

from zmqwork.core.effects import Answer, Left, Notice, Record, Settle
from zmqwork.core.events import (
    CancelRequested,
    ClaimRequested,
    StopRequested,
    Submitted,
)
from zmqwork.core.ledger import TaskSpec
from zmqwork.core.letters import RevivalRequested
from zmqwork.core.messages import FAILED, LOST, Bye, Cancel, DoneAck, Failure, Tasks
from zmqwork.core.records import Batch, Filed, Letter, Recorded, Trial, WriteFailed, WriteRefused
from zmqwork.options import TaskOptions


@pytest.fixture
def desk():
    return DurableDesk()


def failure(seq, attempt=1, outcome=FAILED, **error):
    return Failure(seq, attempt, outcome, {"type": "E", "text": "no"} | error)


# -- submission -----------------------------------------------------------------------------------


def test_a_task_is_dispatched_when_it_is_recorded(desk):
    link = desk.open(credit=5, slots=5)
    desk.write()
    desk.submit(1, 2, args=b"x")
    assert desk.batch() == Batch(filed=[Filed(spec(), [1, 2], [b"x", b"x"])])
    assert desk.given(link) == []
    assert desk.confirmed() == []
    desk.write()
    assert desk.given(link) == [(1, 1), (2, 1)]
    assert desk.confirmed() == [2]


def test_a_batch_has_a_part_for_each_kind_in_order(desk):
    desk.turn()
    kinds = [spec("f"), spec("g"), spec("f", queue="q")]
    made = [entries(n, of=kinds[n % 3])[0] for n in (3, 4, 5, 8)]
    desk.turn(Submitted(made))
    assert [(part.spec, part.seqs) for part in desk.batch().filed] == [
        (kinds[0], [3]), (kinds[1], [4]), (kinds[2], [5, 8]),
    ]  # fmt: skip


def test_turns_without_anything_to_record_are_not_recorded(desk):
    desk.turn()
    assert desk.records() == []


def test_several_turns_may_wait_and_are_written_at_once(desk):
    link = desk.open(credit=5, slots=5)
    desk.write()
    desk.submit(1)
    desk.submit(2)
    desk.submit(3)
    desk.write(desk.number - 1)
    assert desk.given(link) == [(1, 1), (2, 1)]
    assert desk.confirmed() == [2]
    desk.write()
    assert desk.given(link) == [(3, 1)]
    desk.write()  # said again
    assert desk.given(link) == []


def test_a_countdown_is_from_submission_on(desk):
    link = desk.open(credit=5, slots=5)
    desk.submit(1, of=spec(countdown=1.5))
    desk.write(at=101.0)
    assert not desk.given(link)
    desk.until(101.4)
    assert not desk.given(link)
    desk.until(101.5)
    assert desk.given(link) == [(1, 1)]


def test_a_task_that_expires_before_it_is_recorded_is_expired_after_that(desk):
    desk.submit(1, of=spec(expires=1.0))
    desk.until(101.0)
    assert desk.settled() == []
    (record,) = desk.of(Record)
    assert record.batch == Batch(settled={"expired": [1]})
    desk.write()
    assert desk.settled() == [(1, "expired")]


def test_what_one_worker_alone_may_run_is_not_recorded(desk):
    link = desk.open(credit=5, slots=5)
    desk.write()
    pinned = TaskSpec("f", "1", TaskOptions(), node=node_id("w"))
    desk.submit(1, of=pinned)
    assert desk.records() == []
    assert desk.given(link) == [(1, 1)]
    desk.say(link, done(1, (1, 1)))
    assert desk.records() == []
    assert desk.settled() == [(1, "succeeded")]


def test_what_is_not_recorded_keeps_its_place_behind_what_is(desk):
    link = desk.open(credit=5, slots=5)
    desk.write()
    desk.submit(1)
    pinned = TaskSpec("f", "1", TaskOptions(), node=node_id("w"))
    desk.submit(2, of=pinned)
    assert desk.given(link) == []
    desk.write()
    assert sorted(desk.given(link)) == [(1, 1), (2, 1)]
    desk.submit(3)
    desk.say(link, done(1, (2, 1)))
    assert desk.settled() == []
    desk.write()
    assert desk.settled() == [(2, "succeeded")]


def test_numbers_at_inboxes_are_recorded(desk):
    to_inbox = spec(inbox="db")
    desk.submit(1, 2, of=to_inbox)
    (filed,) = desk.batch().filed
    assert (filed.spec.inbox, filed.seqs, filed.sink_seqs) == ("db", [1, 2], [1, 2])
    link = desk.open(credit=5, slots=5, named=False)
    desk.open_sink("s", inbox="db")
    desk.write()
    assert desk.destined(link) == {1: ("db", 1), 2: ("db", 2)}


def test_an_inbox_that_has_a_result_already(desk):
    desk.open_sink("s", inbox="db", taken=[[1, 1]])
    desk.submit(1, 2, of=spec(inbox="db"))
    assert desk.batch().settled == {"succeeded": [1]}
    assert desk.settled() == []
    desk.write()
    assert desk.settled() == [(1, "succeeded")]


def pinned():
    return TaskSpec("f", "1", TaskOptions(), node=node_id("w"))


def test_a_broadcast_that_is_cancelled_before_it_is_placed(desk):
    desk.open(credit=5, slots=5)
    desk.write()
    desk.turn(Submitted(entries(1, of=pinned())), CancelRequested([1], "asked"))
    assert desk.settled() == [(1, "cancelled")]


def test_a_broadcast_that_is_not_placed_when_the_producer_stops(desk):
    desk.open(credit=5, slots=5)
    desk.submit(1)
    desk.submit(2, of=pinned())
    desk.turn(StopRequested())
    assert sorted(desk.settled()) == [(1, "cancelled"), (2, "cancelled")]


def test_who_waits_for_the_disk_is_not_kept_by_a_broadcast(desk):
    desk.open(credit=5, slots=5)
    desk.write()
    desk.submit(1, of=pinned())
    assert desk.confirmed() == [1]


# -- outcomes -------------------------------------------------------------------------------------


def test_a_result_is_told_and_acked_when_it_is_recorded(desk):
    link = desk.open(credit=5, slots=5)
    desk.write()
    desk.file(1)
    desk.say(link, done(7, (1, 1)))
    assert desk.batch() == Batch(settled={"succeeded": [1]})
    assert desk.settled() == []
    assert not desk.sent(DoneAck)
    desk.until(desk.now + 1.0)
    assert not desk.sent(DoneAck)
    desk.write()
    assert desk.settled() == [(1, "succeeded")]
    desk.until(desk.now + 0.01)
    assert desk.sent(DoneAck, link) == [DoneAck(7)]


def test_an_ack_of_nothing_new_waits_for_no_disk(desk):
    link = desk.open(credit=5, slots=5)
    desk.write()
    desk.say(link, done(3, (9, 1)))  # of a task that is settled long ago
    assert desk.records() == []
    desk.until(desk.now + 0.01)
    assert desk.sent(DoneAck, link) == [DoneAck(3)]


def test_an_ack_goes_with_the_next_tasks(desk):
    link = desk.open(credit=1)
    desk.write()
    desk.file(1)
    desk.file(2)
    desk.say(link, done(1, (1, 1)))
    assert [tasks.ack for tasks in desk.sent(Tasks, link)] == [0]
    desk.file(3)
    desk.say(link, done(2, (2, 1)))
    assert [tasks.ack for tasks in desk.sent(Tasks, link)] == [1]


def test_a_failure_in_the_end_is_a_dead_letter(desk):
    link = desk.open(credit=5, slots=5)
    desk.write()
    desk.file(1, of=spec(max_retries=0))
    desk.say(link, done(1, failures=[failure(1)]))
    error = {"type": "E", "text": "no", "attempts": 1}
    assert desk.batch() == Batch(letters=[Letter(1, "failed", error)])
    desk.write()
    assert desk.settled() == [(1, "failed")]


def test_letters_beyond_so_many_are_removed():
    letters = [Recorded(spec(), n, b"", letter=Letter(n, "failed", {})) for n in (1, 2)]
    desk = DurableDesk(legacy(letters=letters, newest=2), letters_max=2)
    link = desk.open(credit=5, slots=5)
    desk.write()
    desk.file(3, of=spec(max_retries=0))
    desk.say(link, done(1, failures=[failure(3)]))
    assert (desk.batch().removed, [letter.seq for letter in desk.batch().letters]) == ([1], [3])


def test_what_a_task_has_been_through_is_recorded(desk):
    link = desk.open(credit=5, slots=5)
    desk.write()
    desk.file(1, of=spec(retry_backoff=1.5, retry_jitter=False))
    desk.say(link, done(1, failures=[failure(1)]))
    evidence = {"cause": "failed", "type": "E", "text": "no", "attempt": 1}
    assert desk.batch() == Batch(trials=[Trial(1, 1, 0, 0, 1.5, [evidence])])
    desk.until(desk.now + 1.5)
    assert desk.given(link) == [(1, 2)]
    desk.say(link, done(2, failures=[failure(1, 2, LOST, signal=9)]))
    (trial,) = desk.batch().trials
    assert (trial.failures, trial.crashes, trial.delay) == (1, 1, 0.0)


def test_a_task_that_failed_and_is_settled_in_one_turn_has_no_trial(desk):
    link = desk.open(credit=5, slots=5)
    desk.write()
    desk.file(1)
    cancel = CancelRequested([1], "asked", running=True)
    desk.turn(desk.heard(link, done(1, failures=[failure(1)])), cancel)
    assert desk.batch() == Batch(settled={"cancelled": [1]})


# -- requests -------------------------------------------------------------------------------------


def test_a_cancellation_is_answered_when_it_is_recorded(desk):
    desk.file(1)
    desk.turn(CancelRequested([1], "asked"))
    assert desk.batch() == Batch(settled={"cancelled": [1]})
    assert not desk.of(Answer)
    desk.write()
    assert [type(e) for e in desk.effects if isinstance(e, Settle | Answer)] == [Settle, Answer]


def test_a_cancellation_of_nothing_is_answered_at_once(desk):
    desk.turn(CancelRequested([1], "asked"))
    assert desk.of(Answer) == [Answer("asked", [])]


def test_what_is_cancelled_before_it_is_recorded_is_never_dispatched(desk):
    link = desk.open(credit=5, slots=5)
    desk.submit(1)
    desk.turn(CancelRequested([1], "asked"))
    desk.write()
    assert desk.settled() == [(1, "cancelled")]
    assert desk.given(link) == []


def test_a_task_in_a_journal_is_not_run_by_whoever_waits_for_it(desk):
    desk.file(1)
    desk.turn(ClaimRequested(1, ["f"], (), True, None, "asked"))
    assert desk.of(Answer) == [Answer("asked", None)]


# -- workers --------------------------------------------------------------------------------------


def test_who_may_hold_attempts_is_recorded(desk):
    desk.open("a")
    assert desk.batch() == Batch(workers=(node_id("a"),))
    desk.open("b")
    assert desk.batch().workers == (node_id("a"), node_id("b"))
    desk.lose("a")
    assert desk.batch().workers == (node_id("b"),)
    desk.say(desk.link_of("b"), Bye())
    assert desk.batch().workers == ()


# -- no room --------------------------------------------------------------------------------------


def test_what_there_is_no_room_for_is_refused_and_the_rest_goes_on(desk):
    link = desk.open(credit=5, slots=5)
    desk.write()
    desk.file(1)
    one, two = desk.submit(2, 3)
    desk.refuse(text="the disk is full")
    assert desk.settled() == [(2, "failed"), (3, "failed")]
    assert one.error == two.error == {"journal": "full", "text": "the disk is full"}
    assert desk.records() == []
    assert desk.confirmed() == [3]  # the futures of 2 and 3 know better
    desk.say(link, done(1, (1, 1)))
    desk.write()
    assert desk.settled() == [(1, "succeeded")]
    desk.file(4)
    assert desk.given(link) == [(4, 1)]


def test_a_refusal_covers_the_batches_before(desk):
    link = desk.open(credit=5, slots=5)
    desk.write()
    desk.submit(1)
    desk.submit(2)
    desk.refuse()
    assert desk.given(link) == [(1, 1)]
    assert desk.settled() == [(2, "failed")]
    desk.refuse()  # said again
    assert desk.settled() == []


def test_what_the_journal_has_already_is_not_refused():
    left = Recorded(spec(), 3, b"", letter=Letter(3, "failed", {"type": "E"}))
    desk = DurableDesk(legacy(letters=[left], newest=5))
    link = desk.open(credit=5, slots=5)
    desk.write()
    desk.turn(RevivalRequested("asked", [3], str), Submitted(entries(6)))
    desk.refuse()
    assert desk.settled() == [(6, "failed")]
    assert desk.given(link) == [(3, 1)]


def test_what_was_cancelled_meanwhile_is_not_refused(desk):
    desk.submit(1)
    number = desk.number
    desk.turn(CancelRequested([1], "asked"))
    desk.refuse(number)
    assert (desk.settled(), desk.confirmed()) == ([], [])
    desk.write()
    assert (desk.settled(), desk.confirmed()) == ([(1, "cancelled")], [1])


def test_what_is_confirmed_later_is_never_less(desk):
    desk.submit(1)
    refused = desk.number
    desk.submit(2)
    filed = desk.number
    desk.turn(CancelRequested([1], "asked"), WriteRefused(refused, "no room"))
    told = desk.number
    assert told > filed
    desk.write(filed)
    assert desk.confirmed() == []  # how 1 ended is not in the journal yet
    desk.write(told)
    assert desk.confirmed() == [2]


# -- the end --------------------------------------------------------------------------------------


def test_a_producer_that_stops_leaves_its_tasks_to_the_journal(desk):
    link = desk.open(credit=1)
    desk.write()
    (held,) = desk.file(1)
    (waiting,) = desk.file(2)
    desk.turn(StopRequested())
    assert sorted(desk.settled()) == [(1, "cancelled"), (2, "cancelled")]
    assert held.error["text"] == "its producer stopped; it stays in the journal"
    assert waiting.error == held.error
    assert desk.records() == []
    assert not desk.sent(Cancel, link)
    assert desk.of(Left)


def test_it_leaves_when_everything_is_recorded(desk):
    link = desk.open(credit=5, slots=5)
    desk.write()
    desk.file(1)
    desk.turn(desk.heard(link, done(1, (1, 1))), StopRequested())
    assert desk.batch() == Batch(settled={"succeeded": [1]})
    assert not desk.of(Left)
    desk.submit(2)
    assert desk.settled() == [(2, "cancelled")]
    assert desk.records() == []
    desk.turn(CancelRequested([1], "asked"))
    assert desk.of(Answer)
    desk.write()
    assert desk.settled() == [(1, "succeeded")]
    assert desk.of(Left)


def test_a_broken_journal_ends_the_producer(desk):
    link = desk.open(credit=5, slots=5)
    desk.write()
    (one,) = desk.file(1)
    (two,) = desk.submit(2)
    desk.say(link, done(1, (1, 1)))
    (three,) = desk.submit(3)
    desk.turn(WriteFailed("the disk is gone"))
    assert sorted(desk.settled()) == [(1, "failed"), (2, "cancelled"), (3, "cancelled")]
    assert one.value is None
    assert one.error == {"journal": "broken", "text": "the disk is gone"}
    text = "its producer's journal failed: the disk is gone"
    assert two.error == three.error == {"type": "CancelledError", "text": text}
    assert [notice.kind for notice in desk.of(Notice)] == ["journal_failed"]
    assert desk.of(Left)
    assert desk.records() == []


def test_a_journal_that_breaks_while_its_producer_leaves(desk):
    desk.file(1)
    desk.turn(CancelRequested([1], "asked"), StopRequested())
    desk.turn(WriteFailed("the disk is gone"))
    assert desk.settled() == [(1, "failed")]
    assert desk.of(Answer)
    assert desk.of(Left)


def test_what_is_settled_in_the_turn_in_which_the_journal_breaks_has_failed(desk):
    link = desk.open(credit=5)
    desk.file(1)
    desk.turn(desk.heard(link, done(1, (1, 1))), WriteFailed("no such device"))
    (settle,) = desk.of(Settle)
    assert [(e.state, e.error["journal"]) for e in settle.entries] == [("failed", "broken")]


def test_what_is_settled_in_the_turn_of_a_refusal_is_recorded_first(desk):
    link = desk.open(credit=5)
    desk.file(1)
    desk.submit(2)
    refusal = WriteRefused(desk.number, "no room")
    desk.turn(desk.heard(link, done(1, (1, 1))), refusal)
    assert desk.settled() == [(2, "failed")]
    assert desk.batch() == Batch(settled={"succeeded": [1]})
    desk.write()
    assert desk.settled() == [(1, "succeeded")]
