from __future__ import annotations

import pytest
from desks import ProducerDesk, done, spec

from zmqwork.core.events import CancelRequested, StopRequested


@pytest.fixture
def desk():
    return ProducerDesk()


def test_a_countdown_runs_out_to_the_second_and_the_task_runs_once(desk):
    link = desk.open()
    (task,) = desk.submit(1, of=spec(countdown=7_200.0))
    assert (task.state, desk.given()) == ("resting", [])
    desk.submit(2)
    assert desk.given() == [(2, 1)], "others do not wait behind it"
    desk.say(link, done(1, (2, 1)))
    desk.until(7_299.9)
    assert task.state == "resting"
    desk.until(7_300.0)
    assert task.state == "waiting"
    desk.open()
    assert desk.given() == [(1, 1)]


def test_what_is_due_waits_as_if_it_were_submitted_then(desk):
    desk.submit(1, of=spec(countdown=1.0))
    desk.submit(2)
    desk.until(101.0)
    desk.submit(3, at=101.5)
    link = desk.open()
    assert desk.given() == [(2, 1)]
    desk.say(link, done(1, (2, 1)))
    assert desk.given() == [(1, 1)]


def test_a_task_that_is_not_due_is_cancelled_expires_and_is_abandoned(desk):
    cancelled, expired, abandoned = desk.submit(1, of=spec(countdown=60.0)) + desk.submit(
        2, 3, of=spec(countdown=60.0, expires=5.0)
    )
    desk.turn(CancelRequested([1]))
    assert (desk.settled(), cancelled.state) == ([(1, "cancelled")], "cancelled")
    desk.turn(CancelRequested([3]))
    desk.until(105.0)
    assert (desk.settled(), expired.state) == ([(2, "expired")], "expired")
    assert abandoned.state == "cancelled"
    desk.submit(4, of=spec(countdown=60.0))
    desk.turn(StopRequested())
    assert desk.settled() == [(4, "cancelled")]
    (late,) = desk.submit(5, of=spec(countdown=60.0))
    assert late.state == "cancelled"


def test_a_task_that_is_not_due_is_bound_to_its_inbox_all_the_same(desk):
    (task,) = desk.submit(1, of=spec(countdown=1.0, inbox="box"))
    assert (task.state, task.sink_seq, task.outlet.id) == ("resting", 1, "box")
    desk.until(101.0)
    assert task.state == "waiting"
