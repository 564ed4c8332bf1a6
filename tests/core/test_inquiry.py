"""Whether a result is at its sink, when the worker that had it is gone."""

from __future__ import annotations

import pytest
from desks import ProducerDesk, done, spec
from test_stateful_sinks import in_one_place

from zmqwork.core.delivery import HAS_HOLDING, HAS_NOT, HAS_TAKEN, Has, Have
from zmqwork.core.effects import Notice
from zmqwork.core.events import CancelRequested
from zmqwork.core.link_events import LinkDown
from zmqwork.core.messages import (
    BATCH_COUNT_MAX,
    FAILED,
    HELD_DONE,
    Cancel,
    Credit,
    Failure,
    Pong,
    Return,
    Started,
)

OUT = spec(sink="out")
BOX = spec(inbox="box")


@pytest.fixture
def desk():
    desk = ProducerDesk()
    desk.watch = lambda: in_one_place(desk.machine)
    return desk


def asked(desk):
    """What was asked in this turn: the numbers, and the request that is to be answered."""
    haves = desk.sent(Have)
    return [have.sink_seqs for have in haves], [have.request for have in haves]


def timers(desk):
    return [key for key in desk.machine._timers._at if key[0] == "asked"]


def lose_with(desk, *seqs, of=OUT, **sink):
    """A worker with these tasks is lost, and the sink is asked about them."""
    link = desk.open_sink(**sink)
    desk.open(credit=len(seqs), slots=len(seqs))
    tasks = desk.submit(*seqs, of=of)
    desk.lose("w")
    _, [request] = asked(desk)
    assert {task.state for task in tasks} == {"asked"}
    return link, request, tasks


# -- answers --------------------------------------------------------------------------------------


def test_what_the_sink_has_is_settled_and_the_rest_waits_again(desk):
    link, request, tasks = lose_with(desk, 1, 2, 3)
    desk.say(link, Has(request, [HAS_TAKEN, HAS_NOT, HAS_HOLDING]))
    assert desk.settled() == [(1, "succeeded")]
    assert [task.state for task in tasks] == ["succeeded", "waiting", "asked"]
    assert tasks[0].value == b"\xc0"
    assert [n.data["seq"] for n in desk.of(Notice) if n.kind == "resumed"] == [1]
    assert desk.machine.counters["resubmitted"] == 1
    desk.open("v")
    assert desk.destined() == {2: ("s", 2)}, "under the same number"


def test_what_waits_there_to_be_stored_is_asked_about_again(desk):
    link, request, _ = lose_with(desk, 1, 2)
    desk.say(link, Has(request, [HAS_HOLDING, HAS_HOLDING]))
    desk.until(100.24)
    assert asked(desk) == ([], [])
    desk.until(100.25)
    numbers, [request] = asked(desk)
    assert numbers == [[1, 2]]
    desk.say(link, Has(request, [HAS_TAKEN, HAS_TAKEN]))
    assert len(desk.settled()) == 2
    assert timers(desk) == []


def test_many_are_asked_about_in_batches(desk):
    desk.watch = None
    count = BATCH_COUNT_MAX + 2
    link = desk.open_sink()
    desk.open(credit=count, slots=count)
    desk.submit(*range(1, count + 1), of=OUT)
    desk.lose("w")
    numbers, requests = asked(desk)
    assert [len(some) for some in numbers] == [BATCH_COUNT_MAX, 2]
    desk.say(link, Has(requests[1], [HAS_HOLDING] * 2))
    assert desk.machine._timers.at(("asked", desk.outlet().id)) == 101.0, "one is open"
    desk.say(link, Has(requests[0], [HAS_TAKEN] * BATCH_COUNT_MAX))
    assert len(desk.settled()) == BATCH_COUNT_MAX
    assert desk.machine._timers.at(("asked", desk.outlet().id)) == 100.25


def test_answers_that_nobody_can_use(desk):
    """They must not be taken for the answer, nor keep the true one from being taken."""
    link, request, (task,) = lose_with(desk, 1)
    other = desk.open_sink("t")
    desk.say(other, Has(request, [HAS_TAKEN]))
    desk.say(link, Has(request + 7, [HAS_TAKEN]), Has(request, [HAS_TAKEN, HAS_TAKEN]))
    assert task.state == "asked"
    desk.say(link, Has(request, [HAS_TAKEN]))
    assert desk.settled() == [(1, "succeeded")]


def test_a_sink_that_answers_nonsense_has_not_answered(desk):
    link, request, (task,) = lose_with(desk, 1)
    desk.say(link, Has(request, []))
    desk.until(101.0)
    assert task.state == "waiting"
    assert timers(desk) == []


# -- no answer ------------------------------------------------------------------------------------


def test_a_plain_task_waits_again_after_a_second(desk):
    link, request, (task,) = lose_with(desk, 1)
    desk.until(100.99)
    assert task.state == "asked"
    desk.until(101.0)
    assert task.state == "waiting"
    assert timers(desk) == []
    desk.say(link, Has(request, [HAS_TAKEN]))
    assert task.state == "waiting", "an answer that comes too late is none"


def test_a_task_of_an_inbox_waits_for_it_and_asks_on(desk):
    link, _, (task,) = lose_with(desk, 1, of=BOX, inbox="box")
    desk.until(101.0)
    numbers, [request] = asked(desk)
    assert (numbers, task.state) == ([[1]], "asked")
    desk.say(link, Pong(0), Has(request, [HAS_NOT]))
    assert task.state == "waiting"
    assert timers(desk) == []


def test_an_inbox_that_is_away_is_asked_when_it_is_back(desk):
    desk.open_sink(inbox="box")
    desk.open(credit=2, slots=2)
    plain, bound = desk.submit(1, of=OUT) + desk.submit(2, of=BOX)
    desk.turn(LinkDown(desk.link_of("s")))
    desk.lose("w")
    assert asked(desk) == ([], [])
    desk.until(101.01)
    assert (plain.state, bound.state) == ("waiting", "asked")
    assert timers(desk) == [], "nothing is to be done until it is back"
    desk.until(200.0)
    desk.greet_sink("s", node="t", inbox="box")
    numbers, [request] = asked(desk)
    assert numbers == [[2]]
    desk.say(desk.link_of("s"), Has(request, [HAS_TAKEN]))
    assert desk.settled() == [(2, "succeeded")]


def test_a_new_session_is_asked_anew(desk):
    link, old, (task,) = lose_with(desk, 1)
    desk.until(100.5)
    link = desk.renew_sink()
    numbers, [request] = asked(desk)
    assert numbers == [[1]]
    assert request != old
    desk.until(101.49)
    assert task.state == "asked"
    desk.say(link, Has(old, [HAS_TAKEN]))
    assert task.state == "asked"
    desk.say(link, Has(request, [HAS_NOT]))
    assert task.state == "waiting"


def test_a_sink_that_is_lost_is_not_waited_for(desk):
    _, _, (task,) = lose_with(desk, 1)
    desk.open("v")
    desk.open_sink("t")
    desk.lose("s")
    assert desk.destined() == {1: ("t", 1)}
    assert (task.state, task.attempt) == ("dispatched", 2)
    assert timers(desk) == []


def test_nor_asked_if_it_was_lost_before(desk):
    desk.open_sink()
    desk.open()
    (task,) = desk.submit(1, of=OUT)
    desk.lose("s")
    desk.lose("w")
    assert (task.state, asked(desk), timers(desk)) == ("waiting", ([], []), [])


def test_a_timer_of_an_outlet_that_was_forgotten_is_no_harm(desk):
    desk.machine._timers.set(("asked", "gone"), 100.5)
    desk.until(101.0)


# -- given back -----------------------------------------------------------------------------------


@pytest.mark.parametrize("why", ["undelivered", "stopping"])
def test_what_ran_and_is_given_back_may_be_there(desk, why):
    link = desk.open_sink()
    worker = desk.open(credit=2, slots=2)
    ran, back = desk.submit(1, of=OUT) + desk.submit(2)
    desk.say(worker, Return(why, [1, 2, 9], [1, 1, 1]))
    numbers, [request] = asked(desk)
    assert numbers == [[1]]
    assert (ran.state, back.attempt) == ("asked", 2)
    assert desk.machine.counters["returned"] == 2
    desk.say(link, Has(request, [HAS_NOT]))
    assert desk.destined() == {1: ("s", 1)}
    assert ran.trouble is None


def test_what_is_given_back_for_a_sink_that_is_gone_waits_again(desk):
    desk.open_sink()
    worker = desk.open()
    (task,) = desk.submit(1, of=OUT)
    desk.lose("s")
    desk.say(worker, Return("undelivered", [1], [1]))
    assert (task.state, desk.given()) == ("waiting", [])
    desk.open_sink("t")
    assert desk.destined() == {1: ("t", 1)}


def test_what_was_not_begun_is_not_asked_about(desk):
    desk.open_sink()
    worker = desk.open()
    (task,) = desk.submit(1, of=OUT)
    desk.say(worker, Return("draining", [1], [1]))
    assert asked(desk) == ([], [])
    assert task.attempt == 2


# -- decided otherwise ----------------------------------------------------------------------------


def test_a_task_in_doubt_is_cancelled(desk):
    link, request, (task, _) = lose_with(desk, 1, 2)
    desk.turn(CancelRequested([1], "request"))
    assert desk.settled() == [(1, "cancelled")]
    desk.say(link, Has(request, [HAS_TAKEN, HAS_TAKEN]))
    assert desk.settled() == [(2, "succeeded")]
    assert task.state == "cancelled"


def test_a_task_in_doubt_expires(desk):
    link, request, _ = lose_with(desk, 1, of=spec(inbox="box", expires=0.5), inbox="box")
    desk.until(100.5)
    assert desk.settled() == [(1, "expired")]
    desk.say(link, Has(request, [HAS_TAKEN]))
    assert desk.settled() == []
    desk.until(101.5)
    assert timers(desk) == []


def test_the_worker_is_back_and_has_it_still(desk):
    link, request, (running, queued) = lose_with(desk, 1, 2)
    worker = desk.greet(held=[[1, 1, 1], [2, 1, 0]], slots=2)
    assert (running.state, queued.state) == ("started", "dispatched")
    assert running.crashes == 0
    desk.say(link, Has(request, [HAS_NOT, HAS_TAKEN]))
    assert desk.settled() == []
    desk.say(worker, done(1, (1, 1), (2, 1)))
    assert len(desk.settled()) == 2
    desk.until(101.5)
    assert timers(desk) == []


def test_what_it_has_not_is_still_in_doubt(desk):
    link, request, (task,) = lose_with(desk, 1)
    desk.greet(held=[[1, 7, 0]])
    assert task.state == "asked"
    assert desk.sent(Cancel) == [Cancel([1])]
    desk.say(link, Has(request, [HAS_TAKEN]))
    assert desk.settled() == [(1, "succeeded")]


def test_its_result_comes_after_all(desk):
    _, _, (task,) = lose_with(desk, 1)
    worker = desk.greet(held=[[1, 1, 2]])
    desk.say(worker, done(1, (1, 1)))
    assert desk.settled() == [(1, "succeeded")]
    assert (task.value, desk.outlet().succeeded) == (b"of 1", 1)


def test_a_late_result_of_one_that_is_in_doubt_counts_once(desk):
    """From a worker that has another attempt."""
    sink = desk.open_sink()
    desk.open("first")
    (task,) = desk.submit(1, of=OUT)
    desk.lose("first")
    (have,) = desk.sent(Have, sink)
    desk.say(sink, Has(have.request, [HAS_NOT]))
    second = desk.open("second")
    assert desk.given(second) == [(1, 2)]
    desk.lose("second")
    assert task.state == "asked"
    again = desk.greet("first", Credit(0, 0), held=[[1, 1, HELD_DONE]])
    desk.say(again, done(1, (1, 1)))
    assert desk.settled() == [(1, "succeeded")]
    assert desk.machine.counters["late"] == 1
    assert desk.outlet().succeeded == 1


def test_a_failure_of_one_that_is_in_doubt_decides_nothing(desk):
    _, _, (task,) = lose_with(desk, 1)
    worker = desk.open("v", credit=0)
    failure = Failure(1, 1, FAILED, {"type": "E", "text": ""})
    desk.say(worker, done(1, failures=[failure]))
    assert task.state == "asked"


def test_one_crash_too_many_is_the_end_of_it():
    desk = ProducerDesk(crash_limit=1)
    desk.open_sink()
    worker = desk.open()
    desk.submit(1, of=OUT)
    desk.say(worker, Started([1], [1]))
    desk.lose("w")
    assert desk.settled() == [(1, "dead")]
    assert (desk.outlet().open, asked(desk)) == ({}, ([], []))


def test_what_was_lost_is_told(desk):
    desk.open_sink()
    desk.open(credit=3, slots=3)
    desk.submit(1, of=OUT)
    desk.submit(2)
    desk.lose("w")
    (notice,) = [n for n in desk.of(Notice) if n.kind == "peer_lost"]
    assert "resubmitted: 1, asked for at sinks: 1" in notice.text
    assert (notice.data["resubmitted"], notice.data["asked"]) == (1, 1)
