from __future__ import annotations

import pytest
from desks import ProducerDesk, done, node_id

from zmqwork.core.effects import MarkRunning, Notice
from zmqwork.core.events import CancelRequested
from zmqwork.core.link_events import LinkDown, Probed
from zmqwork.core.messages import (
    FAILED,
    HELD_DONE,
    HELD_QUEUED,
    HELD_RUNNING,
    Cancel,
    Credit,
    Failure,
    Return,
    Started,
)


@pytest.fixture
def desk():
    return ProducerDesk()


def renew(desk, label="w", held=(), **fields):
    """The link breaks, and a new session begins."""
    desk.turn(LinkDown(desk.link_of(label)))
    return desk.greet(label, held=held, **fields)


def lose(desk, label="w"):
    desk.turn(LinkDown(desk.link_of(label)), Probed(f"local:{label}", gone=True))


def test_what_never_arrived_waits_again_free_of_charge(desk):
    desk.open(credit=3, slots=3)
    here, running, missing = desk.submit(1, 2, 3)
    renew(desk, held=[[1, 1, HELD_QUEUED], [2, 1, HELD_RUNNING]], slots=3)
    assert (here.state, running.state, missing.state) == ("dispatched", "started", "waiting")
    assert [m.entries for m in desk.of(MarkRunning)] == [[running]]
    assert missing.trouble is None
    assert not desk.sent(Cancel)


def test_an_older_attempt_over_there_is_not_this_one(desk):
    link = desk.open()
    (task,) = desk.submit(1)
    desk.say(link, Return("recalled", [1], [1]))
    assert task.attempt == 2
    link = renew(desk, held=[[1, 1, HELD_QUEUED]])
    assert task.state == "waiting"
    assert desk.sent(Cancel, link) == [Cancel([1])]


def test_an_older_attempt_that_runs_may_still_win(desk):
    link = desk.open()
    desk.submit(1)
    desk.say(link, Return("recalled", [1], [1]))
    renew(desk, held=[[1, 1, HELD_RUNNING]])
    assert not desk.sent(Cancel)


def test_results_on_offer_are_waited_for(desk):
    desk.open()
    (task,) = desk.submit(1)
    link = renew(desk, held=[[1, 1, HELD_DONE]])
    assert task.state == "dispatched"
    assert not desk.sent(Cancel)
    desk.say(link, done(1, (1, 1)))
    assert task.state == "succeeded"


def test_what_the_ledger_does_not_want_is_cancelled(desk):
    desk.open(credit=2, slots=2)
    desk.submit(1, 2)
    desk.turn(LinkDown(desk.link_of("w")), CancelRequested([1, 2], "request"))
    link = desk.greet(held=[[1, 1, HELD_QUEUED], [2, 1, HELD_RUNNING], [9, 1, HELD_DONE]])
    assert desk.sent(Cancel, link) == [Cancel([1, 2])]


def test_a_lost_worker_with_running_tasks_costs_them_a_crash(desk):
    link = desk.open(credit=9, slots=2)
    desk.machine._books.pace.observe("f", 100, 0.0)
    running, oldest, other = desk.submit(1, 2, 3)
    desk.say(link, Started([1], [1]))
    lose(desk)
    assert [task.crashes for task in (running, oldest, other)] == [1, 1, 0]
    assert {task.state for task in (running, oldest, other)} == {"waiting"}
    (notice,) = [n for n in desk.of(Notice) if n.kind == "peer_lost"]
    assert notice.data["seqs"] == [1, 2, 3]
    assert (notice.data["held"], notice.data["started"], notice.data["resubmitted"]) == (3, 2, 3)
    assert desk.machine.counters["resubmitted"] == 3
    link = desk.open("other", credit=9, slots=9)
    assert desk.given(link) == [(1, 2), (2, 2), (3, 2)]


def test_one_crash_too_many_is_the_end(desk):
    desk = ProducerDesk(crash_limit=1)
    desk.open()
    (task,) = desk.submit(1)
    lose(desk)
    assert desk.settled() == [(1, "dead")]
    assert "worker worker-w#0000 was lost" in task.error["text"]


def test_what_is_there_after_all_is_adopted_and_no_crash(desk):
    desk.open(credit=2, slots=2)
    one, two = desk.submit(1, 2)
    lose(desk)
    assert (one.crashes, two.crashes) == (1, 1)
    link = desk.greet(held=[[1, 1, HELD_RUNNING], [2, 1, HELD_QUEUED]], slots=2)
    assert (one.state, two.state) == ("started", "dispatched")
    assert (one.crashes, two.crashes) == (0, 0)
    assert desk.machine._lanes.waiting() == 0
    desk.say(link, done(1, (1, 1), (2, 1)))
    assert (one.state, two.state) == ("succeeded", "succeeded")


def test_a_task_on_a_shaky_link_does_not_die_of_it(desk):
    desk.open()
    (task,) = desk.submit(1)
    for _ in range(10):
        lose(desk)
        desk.greet(held=[[1, 1, HELD_RUNNING]])
        desk.until(desk.now + 1.1)
    assert (task.state, task.crashes) == ("started", 0)


def test_a_crash_is_taken_back_though_the_task_runs_elsewhere_by_now(desk):
    desk.open("one")
    (task,) = desk.submit(1)
    lose(desk, "one")
    two = desk.open("two")
    assert desk.given(two) == [(1, 2)]
    desk.greet("one", held=[[1, 1, HELD_RUNNING]])
    assert (task.crashes, task.attempt, task.state) == (0, 2, "dispatched")


def test_a_recorded_failure_is_not_adopted_again(desk):
    """Its ack was lost, so the batch is on offer still when the next session begins."""
    link = desk.open()
    (task,) = desk.submit(1)
    failure = Failure(1, 1, FAILED, {"type": "E", "text": ""})
    desk.say(link, done(1, failures=[failure]))
    desk.turn(LinkDown(link))
    desk.until(100.99)
    task.trouble.lost_at = None
    link = desk.greet(held=[[1, 1, HELD_DONE]])
    desk.say(link, done(1, failures=[failure]))
    assert task.failures == 1


def test_an_observer_of_all_this_sees_a_worker_leave_without_loss(desk):
    desk.open(slots=0, credit=0)
    lose(desk)
    assert desk.machine.counters["lost_workers"] == 1
    lose(desk)
    assert desk.machine.counters["lost_workers"] == 1


def back_with(desk, state):
    """Worker w, given up on, is back with task 1, which runs at v; both have one slot."""
    desk.open("w", credit=1, slots=1)
    (task,) = desk.submit(1)
    other = desk.open("v", credit=1, slots=1)
    lose(desk, "w")
    assert desk.given(other) == [(1, 2)]
    link = desk.greet("w", Credit(1, 1 << 20), held=[[1, 1, state]], slots=1)
    desk.submit(2)
    return task, link


@pytest.mark.parametrize("state", [HELD_RUNNING, HELD_DONE])
@pytest.mark.parametrize(
    "said",
    [
        done(1, (1, 1)),
        done(1, failures=[Failure(1, 1, FAILED, {"type": "E", "text": "x"})]),
        Return("undelivered", [1], [1]),
    ],
)
def test_what_another_worker_runs_as_well_takes_a_place_until_it_ends(desk, state, said):
    """It would be given more than it takes, which came back, and was sent again at once."""
    _, link = back_with(desk, state)
    assert desk.given(link) == []
    desk.say(link, said)
    assert desk.given() == [(2, 1)]


def test_a_task_that_meets_its_older_attempt_takes_one_place(desk):
    task, link = back_with(desk, HELD_RUNNING)
    desk.say(link, Credit(3, 1 << 20, 2))
    assert desk.given(link) == [(2, 1)]
    lose(desk, "v")
    assert task.worker.node_id == node_id("w")
    desk.submit(3)
    assert desk.given(link) == [(3, 1)], "there is room for one more"


def test_a_task_that_meets_its_older_result_takes_two(desk):
    task, link = back_with(desk, HELD_DONE)
    desk.say(link, Credit(3, 1 << 20, 2))
    lose(desk, "v")
    assert task.worker.node_id == node_id("w")
    desk.submit(3)
    assert desk.given(link) == []
