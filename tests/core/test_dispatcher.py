from __future__ import annotations

import pytest
from desks import ProducerDesk, done, entries, spec, welcome

from zmqwork.core.effects import Answer, HangUp, Left, Notice, Send, Settle
from zmqwork.core.events import (
    CancelRequested,
    DrainRequested,
    StatusRequested,
    StopRequested,
    Submitted,
)
from zmqwork.core.link_events import (
    LinkDown,
    LinkUp,
    PeerFound,
    Received,
)
from zmqwork.core.messages import (
    FAILED,
    Bye,
    Cancel,
    Credit,
    Demand,
    Draining,
    Failure,
    Hello,
    Info,
    Pong,
    Return,
    Started,
    Status,
    Tasks,
    Welcome,
)


@pytest.fixture
def desk():
    return ProducerDesk()


def answers(desk):
    return {answer.request: answer.value for answer in desk.of(Answer)}


# -- cancelling, expiring, stopping ---------------------------------------------------------------


def test_what_waits_is_cancelled(desk):
    (task,) = desk.submit(1)
    desk.turn(CancelRequested([1, 99], "request"))
    assert answers(desk) == {"request": [1]}
    assert desk.settled() == [(1, "cancelled")]
    assert task.error["type"] == "CancelledError"
    assert desk.machine._lanes.waiting() == 0


@pytest.mark.parametrize("hard", [False, True])
def test_what_runs_is_cancelled_if_that_is_asked_for(desk, hard):
    link = desk.open()
    desk.submit(1)
    desk.say(link, Started([1], [1]))
    desk.turn(CancelRequested([1], "request"))
    assert (answers(desk), desk.settled()) == ({"request": []}, [])
    desk.turn(CancelRequested([1], "request", True, hard))
    assert (answers(desk), desk.settled()) == ({"request": [1]}, [(1, "cancelled")])
    assert desk.sent(Cancel, link) == [Cancel([1], hard)]
    desk.say(link, done(1, (1, 1)))
    assert desk.settled() == []
    assert desk.machine.counters["duplicates"] == 1


def test_what_is_queued_at_a_worker_is_cancelled_there(desk):
    link = desk.open()
    desk.submit(1)
    desk.turn(CancelRequested([1], "request"))
    assert desk.settled() == [(1, "cancelled")]
    assert desk.sent(Cancel, link) == [Cancel([1])]
    desk.submit(2)
    assert desk.given() == [(2, 1)], "its credit is free again"


def test_what_has_begun_is_not_cancelled(desk):
    link = desk.open()
    desk.submit(1)
    desk.say(link, Started([1], [1]))
    desk.turn(CancelRequested([1], "request"))
    assert answers(desk) == {"request": []}
    assert desk.settled() == []


def test_what_rests_is_cancelled_with_its_timer(desk):
    link = desk.open()
    desk.submit(1)
    desk.say(link, done(1, failures=[Failure(1, 1, FAILED, {"type": "E", "text": ""})]))
    desk.turn(CancelRequested([1], "request"))
    assert desk.settled() == [(1, "cancelled")]
    assert not any(key[0] == "rest" for key in desk.machine._timers._at)


def test_a_suspect_in_session_is_told_to_cancel_too(desk):
    link = desk.open()
    desk.submit(1)
    desk.until(102.0)
    desk.turn(CancelRequested([1], "request"))
    assert desk.sent(Cancel, link) == [Cancel([1])]


def test_a_task_expires_where_it_waits(desk):
    (task,) = desk.submit(1, of=spec(expires=5.0))
    desk.until(104.99)
    assert task.state == "waiting"
    desk.until(105.0)
    assert desk.settled() == [(1, "expired")]
    assert task.error["type"] == "TaskExpired"


def test_a_task_that_is_worthless_at_once_expires_at_once(desk):
    desk.open()
    desk.submit(1, of=spec(expires=0.0))
    assert desk.settled() == [(1, "expired")]
    assert desk.given() == []


def test_what_is_queued_at_a_worker_expires(desk):
    link = desk.open()
    desk.submit(1, of=spec(expires=5.0))
    (tasks,) = desk.sent(Tasks)
    assert tasks.runs[0].options == {"queue": "default", "deadline": 5.0}
    desk.say(link, Pong(0), at=103.0)
    desk.until(105.0)
    assert desk.settled() == [(1, "expired")]
    assert desk.sent(Cancel) == [Cancel([1])]


@pytest.mark.parametrize("waits", [True, False])
def test_what_runs_does_not_expire_until_it_is_to_run_again(desk, waits):
    link = desk.open()
    (task,) = desk.submit(1, of=spec(expires=5.0, retry_backoff=600.0, retry_backoff_max=600.0))
    desk.say(link, Started([1], [1]))
    for at in (101.5, 103.0, 104.5, 106.0):
        desk.say(link, Pong(0), at=at)
    assert task.state == "started"
    failure = Failure(1, 1, FAILED, {"type": "E", "text": ""})
    desk.say(link, Return("draining", [1], [1]) if waits else done(1, failures=[failure]))
    assert desk.settled() == [(1, "expired")]


def test_a_rest_that_ends_beyond_the_deadline(desk):
    link = desk.open()
    desk.submit(1, of=spec(expires=5.0, retry_backoff=600.0, retry_backoff_max=600.0))
    desk.say(link, done(1, failures=[Failure(1, 1, FAILED, {"type": "E", "text": ""})]))
    desk.until(105.0)
    assert desk.settled() == [(1, "expired")]


def test_a_rest_that_was_due_after_the_deadline_is_void(desk):
    link = desk.open()
    (task,) = desk.submit(1, of=spec(expires=5.0, retry_backoff=600.0, retry_backoff_max=600.0))
    desk.say(link, done(1, failures=[Failure(1, 1, FAILED, {"type": "E", "text": ""})]))
    desk.turn(at=900.0)  # late: both are due
    assert desk.settled() == [(1, "expired")]
    assert task.attempt == 1


def test_stop_settles_everything_and_says_goodbye(desk):
    link = desk.open(credit=2, slots=2)
    desk.find("not yet")
    running, queued, waiting = desk.submit(1, 2, 3)
    (resting,) = entries(4)
    desk.say(link, Started([1], [1]), Return("recalled", [2], [1]))
    failure = Failure(3, 1, FAILED, {"type": "E", "text": ""})
    desk.turn(Submitted([resting]))
    desk.say(link, done(1, failures=[failure]))
    desk.turn(StopRequested())
    assert dict(desk.settled()) == dict.fromkeys((1, 2, 3, 4), "cancelled")
    assert {running.state, queued.state, waiting.state} == {"cancelled"}
    assert desk.sent(Cancel, link)
    assert desk.sent(Bye, link) == [Bye()]
    assert all(hang_up.farewell for hang_up in desk.of(HangUp))
    assert len(desk.of(Left)) == 1
    assert not any(key[0] in ("rest", "expire") for key in desk.machine._timers._at)
    assert desk.machine.dialer.deadline() is None
    desk.turn(StopRequested())
    assert not desk.of(Left)
    desk.submit(5)
    assert desk.settled() == [(5, "cancelled")]


def test_stop_settles_what_rests(desk):
    link = desk.open()
    desk.submit(1)
    desk.say(link, done(1, failures=[Failure(1, 1, FAILED, {"type": "E", "text": ""})]))
    desk.turn(StopRequested())
    assert desk.settled() == [(1, "cancelled")]
    assert not any(key[0] in ("rest", "expire") for key in desk.machine._timers._at)
    assert desk.machine.dialer.deadline() is None


def test_a_producer_needs_nothing_to_drain(desk):
    assert desk.turn(DrainRequested()) == []


# -- workers --------------------------------------------------------------------------------------


def test_credit_follows_the_welcome(desk):
    desk.find()
    link = desk.greet()
    desk.submit(1)
    assert desk.given() == []
    desk.say(link, Credit(1, 1 << 20))
    assert desk.given(link) == [(1, 1)]


def test_a_draining_worker_is_given_nothing(desk):
    link = desk.open(credit=2, slots=2)
    desk.submit(1)
    desk.say(link, Draining())
    desk.submit(2)
    assert desk.given() == []
    desk.until(102.0)
    desk.say(link, Pong(1))
    assert desk.given() == [], "nor when it was silent for a while"


def test_a_worker_that_leaves_gives_back_what_it_did_not_begin(desk):
    link = desk.open(credit=2, slots=2)
    one, _ = desk.submit(1, 2)
    desk.say(link, Draining(), Bye())
    assert (one.state, one.trouble) == ("waiting", None)
    assert len(desk.machine._workforce) == 0
    assert desk.machine.counters["lost_workers"] == 0


def test_a_suspect_gets_nothing_new_until_it_is_heard(desk):
    link = desk.open()
    desk.until(102.0)
    desk.submit(1)
    assert desk.given() == []
    desk.say(link, Pong(1))
    assert desk.given() == [(1, 1)]


def test_a_revived_worker_is_told_that_there_is_no_demand_any_more(desk):
    link = desk.open(credit=1)
    desk.submit(1, 2)
    desk.until(100.06)
    assert desk.sent(Demand) == []
    desk.say(link, Credit(0, 1 << 20))
    desk.until(100.2)
    desk.turn(CancelRequested([2], "request"), at=101.99)
    desk.until(102.0)
    desk.say(link, Pong(1), at=102.5)
    assert (
        desk.machine._workforce.get(desk.machine.dialer.peers["local:w"].node_id).told_backlog == 0
    )


def test_messages_out_of_place_are_strays(desk):
    link = desk.open()
    desk.say(link, Hello(1, "", "", "", "", (1, 1)))
    desk.say(link, Tasks([]))
    assert desk.machine.dialer.counters.strays == 2


def test_another_session_of_a_worker_owns_it(desk):
    """A peer object that lost its worker to another key has no say in it any more."""
    link = desk.open("one")
    desk.submit(1)
    peer = desk.machine.dialer.peers["local:one"]
    worker = desk.machine._workforce.get(peer.node_id)
    worker.peer = object()
    for tell in (
        desk.machine.suspected,
        desk.machine.revived,
        desk.machine.lost,
        desk.machine.left,
    ):
        tell(peer, desk.now)
    desk.machine.message(peer, done(1, (1, 1)), desk.now)
    assert len(worker.held) == 1
    assert worker.usable
    assert link


def test_our_own_lag_is_not_held_against_anybody(desk):
    desk.open()
    observer(desk)
    desk.turn(at=190.0)
    assert desk.state_of() != "lost"
    assert len(desk.machine.listener.clients) == 1


# -- what people are told -------------------------------------------------------------------------


def test_a_task_that_nobody_can_run_is_spoken_of_once(desk):
    desk.submit(1)
    desk.until(102.9)
    assert desk.notices() == []
    desk.until(103.0)
    assert desk.notices() == ["no_worker"]
    desk.submit(2, at=104.0)
    desk.until(120.0)
    assert desk.notices() == []


def test_a_task_that_found_a_worker_meanwhile_is_not(desk):
    desk.submit(1)
    desk.open(tasks={"f": "1"}, credit=0)
    desk.until(103.5)
    assert "no_worker" not in desk.notices()


def test_it_is_spoken_of_again_when_its_workers_are_gone(desk):
    desk.submit(1)
    desk.until(103.0)
    desk.open("unlucky", credit=0)
    desk.until(120.0)
    assert "no_worker" in desk.notices()


def test_other_signatures_are_told_at_once(desk):
    desk.submit(1)
    desk.open(tasks={"f": "other"})
    (notice,) = [n for n in desk.of(Notice) if n.kind == "other_signature"]
    assert notice.data["task"] == "f"
    assert desk.given() == []


def test_status_and_explanations(desk):
    link = desk.open(credit=1)
    desk.submit(1, 2)
    desk.turn(
        StatusRequested("all"),
        StatusRequested("one", 1),
        StatusRequested("two", 2),
        StatusRequested("three", 3),
    )
    said = answers(desk)
    assert said["all"]["role"] == "producer"
    assert said["all"]["tasks_by_state"]["dispatched"] == 1
    assert said["all"]["tasks_by_state"]["waiting"] == 1
    (worker,) = said["all"]["workers"]
    assert (worker["held"], worker["credit"], worker["state"]) == (1, 1, "alive")
    assert said["all"]["peers"] == {"alive": 1}
    assert (said["one"]["state"], said["one"]["attempt"]) == ("dispatched", 1)
    assert said["two"]["text"] == "it waits for a free slot"
    assert said["three"]["state"] == "unknown"
    desk.say(link, done(1, (1, 1)))
    desk.turn(StatusRequested("one", 1))
    assert answers(desk)["one"]["state"] == "succeeded"


def observer(desk):
    hello = Hello(1, "0" * 31 + "b", "observer", "watcher", "realm", (1, 1))
    desk.turn(Received(b"observer", [(1, hello)]))
    return b"observer"


def test_observers_are_answered(desk):
    link = observer(desk)
    (answer,) = desk.sent(Welcome, link)
    assert (answer.role, answer.slots, answer.session) == ("producer", 0, 1)
    desk.turn(Received(link, [(2, Info(7)), (3, Pong(1)), (4, Demand(1))]))
    (status,) = desk.sent(Status, link)
    assert status.request == 7
    assert "task" not in status.status
    assert desk.machine.listener.counters.strays == 1
    desk.submit(1)
    desk.numbers[link] = 4
    desk.say(link, Info(8, 1))
    (status,) = desk.sent(Status, link)
    assert (status.request, status.status["task"]["state"]) == (8, "waiting")
    assert status.status["lanes"][0]["why"] == status.status["task"]["text"]
    desk.say(link, Bye())
    assert desk.machine.listener.clients == {}


def test_the_same_events_give_the_same_effects():
    def script():
        desk = ProducerDesk()
        effects = []
        desk.turn(PeerFound("local:w", ("ipc://a", "ipc://b"), "worker"))
        link = desk.link_of("w")
        effects += desk.turn(LinkUp(link))
        (hello,) = desk.sent(Hello)
        effects += desk.say(link, welcome(session=hello.session), Credit(2, 1 << 20))
        desk.submit(*range(1, 9))
        effects += desk.effects
        effects += desk.turn(LinkDown(link))
        effects += desk.until(160.0)
        return [repr(effect) for effect in effects]

    assert script() == script()


def test_nothing_submitted_is_nothing(desk):
    desk.open()
    desk.turn(Submitted([]))
    assert not desk.of(Send)


def test_handle_alone_performs_nothing_for_others(desk):
    desk.open()
    effects = desk.machine.handle(Submitted(entries(1)), desk.now)
    assert effects == []
    assert [e for e in desk.machine.tick(desk.now) if isinstance(e, Send)]


def test_many_results_do_not_wait_for_the_end_of_the_turn(desk):
    link = desk.open(credit=2_000, slots=2_000)
    desk.submit(*range(1, 1_201))
    desk.turn()

    def settled_by(batch, seqs):
        message = done(batch, *[(seq, 1) for seq in seqs])
        effects = desk.machine.handle(desk.heard(link, message), desk.now)
        return [entry.seq for e in effects if isinstance(e, Settle) for entry in e.entries]

    assert settled_by(1, range(1, 101)) == []
    assert settled_by(2, range(101, 1_101)) == [*range(1, 1_101)]
    assert settled_by(3, range(1_101, 1_111)) == []
    desk.turn()
    assert desk.settled() == [(seq, "succeeded") for seq in range(1_101, 1_111)]


def test_what_is_unsettled_can_be_had_from_a_machine_that_failed():
    desk = ProducerDesk()
    made = desk.submit(1, 2)
    assert desk.machine.unsettled() == made
