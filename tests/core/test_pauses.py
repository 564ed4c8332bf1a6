"""A paused queue begins nothing, and loses nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from desks import ProducerDesk, WorkerDesk, done, node_id, spec
from hypothesis import given
from hypothesis import strategies as st

from zmqwork.core import explain, pauses
from zmqwork.core.effects import Answer, TakeBack
from zmqwork.core.events import (
    CancelRequested,
    ClaimRequested,
    PauseRequested,
    TakenBack,
)
from zmqwork.core.messages import FAILED, Failure, Recall, Return, Started
from zmqwork.queues import ALL_QUEUES


@pytest.fixture
def desk():
    return ProducerDesk()


def pause(desk, queue="low", *, paused=True):
    desk.turn(PauseRequested(queue, paused, "asked"))
    (answer,) = desk.of(Answer)
    return answer.value


def of_low(**options):
    return spec(queue="low", **options)


def test_who_asks_hears_what_is_paused(desk):
    assert pause(desk, "a") == ["a"]
    assert pause(desk, "b") == pause(desk, "b") == ["a", "b"]
    assert pause(desk, "a", paused=False) == pause(desk, "a", paused=False) == ["b"]


def test_what_waits_stays_until_it_goes_on(desk):
    pause(desk)
    link = desk.open()
    desk.submit(1, of=of_low())
    desk.submit(2, of=spec())
    assert desk.given() == [(2, 1)]
    desk.say(link, done(1, (2, 1)))
    assert desk.given() == []
    pause(desk, paused=False)
    assert desk.given() == [(1, 1)]


def test_time_goes_on_for_what_waits(desk):
    pause(desk)
    desk.open(credit=9, slots=9)
    desk.submit(1, 2, 3, of=of_low(expires=5.0))
    desk.turn(CancelRequested([2]))
    assert desk.settled() == [(2, "cancelled")]
    desk.until(105.0)
    assert desk.settled() == [(1, "expired"), (3, "expired")]


def test_a_retry_that_is_due_waits(desk):
    link = desk.open()
    (task,) = desk.submit(1, of=of_low(retry_backoff=1.0, retry_jitter=False))
    desk.say(link, done(1, failures=[Failure(1, 1, FAILED, {"type": "E", "text": ""})]))
    pause(desk)
    desk.until(102.0)
    assert (task.state, desk.given()) == ("waiting", [])


def test_what_no_worker_has_begun_is_recalled_until_it_is_here(desk):
    desk.machine._books.pace.observe("f", 100, 0.0)
    link = desk.open(credit=4, slots=1)
    desk.submit(1, 2, of=of_low())
    desk.submit(3, of=spec())
    desk.submit(4, of=of_low())
    desk.say(link, Started([1], [1]))
    pause(desk)
    assert desk.sent(Recall, link) == [Recall(2, "low")]
    desk.say(link, Return("recalled", [4], [1]))
    assert desk.given() == []
    desk.until(100.1)
    assert desk.sent(Recall, link) == [Recall(1, "low")]
    desk.say(link, Return("recalled", [2], [1]))
    desk.until(100.5)
    assert desk.sent(Recall, link) == []
    desk.say(link, done(1, (1, 1)))
    assert (desk.settled(), desk.given()) == ([(1, "succeeded")], [])
    pause(desk, paused=False)
    assert desk.given() == [(2, 2), (4, 2)]


def test_a_worker_that_comes_back_with_some_is_asked_too(desk):
    desk.open()
    desk.submit(1, of=of_low())
    desk.lose("w")
    pause(desk)
    assert desk.sent(Recall) == []
    link = desk.open(held=[(1, 1, 0)])
    assert desk.machine._workforce.get(node_id("w")).held
    desk.turn(at=desk.now + 0.1)
    assert desk.sent(Recall, link) == [Recall(1, "low")]


def test_a_worker_without_a_session_is_asked_when_it_has_one(desk):
    desk.open()
    desk.submit(1, of=of_low())
    desk.machine._workforce.get(node_id("w")).peer.stage = "dialled"
    pause(desk)
    assert desk.sent(Recall) == []
    assert desk.machine._timers.at(("recall", None)) == pytest.approx(100.1)


def test_it_is_not_given_away_otherwise(desk):
    link = desk.open(credit=2, slots=2)
    desk.submit(1, of=spec())
    pause(desk)
    desk.submit(2, of=of_low())
    desk.submit(3, of=replace(of_low(), node=node_id("w")))
    desk.turn(ClaimRequested(2, {"f"}, ALL_QUEUES, True, "heir", "request"))
    assert [answer.value for answer in desk.of(Answer)] == [None]
    assert desk.given() == []
    pause(desk, paused=False)
    assert desk.given(link) == [(3, 1)]


def test_it_is_said(desk):
    pause(desk)
    desk.submit(1, 2, of=of_low())
    desk.submit(3, of=replace(of_low(), node=node_id("w")))
    desk.open()
    desk.until(200.0)
    assert "no_worker" not in desk.notices()
    about = explain.task(1, desk.machine._books, desk.now)
    assert about["text"] == "2 x task 'f' wait: queue 'low' is paused"
    assert about["advice"] == ["resume its queue where it was paused: app.resume('low')"]
    status = explain.status(desk.machine._config, desk.machine._books)
    assert status["paused"] == ["low"]
    assert status["lanes"][0]["why"] == about["text"]
    about = explain.task(3, desk.machine._books, desk.now)
    pause(desk, paused=False)
    assert "paused" not in explain.task(2, desk.machine._books, desk.now)["text"]


def test_no_more_are_paused_than_are_told(desk, monkeypatch):
    monkeypatch.setattr(pauses, "QUEUES_MAX", 2)
    assert (pause(desk, "a"), pause(desk, "b"), pause(desk, "c")) == (["a"], ["a", "b"], ["a", "b"])
    assert pause(desk, "a") == ["a", "b"]


def test_a_worker_returns_what_is_of_that_queue_and_in_no_slot():
    desk = WorkerDesk(slots=4, ready=False)
    link = desk.hello()
    desk.say(link, desk.tasks(1, 2, queue="low"), desk.tasks(3, queue="high"), desk.tasks(4))
    desk.say(link, Recall(9, "low"))
    assert desk.sent(Return, link) == [Return("recalled", [1, 2], [1, 1])]
    desk.say(link, Recall(9))
    assert desk.sent(Return, link) == [Return("recalled", [3, 4], [1, 1])]


def test_a_worker_takes_out_of_slots_what_waits_there_behind_a_long_one():
    desk = WorkerDesk()
    link = desk.hello()
    account = desk.account()
    desk.say(link, desk.tasks(1, queue="low"))
    desk.finish(1, seconds=0.0001)
    assert account.limit == 2
    desk.say(link, desk.tasks(2, 3, queue="low"))
    assert desk.placed() == [(0, 2), (0, 3)]
    desk.until(desk.now + 0.1)
    desk.say(link, Recall(1, "low"))
    assert desk.of(TakeBack)
    (slot,) = desk.machine._feeder.slots
    desk.turn(TakenBack(0, [list(slot.given)[1]]))
    desk.say(link, Recall(1, "low"))
    assert desk.sent(Return, link) == [Return("recalled", [3], [1])]


# What happens to three queues: submit some, pause, resume, end an attempt.
happenings = st.lists(
    st.tuples(
        st.sampled_from(["submit", "pause", "resume", "end", "return"]), st.sampled_from("abc")
    ),
    max_size=30,
)


@given(happenings)
def test_nothing_of_it_begins_and_nothing_is_lost(history):
    desk = ProducerDesk()
    link = desk.open(credit=2, slots=2)
    queue_of, running, ended, paused = {}, {}, [], set()

    def look():
        for seq, attempt in desk.given():
            assert queue_of[seq] not in paused
            running[seq] = attempt

    def end(seq):
        ended.append(seq)
        desk.say(link, done(len(ended), (seq, running.pop(seq))))
        look()

    for what, queue in history:
        if what == "submit":
            seq = len(queue_of) + 1
            queue_of[seq] = queue
            desk.submit(seq, of=spec(queue=queue))
        elif what in ("pause", "resume"):
            pause(desk, queue, paused=what == "pause")
            (paused.add if what == "pause" else paused.discard)(queue)
        elif running and what == "end":
            end(min(running))
            continue
        elif running:
            seq = max(running)
            desk.say(link, Return("recalled", [seq], [running.pop(seq)]))
        look()
    for queue in sorted(paused):
        paused.discard(queue)
        pause(desk, queue, paused=False)
        look()
    while running:
        end(min(running))
    assert sorted(ended) == sorted(queue_of)
