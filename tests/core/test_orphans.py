from __future__ import annotations

import pytest
from delivery_desk import DeliveryDesk
from desks import REALM, WorkerDesk, node_id

from zmqwork.core.effects import Interrupt, Left
from zmqwork.core.events import DrainRequested, Finished, StopRequested
from zmqwork.core.link_events import LinkDown
from zmqwork.core.messages import (
    HELD_DONE,
    HELD_RUNNING,
    Bye,
    Credit,
    Done,
    DoneAck,
    Failure,
    Hello,
    Refused,
    Welcome,
)
from zmqwork.core.orphans import KEPT_TIMEOUT, ORPHANS_MAX
from zmqwork.core.worker_requests import WorkerPauseRequested, WorkerResumeRequested


@pytest.fixture
def desk():
    return WorkerDesk(slots=2)


def lose(desk, link):
    """The process of this producer is gone, and is given up on."""
    desk.turn(LinkDown(link))
    return desk.until(desk.now + 4.0)


def held(desk, link):
    (welcome,) = desk.sent(Welcome, link)
    return sorted(welcome.held)


def test_what_runs_for_a_producer_with_a_journal_goes_on_and_is_kept(desk):
    link = desk.hello(epoch=1)
    desk.say(link, desk.tasks(1, 2))
    lose(desk, link)
    assert not [e for e in desk.effects if isinstance(e, Interrupt)]
    desk.finish(1)
    again = desk.hello(epoch=2, link=b"again")
    assert held(desk, again) == [[1, 0, HELD_DONE], [2, 0, HELD_RUNNING]]
    assert [done.seqs for done in desk.sent(Done, again)] == [[1]]
    assert [done.attempts for done in desk.sent(Done, again)] == [[0]]
    desk.finish(2, slot=1, good=False)
    ((failure,),) = [done.failures for done in desk.sent(Done, again)]
    assert (failure.seq, failure.attempt) == (2, 0)


def test_failures_are_kept_as_results_are(desk):
    link = desk.hello(epoch=1)
    desk.say(link, desk.tasks(1, 2))
    desk.finish(1, good=False)
    lose(desk, link)
    desk.finish(2, slot=1, good=False)
    again = desk.hello(epoch=2, link=b"again")
    assert held(desk, again) == [[1, 0, HELD_DONE], [2, 0, HELD_DONE]]
    failures = [failure for done in desk.sent(Done, again) for failure in done.failures]
    assert failures == [Failure(seq, 0, "failed", {"type": "E", "text": ""}) for seq in (1, 2)]


def test_what_ends_in_the_turn_of_the_greeting_belongs_to_the_epoch_before(desk):
    link = desk.hello(epoch=1)
    desk.say(link, desk.tasks(1, 2))
    lose(desk, link)
    hello = desk.heard(
        b"p/2", Hello(1, node_id("p"), "producer", "p", realm=REALM, protocol=(1, 1), epoch=2)
    )
    desk.turn(Finished(0, [(True, b"x")], 0.1), Finished(1, [(False, {})], 0.1), hello)
    assert held(desk, b"p/2") == [[1, 0, HELD_DONE], [2, 0, HELD_DONE]]


def test_a_process_that_comes_at_once_finds_what_is_queued_too(desk):
    link = desk.hello(epoch=1)
    desk.say(link, desk.tasks(1, 2))
    desk.turn(LinkDown(link))
    again = desk.hello(epoch=2, link=b"again")  # its sessions count from 1 again
    assert held(desk, again) == [[1, 0, HELD_RUNNING], [2, 0, HELD_RUNNING]]


def test_an_older_epoch_is_a_leftover(desk):
    desk.hello(session=1, epoch=2)
    late = desk.hello(session=9, epoch=1)
    assert not desk.sent(Welcome, late)
    assert desk.machine.listener.counters.strays == 1


def test_a_session_of_the_same_epoch_keeps_the_numbers(desk):
    link = desk.hello(epoch=1)
    desk.say(link, desk.tasks(1, attempt=3))
    lose(desk, link)
    again = desk.hello(session=2, epoch=1)
    assert held(desk, again) == [[1, 3, HELD_RUNNING]]


def test_what_had_not_begun_is_dropped():
    desk = WorkerDesk(slots=2, ready=False)
    link = desk.hello(epoch=1)
    desk.say(link, desk.tasks(1, 2))
    lose(desk, link)
    again = desk.hello(epoch=2, link=b"again")
    assert held(desk, again) == []


def test_an_account_with_nothing_in_it_is_not_kept(desk):
    link = desk.hello(epoch=1)
    desk.say(link, desk.tasks(1))
    desk.finish(1)
    desk.say(link, DoneAck(1))
    lose(desk, link)
    assert not desk.machine._accounts


def test_after_ten_minutes_it_is_given_up(desk):
    link = desk.hello(epoch=1)
    desk.say(link, desk.tasks(1, 2))
    lose(desk, link)
    desk.finish(1)
    effects = desk.until(desk.now + KEPT_TIMEOUT)
    assert [effect.attempt.seq for effect in effects if isinstance(effect, Interrupt)] == [2]
    assert not desk.machine._accounts


def test_a_producer_that_is_back_is_not_given_up_later(desk):
    link = desk.hello(epoch=1)
    desk.say(link, desk.tasks(1, 2))
    lose(desk, link)
    desk.hello(epoch=2, link=b"again")
    lost_again = desk.until(desk.now + KEPT_TIMEOUT)
    assert desk.account().epoch == 2
    assert not [effect for effect in lost_again if isinstance(effect, Interrupt)]


def test_so_many_are_kept_and_no_more():
    desk = WorkerDesk(slots=ORPHANS_MAX + 1)
    for number in range(ORPHANS_MAX + 1):
        link = desk.hello(f"p{number}", epoch=1)
        desk.say(link, desk.tasks(1))
        desk.turn(*[desk.heard(link, Bye())])
    assert len(desk.machine._accounts) == ORPHANS_MAX
    assert node_id("p0") not in desk.machine._accounts


def test_slots_that_such_tasks_do_not_take_are_granted_to_others(desk):
    link = desk.hello(epoch=1)
    desk.say(link, desk.tasks(1, 2))
    other = desk.hello("q")
    assert desk.sent(Credit, other)[-1].attempts == 0
    lose(desk, link)
    assert desk.sent(Credit, other)[-1].attempts == 2


def test_a_paused_worker_keeps_what_runs_for_them(desk):
    link = desk.hello(epoch=1)
    desk.say(link, desk.tasks(1, 2))
    desk.finish(1)
    desk.turn(WorkerPauseRequested())
    lose(desk, link)
    again = desk.hello(epoch=2, link=b"again")
    assert held(desk, again) == [[1, 0, HELD_DONE], [2, 0, HELD_RUNNING]]
    assert not desk.sent(Credit, again)
    desk.turn(WorkerResumeRequested())
    assert desk.sent(Credit, again)


def test_a_pause_leaves_those_that_are_kept_alone(desk):
    link = desk.hello(epoch=1)
    desk.say(link, desk.tasks(1, 2))
    lose(desk, link)
    desk.turn(WorkerPauseRequested())
    desk.finish(1)
    again = desk.hello(epoch=2, link=b"again")
    assert held(desk, again) == [[1, 0, HELD_DONE], [2, 0, HELD_RUNNING]]


@pytest.mark.parametrize("event", [DrainRequested(), StopRequested()])
def test_a_worker_that_leaves_waits_for_no_such_producer(desk, event):
    link = desk.hello(epoch=1)
    desk.say(link, desk.tasks(1, 2))
    lose(desk, link)
    desk.finish(1)
    desk.turn(event)
    if isinstance(event, DrainRequested):
        desk.finish(2, slot=1)
    assert desk.of(Left) or desk.until(desk.now + 1.0)
    assert desk.machine.state == "gone"


def test_a_producer_that_goes_while_the_worker_drains_is_not_waited_for(desk):
    link = desk.hello(epoch=1)
    desk.say(link, desk.tasks(1, 2))
    desk.turn(DrainRequested())
    desk.turn(desk.heard(link, Bye()))
    assert not desk.machine._accounts


def test_results_on_their_way_to_sinks_are_found_again():
    desk = DeliveryDesk(slots=2)
    link = desk.hello("q", epoch=1)
    desk.give(1, link=link)
    desk.give(2)  # of another producer
    desk.end(1, 2)
    lose(desk, link)
    again = desk.hello("q", epoch=2, link=b"again")
    assert held(desk, again) == [[1, 0, HELD_DONE]]


def test_what_was_sent_again_after_it_had_failed_is_one_attempt(desk):
    link = desk.hello(epoch=1)
    desk.say(link, desk.tasks(1, 2))
    desk.finish(1, good=False)  # not acked
    desk.say(link, desk.tasks(1, attempt=2))
    again = desk.hello(epoch=2, link=b"again")
    assert held(desk, again) == [[1, 0, HELD_RUNNING], [2, 0, HELD_RUNNING]]
    assert [done.failures for done in desk.sent(Done, again)] == [[]]


def test_a_greeting_of_a_process_before_that_is_read_late_is_refused(desk):
    link = desk.hello(epoch=2)
    desk.say(link, desk.tasks(1))
    lose(desk, link)
    old = desk.hello(epoch=1, session=9, link=b"old")
    assert [refused.code for refused in desk.sent(Refused, old)] == ["order"]
    assert not desk.sent(Welcome)
    desk.until(desk.now + 5.0)
    again = desk.hello(epoch=2, session=2, link=b"again")
    assert held(desk, again) == [[1, 1, HELD_RUNNING]]
