from __future__ import annotations

import pytest
from desks import WorkerDesk

from zmqwork.config import WorkerConfig
from zmqwork.core.effects import Left, Notice
from zmqwork.core.link_events import LinkDown
from zmqwork.core.messages import Bye, DoneAck, Ping
from zmqwork.core.worker_requests import WorkerPauseRequested, WorkerResumeRequested
from zmqwork.errors import ConfigError


def left_at(desk, instant):
    """When it said that it leaves, up to this instant."""
    while (deadline := desk.machine.deadline()) is not None and deadline <= instant:
        desk.turn(at=deadline)
        if desk.machine.state not in ("serving", "paused"):
            return desk.now
    return None


def test_a_worker_without_work_leaves():
    desk = WorkerDesk(idle_exit=10.0)
    assert left_at(desk, 200.0) == 110.0
    (notice,) = desk.of(Notice)
    assert (notice.kind, "nothing to do" in notice.text) == ("leaving", True)
    assert desk.of(Left) == [Left("idle")]


def test_work_keeps_it():
    desk = WorkerDesk(idle_exit=10.0)
    link = desk.hello(at=101.0)
    desk.say(link, desk.tasks(1), at=103.0)
    for instant in range(104, 130, 2):
        desk.say(link, Ping(1), at=float(instant))
    assert desk.machine.state == "serving", "it runs something"
    desk.finish(1)
    desk.say(link, Ping(1), at=131.0)
    desk.say(link, DoneAck(1), at=132.0)
    for instant in range(133, 142):
        desk.say(link, Ping(1), at=float(instant))
    assert desk.machine.state == "serving"
    assert left_at(desk, 142.0) == 142.0, "ten seconds after its result was acked"
    assert desk.sent(Bye, link)


def test_a_paused_worker_is_not_idle():
    desk = WorkerDesk(idle_exit=10.0)
    desk.turn(WorkerPauseRequested(), at=105.0)
    assert left_at(desk, 200.0) is None
    desk.turn(WorkerResumeRequested(), at=200.0)
    assert left_at(desk, 300.0) == 210.0


def test_a_burst_ends_when_nobody_is_there():
    desk = WorkerDesk(burst=True)
    assert left_at(desk, 200.0) == 105.0
    assert desk.of(Left) == [Left("burst")]


def test_a_burst_ends_when_its_producers_have_nothing():
    desk = WorkerDesk(burst=True)
    link = desk.hello(at=102.0)
    assert desk.machine.deadline() <= 103.0
    desk.say(link, desk.tasks(1), at=102.9)
    assert left_at(desk, 103.5) is None
    desk.finish(1, at=103.5)
    desk.say(link, DoneAck(1))
    assert left_at(desk, 110.0) == 104.5


def test_a_burst_whose_producer_has_gone_ends():
    desk = WorkerDesk(burst=True)
    link = desk.hello(at=102.0)
    desk.turn(LinkDown(link), at=102.5)
    assert left_at(desk, 110.0) == 103.0


def test_what_is_kept_for_a_producer_with_a_journal_is_waited_for():
    desk = WorkerDesk(idle_exit=10.0)
    link = desk.hello(epoch=1)
    desk.say(link, desk.tasks(1))
    desk.turn(LinkDown(link))
    desk.until(desk.now + 4.0)
    desk.finish(1)
    ended_at = desk.now
    assert left_at(desk, ended_at + 100.0) is None
    link = desk.hello(epoch=2, link=b"again", at=ended_at + 100.0)
    desk.say(link, DoneAck(1))
    desk.turn(LinkDown(link))
    assert left_at(desk, ended_at + 200.0) == ended_at + 110.0


@pytest.mark.parametrize("options", [{"idle_exit": -1.0}, {"burst": 1}, {"unfit_after": -1}])
def test_values_that_are_none(options):
    with pytest.raises(ConfigError):
        WorkerConfig(node_id="w", name="w", realm="r", **options)


def test_what_comes_at_the_last_instant_is_done():
    desk = WorkerDesk(idle_exit=10.0)
    link = desk.hello(at=101.0)
    desk.say(link, desk.tasks(1), at=110.0)
    assert desk.machine.state == "serving"
    assert desk.account().held.keys() == {1}
