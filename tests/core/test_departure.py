from __future__ import annotations

import pytest
from delivery_desk import DeliveryDesk
from desks import WorkerDesk, node_id

from zmqwork.core.effects import Execute, Left, Notice, Restart, Send, TakeBack
from zmqwork.core.events import (
    DrainRequested,
    Finished,
    SlotReady,
    StopRequested,
    TakenBack,
)
from zmqwork.core.link_events import LinkDown
from zmqwork.core.messages import Bye, Credit, Demand, Done, DoneAck, Draining, Return, Welcome
from zmqwork.core.worker_requests import WorkerPauseRequested, WorkerResumeRequested


@pytest.fixture
def desk():
    return WorkerDesk()


def acked(desk, link, batch):
    desk.say(link, DoneAck(batch))


def test_a_drain_returns_what_waits_and_finishes_what_runs():
    desk = WorkerDesk()
    link = desk.hello()
    desk.machine._window.ran(100, 0.01)
    desk.machine._window.acked(0.01, 100.0)
    desk.say(link, Demand(1), desk.tasks(1))
    desk.say(link, desk.tasks(2))
    assert desk.account().held.keys() == {1, 2}
    desk.turn(DrainRequested())
    assert desk.sent(Draining, link)
    assert desk.sent(Return, link) == [Return("draining", [2], [1])]
    desk.say(link, desk.tasks(3))
    assert desk.sent(Return, link) == [Return("draining", [3], [1])]
    desk.finish(1)
    assert desk.sent(Bye) == [], "its result is not acked yet"
    acked(desk, link, 1)
    assert desk.sent(Bye, link) == [Bye()]
    assert desk.of(Left) == []
    desk.say(link, Bye())
    assert len(desk.of(Left)) == 1
    assert desk.machine.state == "gone"


def test_a_drain_without_producers_is_over_at_once(desk):
    desk.turn(DrainRequested())
    assert len(desk.of(Left)) == 1
    desk.turn(DrainRequested(), StopRequested())
    assert desk.of(Left) == []


def test_nobody_is_waited_for_for_ever(desk):
    desk.hello()
    desk.turn(DrainRequested())
    assert desk.sent(Bye)
    desk.until(100.49)
    assert desk.machine.state == "leaving"
    desk.until(100.5)
    assert len(desk.of(Left)) == 1


def test_a_drain_is_cut_when_it_takes_too_long():
    desk = WorkerDesk(drain_timeout=5.0)
    link = desk.hello()
    desk.say(link, desk.tasks(1))
    desk.turn(DrainRequested())
    desk.until(104.9)
    assert "drain_cut" not in desk.notices()
    desk.until(105.0)
    assert "drain_cut" in desk.notices()
    assert [r.slot for r in desk.of(Restart)] == [0]
    assert desk.sent(Return, link) == [Return("stopping", [1], [1])]
    assert desk.sent(Bye, link)


def test_stop_gives_back_everything_and_leaves():
    desk = WorkerDesk(slots=2)
    link = desk.hello()
    desk.say(link, desk.tasks(1, 2))
    desk.turn(StopRequested())
    assert desk.sent(Draining, link)
    assert [r.slot for r in desk.of(Restart)] == [0, 1]
    assert sorted(desk.sent(Return)[0].seqs) == [1, 2]
    assert desk.sent(Bye, link)
    desk.finish(1)
    desk.turn(SlotReady(0))
    desk.say(link, desk.tasks(3))
    assert desk.sent(Return) == [Return("stopping", [3], [1])]
    desk.turn(StopRequested())
    assert len(desk.of(Left)) == 1


def test_stop_offers_what_has_ended(desk):
    link = desk.hello()
    desk.say(link, desk.tasks(1))
    desk.turn(Finished(0, [(True, b"of 1")], 0.1), StopRequested())
    assert [done.seqs for done in desk.sent(Done, link)] == [[1]]


def test_whoever_has_no_link_is_told_later(desk):
    link = desk.hello()
    desk.say(link, desk.tasks(1))
    desk.turn(LinkDown(link), StopRequested())
    assert desk.sent(Return) == desk.sent(Bye) == []
    again = desk.hello(session=2)
    assert desk.sent(Welcome, again)[0].held == []


def test_a_session_that_begins_while_it_drains_is_told_so(desk):
    link = desk.hello()
    desk.say(link, desk.tasks(1))
    desk.turn(DrainRequested(), LinkDown(link))
    again = desk.hello(session=2)
    assert desk.sent(Draining, again)
    assert desk.sent(Credit, again) == []


@pytest.mark.parametrize("label", ["p", "a stranger"])
def test_a_session_that_begins_while_it_leaves_is_told_goodbye(desk, label):
    link = desk.hello()
    desk.turn(DrainRequested())
    desk.turn(LinkDown(link))
    again = desk.hello(label, session=2)
    assert desk.sent(Bye, again) == [Bye()]
    assert list(desk.machine._accounts) == [node_id("p")]


def test_observers_are_told_goodbye_but_not_waited_for(desk):
    observer = desk.hello("o", role="observer")
    desk.turn(DrainRequested())
    assert desk.sent(Bye, observer)
    assert desk.of(Left)


def test_timers_of_a_life_that_is_over_are_void(desk):
    link = desk.hello()
    desk.turn(DrainRequested())
    desk.say(link, Bye())
    assert desk.machine.state == "gone"
    desk.until(200.0)
    assert desk.of(Left) == []


# -- leaving, with results for sinks --------------------------------------------------------------


def test_a_drain_waits_for_sinks():
    desk = DeliveryDesk()
    desk.give(1)
    sink = desk.meet()
    desk.end(1)
    desk.turn(DrainRequested())
    assert desk.sent(Draining, desk.link)
    assert desk.sent(Bye) == []
    desk.ack(sink, 1)
    assert (desk.done(), desk.sent(Bye)) == ([1], [])
    acked(desk, desk.link, 1)
    assert desk.sent(Bye, desk.link) == desk.sent(Bye, sink) == [Bye()]
    assert desk.hang_ups() == [sink]
    desk.turn(LinkDown(sink))
    assert desk.dials() == [], "it dials nobody any more"
    desk.say(desk.link, Bye())
    assert desk.of(Left)


def test_a_drain_waits_for_what_a_lost_producer_has_left():
    desk = DeliveryDesk()
    desk.give(1)
    sink = desk.meet()
    desk.end(1)
    desk.say(desk.link, Bye())
    desk.turn(DrainRequested())
    assert desk.of(Left) == []
    desk.ack(sink, 1)
    assert desk.of(Left)


def test_a_drain_that_takes_too_long_returns_what_no_sink_has():
    desk = DeliveryDesk(drain_timeout=5.0)
    desk.give(1, 2)
    desk.end(1)
    desk.turn(DrainRequested())
    desk.live(105.0)
    (notice,) = [n for n in desk.of(Notice) if n.kind == "drain_cut"]
    assert "2 attempts are returned" in notice.text
    assert desk.returned() == [("stopping", [2]), ("stopping", [1])]
    assert desk.machine._deliverer.outboxes.count == 0


def test_stop_returns_what_is_not_acked_before_it_says_goodbye():
    desk = DeliveryDesk()
    desk.give(1, 2, 3)
    sink = desk.meet(credit=(1, 1 << 20))
    desk.end(1, 2)
    slot = desk.slot_of(3)
    desk.turn(Finished(slot, [(True, b"")], 0.1), StopRequested())
    said = [effect.message for effect in desk.of(Send) if effect.link == desk.link]
    assert said == [Draining(), Return("stopping", [1, 2, 3], [1, 1, 1]), Bye()]
    assert desk.sent(Bye, sink)
    desk.turn(StopRequested())
    assert desk.of(Left)


def test_the_time_of_a_sink_is_over_after_the_worker_left():
    desk = DeliveryDesk()
    desk.give(1)
    desk.end(1)
    desk.turn(StopRequested())
    desk.say(desk.link, Bye())
    assert desk.machine.state == "gone"
    desk.until(140.0)
    assert desk.notices() == []


def paused(slots=1):
    desk = WorkerDesk(slots=slots)
    link = desk.hello()
    desk.machine._window.ran(100, 0.01)
    desk.machine._window.acked(0.01, 100.0)
    desk.say(link, Demand(1), desk.tasks(1))
    desk.say(link, desk.tasks(2))
    desk.turn(WorkerPauseRequested())
    return desk, link


def test_a_paused_worker_gives_back_what_waits_and_finishes_what_runs():
    desk, link = paused()
    assert desk.machine.state == "paused"
    assert desk.sent(Credit, link) == [Credit(0, desk.machine._config.credit_bytes)]
    assert desk.sent(Return, link) == [Return("paused", [2], [1])]
    assert desk.sent(Draining) == []
    desk.say(link, desk.tasks(3))
    assert desk.sent(Return, link) == [Return("paused", [3], [1])]
    desk.finish(1)
    assert desk.sent(Done, link)
    acked(desk, link, 1)
    assert desk.machine.state == "paused", "it stays"
    assert desk.sent(Credit) == []


def test_a_paused_worker_goes_on_when_told_to():
    desk, link = paused()
    desk.turn(WorkerPauseRequested())
    assert desk.notices() == [], "the same word again"
    desk.turn(WorkerResumeRequested())
    assert desk.machine.state == "serving"
    (credit,) = desk.sent(Credit, link)
    assert credit.attempts > 0
    desk.finish(1)
    desk.say(link, desk.tasks(4))
    assert desk.account().held.keys() == {4}
    desk.turn(WorkerResumeRequested())
    assert desk.notices() == []


def test_a_producer_that_comes_to_a_paused_worker_gets_no_credit():
    desk, _ = paused()
    other = desk.hello(link=b"other", label="other")
    assert desk.sent(Welcome, other)
    assert desk.sent(Credit, other) == []
    desk.turn(WorkerResumeRequested())
    assert desk.sent(Credit, other)


def test_a_paused_worker_can_leave():
    for event in (DrainRequested(), StopRequested()):
        desk, link = paused()
        desk.turn(event)
        assert desk.sent(Draining, link)
        desk.turn(WorkerPauseRequested(), WorkerResumeRequested())
        assert desk.machine.state in ("draining", "leaving")


@pytest.mark.parametrize("event", [DrainRequested(), WorkerPauseRequested()])
def test_what_waits_in_a_slot_behind_a_long_attempt_is_returned(event):
    desk = WorkerDesk()
    link = desk.hello()
    desk.machine._window.ran(100, 0.01)
    desk.machine._window.acked(0.01, 100.0)
    desk.machine._feeder._pace.observe("f", 100, 0.01)
    desk.say(link, Demand(1))
    desk.say(link, desk.tasks(1, 2, 3))
    (given,) = desk.of(Execute)
    assert len(given.attempts) == 3
    desk.turn(event)
    desk.until(desk.now + 0.02)
    assert desk.of(TakeBack) == [TakeBack(0)], "the first one has turned out to be long"
    desk.turn(TakenBack(0, given.attempts[1:]))
    (back,) = desk.sent(Return, link)
    assert back.seqs == [2, 3]
