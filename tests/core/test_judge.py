from __future__ import annotations

import pytest
from desks import ProducerDesk, done, spec

from zmqwork.core.effects import MarkRunning, Notice
from zmqwork.core.link_events import LinkDown, Probed
from zmqwork.core.messages import (
    FAILED,
    LOST,
    REJECTED,
    Cancel,
    Credit,
    DoneAck,
    Failure,
    Return,
    Started,
    Tasks,
)

ERROR = {"type": "ValueError", "text": "no", "traceback": "..."}


@pytest.fixture
def desk():
    return ProducerDesk()


def failure(seq, attempt=1, outcome=FAILED, **more):
    return Failure(seq, attempt, outcome, ERROR | more)


def test_a_result_settles_its_task(desk):
    link = desk.open()
    (task,) = desk.submit(1, args=b"abc")
    assert desk.given() == [(1, 1)]
    desk.say(link, done(1, (1, 1), times={"f": [1.0, 0.5]}))
    assert desk.settled() == [(1, "succeeded")]
    assert (task.value, task.error, task.args, task.worker) == (b"of 1", None, b"", None)
    assert desk.machine.counters["executions"] == 1


def test_batches_are_acked_soon(desk):
    link = desk.open()
    desk.submit(1)
    desk.say(link, done(1, (1, 1)))
    assert not desk.sent(DoneAck), "it may go with the next tasks"
    desk.until(100.01)
    assert desk.sent(DoneAck, link) == [DoneAck(1)]


def test_an_ack_goes_with_the_next_tasks(desk):
    link = desk.open()
    desk.submit(1, 2)
    desk.say(link, done(1, (1, 1)))
    assert desk.given() == [(2, 1)]
    assert [tasks.ack for tasks in desk.sent(Tasks)] == [1]
    desk.until(100.5)
    assert not desk.sent(DoneAck), "once is enough"


def test_nobody_is_left_to_ack(desk):
    link = desk.open()
    desk.submit(1)
    desk.turn(desk.heard(link, done(1, (1, 1))), LinkDown(link), Probed("local:w", gone=True))
    assert desk.settled() == [(1, "succeeded")]
    desk.until(100.5)
    assert not desk.sent(DoneAck)


def test_a_session_that_ended_is_not_acked(desk):
    link = desk.open()
    desk.submit(1)
    desk.turn(desk.heard(link, done(1, (1, 1))), LinkDown(link))
    desk.until(100.5)
    assert not desk.sent(DoneAck)


def test_a_result_that_comes_twice_is_dropped_and_counted(desk):
    link = desk.open()
    desk.submit(1)
    desk.say(link, done(1, (1, 1)))
    desk.say(link, done(2, (1, 1)))
    assert desk.settled() == []
    assert desk.machine.counters["duplicates"] == 1
    assert desk.machine._ledger.settled_counts["succeeded"] == 1


def test_results_that_come_twice_in_one_message_do_not_keep_others_from_theirs(desk):
    link = desk.open(credit=3, slots=3)
    one, two, three = desk.submit(1, 2, 3)
    desk.say(link, done(1, (1, 1), (1, 1), (7, 1), (2, 1)))
    assert desk.settled() == [(1, "succeeded"), (2, "succeeded")]
    assert desk.machine.counters["duplicates"] == 2
    assert desk.machine._ledger.settled_counts["succeeded"] == 2
    (worker,) = desk.machine._workforce
    assert (list(worker.held.values()), worker.held_bytes) == ([three], three.size_bytes)
    assert (one.value, two.value) == (b"of 1", b"of 2")


def test_a_failure_is_retried_after_a_rest(desk):
    link = desk.open()
    (task,) = desk.submit(1, of=spec(max_retries=1, retry_backoff=1.0))
    desk.say(link, done(1, failures=[failure(1)]))
    assert task.state == "resting"
    assert (task.failures, task.crashes) == (1, 0)
    desk.until(101.0)
    assert desk.given() == [(1, 2)]
    desk.say(link, done(2, failures=[failure(1, 2)]))
    assert desk.settled() == [(1, "failed")]
    assert task.error == ERROR | {
        "attempts": 2,
        "evidence": [{"cause": "failed", "type": "ValueError", "text": "no", "attempt": 1}],
    }


def test_a_final_failure_is_not_retried(desk):
    link = desk.open()
    (task,) = desk.submit(1)
    desk.say(link, done(1, failures=[failure(1, final=True)]))
    assert task.state == "failed"


def test_the_handler_says_when_it_wants_to_be_tried_again(desk):
    link = desk.open()
    (task,) = desk.submit(1, of=spec(max_retries=1, retry_backoff=0.0))
    desk.say(link, done(1, failures=[failure(1, after=1.5)]))
    desk.until(101.4)
    assert (task.state, task.failures) == ("resting", 1)
    desk.until(101.5)
    assert desk.given() == [(1, 2)]
    desk.say(link, done(2, failures=[failure(1, 2, after=1.5)]))
    assert desk.settled() == [(1, "failed")]


def test_a_snooze_is_no_failure_however_often_it_comes(desk):
    link = desk.open()
    (task,) = desk.submit(1, of=spec(max_retries=0))
    for attempt in range(1, 11):
        desk.say(link, done(attempt, failures=[failure(1, attempt, snooze=True, after=0.125)]))
        assert (task.state, task.failures, task.trouble) == ("resting", 0, None)
        desk.until(100.0 + 0.125 * attempt)
        assert desk.given() == [(1, attempt + 1)]
    assert desk.machine.counters["snoozed"] == 10
    desk.say(link, done(11, failures=[failure(1, 11)]))
    assert desk.settled() == [(1, "failed")]


def test_a_snoozed_task_expires(desk):
    link = desk.open()
    desk.submit(1, of=spec(expires=5.0))
    desk.say(link, done(1, failures=[failure(1, snooze=True, after=60.0)]))
    desk.until(105.0)
    assert desk.settled() == [(1, "expired")]


def test_a_stale_failure_counts_for_nothing(desk):
    link = desk.open()
    (task,) = desk.submit(1)
    desk.say(link, Return("recalled", [1], [1]))
    assert desk.given() == [(1, 2)]
    desk.say(link, done(1, failures=[failure(1, 1), failure(99)]))
    assert (task.state, task.failures) == ("dispatched", 0)
    assert desk.machine.counters["late"] == 2


def test_a_dead_child_is_a_crash_and_the_limit_makes_the_task_dead(desk):
    link = desk.open()
    (task,) = desk.submit(1)
    for attempt in (1, 2):
        desk.say(link, done(attempt, failures=[failure(1, attempt, LOST, signal="SIGSEGV")]))
        assert desk.given() == [(1, attempt + 1)]
        assert task.crashes == attempt
    desk.say(link, done(3, failures=[failure(1, 3, LOST, exit_code=3)]))
    assert desk.settled() == [(1, "dead")]
    assert task.error["type"] == "TaskLost"
    assert "child died by SIGSEGV" in task.error["text"]
    assert "child exited with 3" in task.error["text"]
    assert [record["attempt"] for record in task.error["evidence"]] == [1, 2, 3]


def test_a_rejected_attempt_is_free_and_the_worker_is_not_asked_again(desk):
    link = desk.open()
    (task,) = desk.submit(1)
    desk.say(link, done(1, failures=[failure(1, 1, REJECTED)]))
    assert (task.state, task.failures, task.crashes) == ("waiting", 0, 0)
    assert desk.given() == []
    other = desk.open("other")
    assert desk.given(other) == [(1, 2)]


def test_what_is_returned_is_free_and_waits_in_front(desk):
    link = desk.open(credit=2, slots=2)
    first, second, third = desk.submit(1, 2, 3)
    desk.say(link, Return("over_credit", [1, 2, 99], [1, 7, 1]))
    assert desk.machine.counters["returned"] == 1, "another attempt is not what came back"
    assert (first.attempt, second.attempt, third.attempt) == (2, 1, 0)
    assert desk.given() == [(1, 2)]


def test_started_is_told_once(desk):
    link = desk.open()
    (task,) = desk.submit(1)
    desk.say(link, Started([1, 99], [1, 1]))
    assert [marked.entries for marked in desk.of(MarkRunning)] == [[task]]
    desk.say(link, Started([1], [1]))
    assert not desk.of(MarkRunning)


def test_a_stale_started_is_ignored(desk):
    link = desk.open()
    (task,) = desk.submit(1)
    desk.say(link, Return("recalled", [1], [1]))
    desk.say(link, Started([1], [1]))
    assert task.state == "dispatched"


def lose(desk, label="w"):
    desk.turn(LinkDown(desk.link_of(label)), Probed(f"local:{label}", gone=True))


def test_the_first_result_wins_and_the_rerun_is_cancelled(desk):
    desk.open("one")
    (task,) = desk.submit(1)
    lose(desk, "one")
    two = desk.open("two")
    assert desk.given(two) == [(1, 2)]
    one = desk.greet("one", Credit(1, 1 << 20), held=[[1, 1, 2]])
    desk.say(one, done(1, (1, 1)))
    assert desk.settled() == [(1, "succeeded")]
    assert desk.sent(Cancel, two) == [Cancel([1])]
    assert desk.machine.counters["late"] == 1
    assert desk.machine._ledger.settled_counts["succeeded"] == 1
    assert task.worker is None


def test_a_late_result_settles_a_task_that_waits(desk):
    desk.open()
    (task,) = desk.submit(1)
    lose(desk)
    assert task.state == "waiting"
    link = desk.greet()
    desk.say(link, done(1, (1, 1)))
    assert desk.settled() == [(1, "succeeded")]
    assert desk.machine._lanes.waiting() == 0


def test_a_late_result_settles_a_task_that_rests(desk):
    desk.open("one")
    (task,) = desk.submit(1, of=spec(retry_backoff=600.0))
    lose(desk, "one")
    two = desk.open("two")
    desk.say(two, done(1, failures=[failure(1, 2)]))
    assert task.state == "resting"
    one = desk.greet("one", held=[[1, 1, 2]])
    desk.say(one, done(1, (1, 1)))
    assert task.state == "succeeded"
    assert not any(key[0] == "rest" for key in desk.machine._timers._at)


@pytest.mark.parametrize("attempt", [0, 1, 2, 2**64 - 1])
@pytest.mark.parametrize("state", ["held", "waiting", "resting"])
def test_who_never_had_an_attempt_cannot_end_it(desk, state, attempt):
    one, liar = desk.open("one"), desk.open("liar", credit=0)
    (task,) = desk.submit(1, of=spec(retry_backoff=600.0))
    if state == "waiting":
        lose(desk, "one")
    elif state == "resting":
        desk.say(one, done(1, failures=[failure(1, 1)]))
    desk.say(liar, done(1, (1, attempt), failures=[failure(1, attempt)]))
    assert desk.settled() == []
    assert task.state != "succeeded"
    if state == "held":
        desk.say(one, done(1, (1, 1)))
        assert desk.settled() == [(1, "succeeded")]


@pytest.mark.parametrize("held", [[1, 1, 1], [1, 1, 2], [1, 1, 0], [1, 0, 1]])
def test_nor_by_an_inventory(desk, held):
    """Of a task that was lost with its worker."""
    desk.open("one")
    (task,) = desk.submit(1)
    lose(desk, "one")
    crashes = task.crashes
    liar = desk.open("liar", credit=0, held=[held])
    assert (task.state, task.crashes) == ("waiting", crashes)
    desk.say(liar, done(1, (1, held[1])))
    assert task.state == "waiting"


def test_how_long_a_loss_delayed_a_task(desk):
    desk.open()
    desk.submit(1)
    lose(desk)
    link = desk.open("other")
    desk.say(link, Started([1], [2]), at=100.25)
    (notice,) = [n for n in desk.of(Notice) if n.kind == "resumed"]
    assert notice.data == {"seq": 1, "attempt": 2, "delay": 0.25}
    desk.say(link, done(1, (1, 2)))
    assert "resumed" not in desk.notices()


def test_a_loss_that_ended_in_a_result_is_resumed_too(desk):
    desk.open()
    desk.submit(1)
    lose(desk)
    link = desk.open("other")
    desk.say(link, done(1, (1, 2)))
    assert "resumed" in desk.notices()


def test_a_result_cancels_the_expiry(desk):
    link = desk.open()
    desk.submit(1, of=spec(expires=50.0))
    desk.say(link, done(1, (1, 1)))
    assert not any(key[0] == "expire" for key in desk.machine._timers._at)


def test_run_times_are_learned(desk):
    link = desk.open()
    desk.submit(1)
    desk.say(link, done(1, (1, 1), times={"f": [1.0, 0.001]}))
    assert desk.machine._books.pace.is_short("f")


def test_what_is_given_back_twice_is_given_back_once(desk):
    link = desk.open()
    desk.submit(1)
    desk.say(link, Return("recalled", [1, 1], [1, 1]))
    assert desk.given() == [(1, 2)]
    assert desk.machine.counters["returned"] == 1


def test_results_of_both_kinds_in_one_batch(desk):
    desk.open_sink()
    link = desk.open(credit=3, slots=3)
    desk.submit(1)
    desk.submit(2, of=spec(sink="out"))
    desk.submit(3)
    desk.say(link, done(1, (1, 1), (2, 1), (3, 1)))
    assert desk.settled() == [(1, "succeeded"), (2, "succeeded"), (3, "succeeded")]
    assert (desk.outlet().succeeded, desk.outlet().open) == (1, {})


def test_a_dead_task_has_what_is_known_of_its_children(desk):
    link = desk.open()
    (task,) = desk.submit(1)
    told = {"signal": "SIGSEGV", "cpu_seconds": 1.5, "memory_mib": 20.0, "stderr": "in f"}
    for attempt in (1, 2, 3):
        desk.say(link, done(attempt, failures=[failure(1, attempt, LOST, other=1, **told)]))
    assert task.state == "dead"
    assert [len(record) for record in task.error["evidence"]] == [7, 7, 7]
    assert task.error["evidence"][0] == told | {
        "worker": task.error["evidence"][0]["worker"],
        "cause": "child died",
        "attempt": 1,
    }
