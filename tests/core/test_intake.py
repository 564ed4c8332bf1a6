from __future__ import annotations

import pytest
from desks import WorkerDesk, node_id

from zmqwork.core.delivery import Destination
from zmqwork.core.messages import REJECTED, Cancel, Done, Recall, Return, Run, Tasks


@pytest.fixture
def desk():
    made = WorkerDesk(slots=1, prefetch_max=9)
    made.machine._window.ran(1_000_000, 0.001)
    made.machine._window.acked(0.1, made.now)
    made.link = made.hello()
    return made


def test_attempts_beyond_the_credit_come_back(desk):
    desk.say(desk.link, desk.tasks(*range(12)))
    assert desk.sent(Return) == [Return("over_credit", [10, 11], [1, 1])]
    assert len(desk.account().held) == 10
    assert desk.machine.counters["returned"] == 2


def test_unknown_tasks_are_rejected(desk):
    desk.say(desk.link, desk.tasks(1, name="what"))
    (done,) = desk.sent(Done)
    (failure,) = done.failures
    assert (failure.seq, failure.outcome, failure.error["type"]) == (1, REJECTED, "UnknownTask")
    assert not desk.account().held


def test_what_is_here_already_serves_the_newer_attempt(desk):
    desk.say(desk.link, desk.tasks(1))
    desk.say(desk.link, desk.tasks(1, attempt=3))
    desk.say(desk.link, desk.tasks(1, attempt=2))
    assert desk.placed() == []
    assert desk.machine.counters["duplicates"] == 2
    desk.finish(1)
    (done,) = desk.sent(Done)
    assert done.attempts == [3]


def test_the_newest_that_no_slot_has_are_recalled(desk):
    desk.say(desk.link, desk.tasks(1, 2, 3, 4))
    assert desk.placed() == [(0, 1)]
    desk.say(desk.link, Recall(2))
    assert desk.sent(Return) == [Return("recalled", [3, 4], [1, 1])]
    desk.say(desk.link, Recall(9))
    assert desk.sent(Return) == [Return("recalled", [2], [1])]
    desk.say(desk.link, Recall(9))
    assert desk.sent(Return) == []
    desk.say(desk.link, desk.tasks(3, attempt=2))
    assert desk.account().held.keys() == {1, 3}


def test_cancelled_attempts_are_forgotten(desk):
    desk.say(desk.link, desk.tasks(1, 2))
    desk.say(desk.link, Cancel([2, 7]))
    assert desk.account().held.keys() == {1}
    assert desk.machine.counters["dropped"] == 1
    desk.finish(1)
    assert desk.placed() == []


def test_what_is_on_its_way_to_a_sink_counts(desk):
    to = Destination(node_id("s"), "", [], "p", [1, 2, 3])
    desk.say(desk.link, Tasks([Run("f", {}, 1, [1, 2, 3], [b""] * 3, to)]))
    desk.finish(1)
    assert desk.account().finished == 1
    desk.say(desk.link, desk.tasks(*range(4, 14)))
    assert desk.sent(Return) == [Return("over_credit", [11, 12, 13], [1, 1, 1])]
