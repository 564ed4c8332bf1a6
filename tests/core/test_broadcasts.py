from __future__ import annotations

import pytest
from desks import PRODUCER_ID, ProducerDesk, done, node_id, spec

from zmqwork.core.effects import Answer, Notice
from zmqwork.core.events import (
    CancelRequested,
    ClaimRequested,
    StatusRequested,
    StopRequested,
    WorkersRequested,
)
from zmqwork.core.ledger import TaskSpec
from zmqwork.core.link_events import LinkDown, Probed
from zmqwork.core.messages import (
    FAILED,
    HELD_RUNNING,
    LOST,
    REJECTED,
    Bye,
    Cancel,
    Credit,
    Demand,
    Draining,
    Failure,
    Pong,
    Recall,
    Return,
    Started,
    Tasks,
)
from zmqwork.options import TaskOptions


@pytest.fixture
def desk():
    return ProducerDesk()


def pinned(label="w", name="f", **options):
    return TaskSpec(name, "1", TaskOptions(**options), node=node_id(label))


def ask(desk, of=None, patience=10.0, request="who"):
    desk.turn(WorkersRequested(of or spec(), patience, request))


def answers(desk):
    return [(a.request, [who for who, _ in a.value]) for a in desk.of(Answer)]


def lose(desk, label="w"):
    desk.turn(LinkDown(desk.link_of(label)), Probed(f"local:{label}", gone=True))


def failed(seq, attempt, outcome=FAILED):
    return Failure(seq, attempt, outcome, {"type": "E", "text": "no"})


def left_behind(desk):
    """What the machine keeps of pinned tasks when there are none."""
    books = desk.machine._books
    seqs = [key for key in books.timers._at if key[0] in ("rest", "expire", "workers")]
    return books.lanes.pinned, books.resting, seqs, len(books.ledger)


NOTHING = ({}, {}, [], 0)


# -- who is there ---------------------------------------------------------------------------------


def test_workers_that_are_known_are_named_at_once(desk):
    desk.open("a")
    desk.open("b", tasks={"g": "1"})
    desk.open("c", tasks={"f": "2"})
    desk.open("d", queues=["other"])
    desk.open("e")
    desk.until(101.0)
    ask(desk)
    assert answers(desk) == [("who", [node_id("a"), node_id("e")])]
    (answer,) = desk.of(Answer)
    assert answer.value[0] == (node_id("a"), "worker-a")
    ask(desk, of=spec(queue="other"))
    assert answers(desk) == [("who", [node_id(label) for label in "ade"])]
    assert left_behind(desk) == NOTHING


def test_workers_that_drain_are_not_named_and_those_that_are_silent_are(desk):
    drains, silent = desk.open("a"), desk.open("b")
    desk.say(drains, Draining())
    desk.turn(LinkDown(silent))
    desk.turn(at=100.5)
    ask(desk)
    assert answers(desk) == [("who", [node_id("b")])]


def test_at_the_beginning_the_others_are_waited_for_until_none_comes(desk):
    ask(desk)
    assert answers(desk) == []
    desk.until(103.0)
    desk.open("a")
    assert answers(desk) == []
    desk.until(103.25)
    desk.open("b")
    desk.until(103.5)
    assert answers(desk) == []
    desk.until(103.6)
    assert answers(desk) == [("who", [node_id("a"), node_id("b")])]
    assert left_behind(desk) == NOTHING


def test_where_workers_come_all_the_time_it_is_waited_for_a_second(desk):
    ask(desk)
    for number in range(5):
        desk.open(f"w{number}")
        desk.until(100.0 + 0.22 * (number + 1))
        assert answers(desk) == (
            [] if number < 4 else [("who", [node_id(f"w{n}") for n in range(5)])]
        )


def test_the_wait_begins_anew_if_the_first_worker_is_lost(desk):
    ask(desk)
    desk.open("a")
    lose(desk, "a")
    desk.until(105.0)
    assert answers(desk) == []
    desk.open("b")
    desk.until(105.4)
    assert answers(desk) == [("who", [node_id("b")])]


def test_patience_ends(desk):
    ask(desk, patience=2.0)
    ask(desk, patience=5.0, request="other")
    desk.until(101.9)
    desk.open("a", tasks={"g": "1"})
    desk.until(102.0)
    assert answers(desk) == [("who", [])]
    desk.until(104.9)
    desk.open("b")
    desk.until(105.0)
    assert answers(desk) == [("other", [node_id("b")])], "those who are there by then"


# -- a task for one worker ------------------------------------------------------------------------


def test_it_goes_to_its_worker_though_others_are_idle(desk):
    links = {label: desk.open(label) for label in "abc"}
    desk.submit(1, of=pinned("b"))
    assert desk.given() == desk.given(links["b"]) == [(1, 1)]
    desk.say(links["b"], done(1, (1, 1)))
    assert desk.settled() == [(1, "succeeded")]
    assert left_behind(desk) == NOTHING


def test_it_waits_for_a_free_slot_and_goes_before_what_any_worker_may_run(desk):
    link, other = desk.open("a"), desk.open("b", credit=0)
    desk.submit(1, 2)
    desk.submit(3, of=pinned("a"))
    assert desk.given() == []
    assert desk.machine._lanes.waiting_for(node_id("a")) == 1
    desk.say(link, done(1, (1, 1)))
    assert desk.given() == [(3, 1)]
    desk.say(other, Credit(1, 1 << 20))
    assert desk.given(other) == [(2, 1)]


def test_short_ones_queue_up_at_their_worker_within_its_credit(desk):
    desk.machine._books.pace.observe("f", 100, 0.0)
    link = desk.open("a", credit=3)
    desk.submit(1, 2, of=pinned("a"))
    assert desk.given(link) == [(1, 1), (2, 1)]
    desk.submit(3, 4, of=pinned("a"))
    assert desk.given(link) == [(3, 1)]
    desk.say(link, done(1, (1, 1)))
    assert desk.given(link) == [(4, 1)]


def test_credit_in_bytes_holds(desk):
    link = desk.open("a", credit=9, slots=9, size_bytes=100)
    desk.submit(1, 2, 3, of=pinned("a"), args=b"x" * 60)
    assert desk.given(link) == [(1, 1)]
    desk.say(link, done(1, (1, 1)))
    assert desk.given(link) == [(2, 1)]
    desk.submit(4, of=pinned("a"), args=b"x" * 40)
    assert desk.given(link) == [], "behind those before it"


def test_more_than_a_message_holds_goes_in_several(desk):
    link = desk.open("a", credit=9000, slots=9000)
    desk.submit(*range(1, 5001), of=pinned("a"))
    assert len(desk.sent(Tasks, link)) > 1
    assert len(desk.given(link)) == 5000


def test_a_silent_worker_gets_it_when_it_is_heard_again(desk):
    link = desk.open("a")
    desk.until(102.5)
    (task,) = desk.submit(1, of=pinned("a"))
    assert desk.given() == []
    desk.say(link, Pong(1))
    assert desk.given(link) == [(1, 1)]
    assert task.state == "dispatched"


def test_it_is_demand_for_its_worker_alone(desk):
    one, other = desk.open("one", credit=0), desk.open("other", credit=0)
    desk.submit(1, of=pinned("one"))
    assert desk.sent(Demand, one) == [Demand(1)]
    assert desk.sent(Demand, other) == []
    desk.say(one, Credit(1, 1 << 20))
    assert desk.given(one) == [(1, 1)]
    desk.until(100.2)
    assert desk.sent(Demand, one) == [Demand(0)]


def test_what_hangs_at_a_busy_worker_is_recalled_though_something_waits_for_another(desk):
    desk.machine._books.pace.observe("f", 100, 0.0)
    busy = desk.open("busy", credit=9)
    desk.submit(*range(1, 10))
    desk.submit(10, of=pinned("busy"))
    desk.open("idle", credit=9)
    assert desk.given() == []
    desk.until(100.3)
    assert desk.sent(Recall, busy)


def test_retries_stay_with_the_worker(desk):
    link = desk.open("a")
    desk.open("b")
    (task,) = desk.submit(1, of=pinned("a", max_retries=1, retry_backoff=1.0))
    desk.say(link, done(1, failures=[failed(1, 1)]))
    assert task.state == "resting"
    assert desk.machine._books.resting == {node_id("a"): {1: task}}
    desk.until(102.0)
    assert desk.given(link) == [(1, 2)]
    assert desk.machine._books.resting == {}
    desk.say(link, done(2, failures=[failed(1, 2)]))
    assert desk.settled() == [(1, "failed")]
    assert left_behind(desk) == NOTHING


def test_a_child_that_died_is_a_crash_and_the_worker_tries_again(desk):
    link = desk.open("a")
    desk.open("b")
    desk.submit(1, of=pinned("a"))
    for attempt in (1, 2, 3):
        desk.say(link, Started([1], [attempt]))
        desk.say(link, done(attempt, failures=[failed(1, attempt, LOST)]))
        assert desk.given(link) == ([(1, attempt + 1)] if attempt < 3 else [])
    assert desk.settled() == [(1, "dead")]


def test_what_the_worker_gives_back_goes_there_again(desk):
    link = desk.open("a")
    desk.open("b")
    desk.submit(1, of=pinned("a"))
    desk.say(link, Return("recalled", [1], [1]))
    assert desk.given(link) == [(1, 2)]


# -- its worker goes ------------------------------------------------------------------------------


def test_a_lost_worker_takes_along_what_is_for_it_alone(desk):
    link = desk.open("a", credit=1)
    desk.open("b", credit=9, slots=9)
    begun, waiting = desk.submit(1, 2, of=pinned("a"))
    resting = desk.submit(3, of=pinned("a", max_retries=1))[0]
    desk.say(link, Started([1], [1]))
    lose(desk, "a")
    assert desk.settled() == [(1, "dead"), (2, "dead"), (3, "dead")]
    assert desk.given() == []
    assert begun.error["type"] == "TaskLost"
    assert begun.error["text"] == (
        "its worker was lost, or left, and no other may run it; it may have run there"
    )
    assert waiting.error["text"].endswith("it had not begun")
    assert resting.attempt == 0
    assert desk.machine.counters["resubmitted"] == 0
    (notice,) = [n for n in desk.of(Notice) if n.kind == "peer_lost"]
    assert "resubmitted: 0" in notice.text
    assert left_behind(desk) == NOTHING


def test_what_rests_until_its_retry_is_lost_at_once_too(desk):
    link = desk.open("a")
    desk.open("b")
    task, other = desk.submit(1, 2, of=pinned("a", max_retries=1, retry_backoff=500.0))
    (third,) = desk.submit(3, of=pinned("b"))
    desk.say(link, done(1, failures=[failed(1, 1)]))
    desk.say(link, done(2, failures=[failed(2, 1)]))
    assert {task.state, other.state} == {"resting"}
    desk.turn()
    assert {task.state, other.state} == {"resting"}
    lose(desk, "a")
    assert desk.settled() == [(1, "dead"), (2, "dead")]
    assert "it may have run there" in task.error["text"]
    assert third.state == "dispatched"


def test_a_worker_that_is_not_there_any_more_loses_it_at_once(desk):
    desk.open("b")
    desk.submit(1, of=pinned("a"))
    assert desk.settled() == [(1, "dead")]
    assert left_behind(desk) == NOTHING


@pytest.mark.parametrize("goodbye", [(), (Bye(),)])
def test_a_worker_that_drains_gives_back_what_then_is_lost(desk, goodbye):
    link = desk.open("a", credit=2, slots=2)
    running, queued, waiting = desk.submit(1, 2, 3, of=pinned("a"))
    desk.say(link, Started([1], [1]), Draining())
    assert desk.settled() == [(3, "dead")]
    assert waiting.error["text"].startswith("its worker drains")
    desk.say(link, Return("draining", [2], [1]), done(1, (1, 1)), *goodbye)
    assert dict(desk.settled()) == {1: "succeeded", 2: "dead"}
    assert left_behind(desk) == NOTHING
    assert (running.state, queued.state) == ("succeeded", "dead")


def test_a_worker_that_does_not_run_it_after_all_loses_it(desk):
    link = desk.open("a")
    (task,) = desk.submit(1, of=pinned("a"))
    desk.say(link, done(1, failures=[failed(1, 1, REJECTED)]))
    assert desk.settled() == [(1, "dead")]
    assert task.error["text"].startswith("its worker does not run this task any more")


def test_a_lost_worker_that_comes_back_is_told_to_drop_it_and_its_result_is_late(desk):
    desk.open("a")
    desk.submit(1, of=pinned("a"))
    lose(desk, "a")
    assert desk.settled() == [(1, "dead")]
    link = desk.greet("a", held=[[1, 1, HELD_RUNNING]])
    assert desk.sent(Cancel, link) == [Cancel([1])]
    desk.say(link, done(1, (1, 1)))
    assert desk.settled() == []
    assert desk.machine.counters["duplicates"] == 1


# -- the application ------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["waiting", "resting", "dispatched"])
def test_it_can_be_cancelled_and_expires(desk, state):
    link = desk.open("a", credit=1 if state != "waiting" else 0)
    made = desk.submit(1, 2, of=pinned("a", max_retries=1, retry_backoff=500.0, expires=0.5))
    if state == "resting":
        for batch, seq in enumerate((1, 2), 1):
            desk.say(link, done(batch, failures=[failed(seq, 1)]))
    assert made[0].state == state
    desk.turn(CancelRequested([1], "request"))
    assert desk.settled() == [(1, "cancelled")]
    desk.until(100.5)
    assert desk.settled() == [(2, "expired")]
    assert left_behind(desk) == NOTHING


def test_it_is_never_run_in_place_by_a_task_that_waits_for_it(desk):
    desk.open("a", credit=0)
    desk.submit(1, of=pinned("a"))
    desk.turn(ClaimRequested(1, {"f"}, (), from_worker=True, heir=None, request="claim"))
    assert [a.value for a in desk.of(Answer)] == [None]
    desk.say(desk.link_of("a"), Credit(1, 1 << 20))
    assert desk.given() == [(1, 1)]


def test_stop_settles_all_and_answers_nobody(desk):
    link = desk.open("a")
    desk.submit(1, 2, of=pinned("a", max_retries=1))
    desk.say(link, done(1, failures=[failed(1, 1)]))
    ask(desk)
    desk.turn(StopRequested())
    assert dict(desk.settled()) == {1: "cancelled", 2: "cancelled"}
    assert desk.machine._books.resting == {}
    assert answers(desk) == []


# -- what people are told -------------------------------------------------------------------------


def test_it_is_explained(desk):
    desk.open("a", credit=0)
    desk.open("b")
    desk.submit(1, of=pinned("a"))
    desk.turn(StatusRequested("request", 1))
    (about,) = [answer.value for answer in desk.of(Answer)]
    assert about["text"] == (
        "it waits for a free slot of the one worker that it is for, as part of a broadcast"
    )
    assert not about["no_worker"]
    assert about["advice"] == []
    first, second = about["workers"]
    assert "no credit" in first["why_not"]
    assert "is not the worker that it is for" in second["why_not"]
    desk.turn(StatusRequested("request"))
    (status,) = [answer.value for answer in desk.of(Answer)]
    assert status["lanes"] == [
        {"task": "f", "queue": "default", "priority": 0, "waiting": 1, "why": ""}
    ]
    assert status["node_id"] == PRODUCER_ID


def test_a_silent_worker_that_has_it_is_explained(desk):
    desk.open("a")
    desk.submit(1, of=pinned("a"))
    desk.turn(LinkDown(desk.link_of("a")), StatusRequested("request", 1))
    (about,) = [answer.value for answer in desk.of(Answer)]
    assert about["advice"] == ["wait: if the worker is lost, the task ends as lost, too"]
    assert not desk.machine._lanes.pinned
