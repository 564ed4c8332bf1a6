from __future__ import annotations

import pytest
from delivery_desk import DeliveryDesk
from desks import WorkerDesk, node_id

from zmqwork.core.effects import Answer, Interrupt, ShowStacks, Withdraw
from zmqwork.core.events import StatusRequested
from zmqwork.core.link_events import LinkDown, LinkUp
from zmqwork.core.messages import (
    HELD_DONE,
    HELD_QUEUED,
    HELD_RUNNING,
    Bye,
    Cancel,
    Credit,
    Demand,
    Done,
    DoneAck,
    Draining,
    Pong,
    Recall,
    Return,
    Started,
    Tasks,
    Welcome,
)
from zmqwork.core.orders import Order, Ordered
from zmqwork.core.worker_requests import StacksRequested


@pytest.fixture
def desk():
    return WorkerDesk()


def acked(desk, link, batch):
    desk.say(link, DoneAck(batch))


# -- sessions -------------------------------------------------------------------------------------


def test_a_new_producer_is_granted_all_there_is(desk):
    link = desk.hello()
    assert desk.sent(Credit, link) == [Credit(1, desk.config.credit_bytes)]
    assert desk.machine.state == "serving"


def test_the_welcome_says_what_is_still_held(desk):
    desk = WorkerDesk(slots=2)
    link = desk.hello()
    desk.say(link, desk.tasks(1, 2, 3))
    assert desk.placed() == [(0, 1), (1, 2)]
    assert desk.sent(Return) == [Return("over_credit", [3], [1])]
    desk.finish(1)
    desk.turn(LinkDown(link))
    again = desk.hello(session=2)
    (welcome,) = desk.sent(Welcome, again)
    assert welcome.held == [[2, 1, HELD_RUNNING], [1, 1, HELD_DONE]]
    assert [done.seqs for done in desk.sent(Done, again)] == [[1]]
    acked(desk, again, 1)
    assert desk.account().outbox_bytes == 0


def test_what_ended_in_the_turn_of_the_hello_is_on_offer(desk):
    link = desk.hello()
    desk.say(link, desk.tasks(1))
    from zmqwork.core.events import Finished
    from zmqwork.core.messages import Hello

    hello = Hello(2, node_id("p"), "producer", "p", "realm", (1, 1))
    desk.turn(Finished(0, [(False, {"type": "E"})], 0.1), desk.heard(b"new", hello))
    (welcome,) = desk.sent(Welcome, b"new")
    assert welcome.held == [[1, 1, HELD_DONE]]
    assert [f.seq for done in desk.sent(Done, b"new") for f in done.failures] == [1]


def test_unknown_messages_and_clients_are_strays(desk):
    link = desk.hello()
    desk.say(link, Started([1], [1]))
    observer = desk.hello("o", role="observer")
    desk.say(observer, desk.tasks(1))
    assert desk.machine.listener.counters.strays == 2
    assert desk.placed() == []
    desk.say(observer, Bye())
    desk.turn(LinkUp(1))


def test_a_lost_producer_takes_its_attempts_along():
    desk = WorkerDesk(slots=2)
    desk.machine._feeder._pace.observe("f", 1, 1.0)
    link = desk.hello()
    desk.say(link, desk.tasks(1, 2))
    desk.say(link, Bye())
    assert len(desk.of(Interrupt)) == 2
    assert desk.machine._accounts == {}
    desk.finish(1, seconds=1.0)
    assert desk.sent(Done) == []
    desk.hello("other")
    assert desk.sent(Credit) == [Credit(2, desk.config.credit_bytes)]


def test_a_producer_that_returns_is_not_confused_with_its_old_attempts():
    """Both of its accounts have news in one turn; the new one's must leave."""
    desk = WorkerDesk(slots=2, shares_process=True)
    link = desk.hello(session=1)
    desk.say(link, desk.tasks(1))
    desk.say(link, Bye())
    link = desk.hello(session=2)
    desk.say(link, desk.tasks(2))
    assert desk.placed() == [(1, 2)]
    from zmqwork.core.events import Finished

    desk.turn(Finished(1, [(True, b"new")], 0.1), Finished(0, [(True, b"old")], 0.1))
    assert [done.seqs for done in desk.sent(Done)] == [[2]]
    # What remains of the old one is not spoken of.
    desk.say(link, desk.tasks(3))
    assert desk.account().held.keys() == {3}


# -- leases ---------------------------------------------------------------------------------------


def test_nothing_begins_on_an_old_lease(desk):
    link = desk.hello()
    desk.say(link, desk.tasks(1, 2))
    desk.until(103.4)
    desk.say(link, Credit(1, 1))  # (any message: it renews nothing)
    desk.finish(1, at=103.6)
    desk.say(link, desk.tasks(2), at=103.6)
    assert desk.placed() == []
    assert len(desk.account().parked) == 1
    desk.say(link, Pong(4), at=104.0)
    assert desk.placed() == [(0, 2)]


def test_what_is_parked_can_be_recalled_and_cancelled(desk):
    desk = WorkerDesk(slots=2)
    link = desk.hello()
    desk.say(link, desk.tasks(1, 2))
    assert desk.placed() == [(0, 1), (1, 2)], "TASKS show that the WELCOME was had"
    desk.until(104.0)
    desk.finish(1, seconds=4.0)
    desk.finish(2, slot=1, seconds=4.0)
    desk.say(link, desk.tasks(3, 4))
    assert len(desk.account().parked) == 2
    desk.say(link, Recall(1), Cancel([3]))
    assert desk.sent(Return) == [Return("recalled", [4], [1])]
    assert desk.account().parked == []


def test_after_a_sleep_what_is_queued_waits_for_the_new_session(desk):
    desk.machine._window.ran(1, 0.001)
    link = desk.hello()
    desk.say(link, desk.tasks(1, 2))
    again = desk.hello(session=2, at=160.0)
    desk.finish(1)
    assert desk.placed() == [], "the HELLO may have waited here for a minute"
    desk.say(again, Pong(1))
    assert desk.placed() == [(0, 2)]


# -- credit ---------------------------------------------------------------------------------------


def test_credit_is_shared_and_what_was_lowered_is_told_first():
    desk = WorkerDesk(slots=4)
    one = desk.hello("one")
    assert desk.sent(Credit, one) == [Credit(4, desk.config.credit_bytes)]
    two = desk.hello("two")
    assert [c.attempts for c in desk.sent(Credit)] == [2, 2]
    assert desk.sent(Credit, one)
    desk.say(one, desk.tasks(1), Demand(1))
    assert [c.attempts for c in desk.sent(Credit, two)] == [0]
    assert [c.attempts for c in desk.sent(Credit, one)] == [4]
    desk.say(two, Demand(1))
    assert [c.attempts for c in desk.sent(Credit, one)] == [2]
    assert [c.attempts for c in desk.sent(Credit, two)] == [2]


def test_a_slot_that_one_does_not_use_goes_to_who_waits():
    desk = WorkerDesk(slots=4)
    one, two = desk.hello("one"), desk.hello("two")
    desk.say(one, desk.tasks(1))
    desk.say(two, Demand(3))
    assert [c.attempts for c in desk.sent(Credit, one)] == [1]
    assert [c.attempts for c in desk.sent(Credit, two)] == [3]


def test_one_slot_goes_round():
    desk = WorkerDesk()
    one, two = desk.hello("one"), desk.hello("two")
    links = {"one": one, "two": two}
    desk.say(one, Demand(3))
    desk.say(two, Demand(3))
    served = []
    for seq in range(6):
        (label,) = [name for name in links if desk.account(name).limit == 1]
        served.append(label)
        desk.say(links[label], desk.tasks(seq))
        desk.finish(seq, seconds=1.0)
        acked(desk, links[label], desk.account(label).batch)
    assert served == ["one", "two"] * 3 or served == ["two", "one"] * 3


def test_small_changes_of_a_large_credit_are_not_told():
    desk = WorkerDesk(slots=1, prefetch_max=100)
    desk.machine._window.ran(1_000_000, 1.0)
    desk.machine._window.acked(0.1, 100.0)
    one = desk.hello("one")
    assert desk.sent(Credit, one) == [Credit(101, desk.config.credit_bytes)]
    accounts = [desk.hello(f"p{n}") for n in range(3)]
    assert accounts
    before = desk.account("one").limit
    desk.hello("p4")
    assert 0 <= before - desk.account("one").limit <= before
    total = sum(a.limit for a in desk.machine._accounts.values())
    assert total <= 101


def test_whoever_joins_many_gets_credit():
    desk = WorkerDesk(slots=1, prefetch_max=100)
    desk.machine._window.ran(1_000_000, 1.0)
    desk.machine._window.acked(0.1, 100.0)
    for number in range(12):
        link = desk.hello(f"p{number}")
        desk.say(link, Demand(3))
        limits = [account.limit for account in desk.machine._accounts.values()]
        assert min(limits) >= 1
        assert sum(limits) <= 101


def test_a_short_task_earns_prefetch(desk):
    link = desk.hello()
    desk.say(link, desk.tasks(1))
    desk.finish(1, at=100.001)
    assert [c.attempts for c in desk.sent(Credit)] == [2]
    desk.say(link, DoneAck(1), at=100.05)
    assert desk.sent(Credit)[0].attempts > 50


# -- results --------------------------------------------------------------------------------------


def test_results_are_kept_until_they_are_acked(desk):
    link = desk.hello()
    desk.say(link, desk.tasks(1))
    desk.finish(1)
    (done,) = desk.sent(Done, link)
    assert (done.batch, done.seqs, done.attempts, done.values) == (1, [1], [1], [b"of 1"])
    assert done.times == {"f": [1.0, 0.001]}
    assert len(desk.account().outbox) == 1
    acked(desk, link, 1)
    assert len(desk.account().outbox) == 0
    acked(desk, link, 1)


def test_an_ack_comes_with_tasks_too():
    desk = WorkerDesk()
    link = desk.hello()
    desk.say(link, desk.tasks(1))
    desk.finish(1)
    desk.say(link, Tasks(desk.tasks(2).runs, ack=1))
    assert len(desk.account().outbox) == 0
    assert desk.placed() == [(0, 2)]


def test_nothing_begins_while_too_many_results_are_unacked():
    desk = WorkerDesk(outbox_bytes=3)
    link = desk.hello()
    desk.say(link, desk.tasks(1))
    desk.finish(1)
    desk.say(link, desk.tasks(2))
    assert desk.placed() == []
    acked(desk, link, 1)
    assert desk.placed() == [(0, 2)]


def test_a_producer_that_does_not_ack_holds_up_no_other():
    desk = WorkerDesk(outbox_bytes=10)
    mute, other = desk.hello("mute"), desk.hello("other")
    desk.say(mute, desk.tasks(1), Demand(1))
    desk.finish(1)
    desk.say(mute, desk.tasks(2))
    assert desk.placed() == [(0, 2)], "4 bytes unacked, 6 are left"
    desk.finish(2)
    desk.say(mute, desk.tasks(3))
    assert desk.placed() == [], "8 bytes unacked, 2 are left"
    desk.say(other, Demand(1))
    for seq in range(11, 14):
        desk.say(other, desk.tasks(seq))
        assert desk.placed() == [(0, seq)], "whoever has nothing unacked is served"
        desk.finish(seq)
        desk.say(other, desk.tasks(seq + 10))
        assert desk.placed() == [], "4 bytes more, and none is left"
        acked(desk, other, desk.account("other").batch)
        assert desk.placed() == [(0, seq + 10)]
        desk.finish(seq + 10)
        acked(desk, other, desk.account("other").batch)
    acked(desk, mute, 1)
    assert desk.placed() == [(0, 3)], "what was set aside begins with the ack"
    assert desk.account("mute").parked == []
    assert not desk.machine._feeder.full


def test_acks_of_one_producer_make_room_for_another():
    desk = WorkerDesk(outbox_bytes=10)
    one, two = desk.hello("one"), desk.hello("two")
    for link in (one, two):
        desk.say(link, Demand(1))
        desk.say(link, desk.tasks(1))
        desk.finish(1)
    desk.say(one, desk.tasks(2))
    assert desk.placed() == []
    acked(desk, two, 1)
    assert desk.placed() == [(0, 2)]


def test_what_waits_for_an_ack_does_not_begin_with_the_lease(desk):
    desk = WorkerDesk(outbox_bytes=3)
    link = desk.hello()
    desk.say(link, desk.tasks(1))
    desk.finish(1)
    desk.say(link, desk.tasks(2))
    desk.until(104.0)
    desk.say(link, Pong(4))
    assert desk.placed() == []
    desk.until(108.0)
    acked(desk, link, 1)
    assert desk.placed() == [], "acked, but the lease is old"
    desk.say(link, Pong(8))
    assert desk.placed() == [(0, 2)]


def test_a_full_account_that_is_lost_is_forgotten():
    desk = WorkerDesk(outbox_bytes=3)
    link = desk.hello()
    desk.say(link, desk.tasks(1))
    desk.finish(1)
    desk.say(link, desk.tasks(2))
    assert len(desk.machine._feeder.full) == 1
    desk.say(link, Bye())
    assert not desk.machine._feeder.full


def test_no_slot_begins_what_no_sink_takes():
    desk = DeliveryDesk(slots=2, outbox_bytes=600)
    desk.say(desk.link, Demand(1))
    for seq in (1, 2, 3):
        desk.give(seq)
        assert desk.executed() == [seq]
        desk.end(seq, seconds=1.0)
        assert desk.account().unacked_bytes == 132 * seq
    desk.give(4)
    assert desk.executed() == [], "396 of 600 bytes, 204 are left"
    other = desk.hello("other")
    desk.say(other, Demand(1))
    desk.say(other, desk.tasks(9))
    assert desk.executed() == [9], "whoever has nothing unacked is served"
    desk.ack(desk.meet(), 1)
    assert desk.executed() == [4]


def test_started_is_told_of_what_lasts(desk):
    link = desk.hello()
    desk.say(link, desk.tasks(1))
    assert desk.sent(Started) == []
    desk.until(100.02)
    assert desk.sent(Started, link) == [Started([1], [1])]
    desk.until(100.9)
    assert desk.sent(Started) == []


# -- what people are told -------------------------------------------------------------------------


def test_status(desk):
    desk = WorkerDesk(tasks={"f": "1", "f[]": "1"})
    link = desk.hello()
    desk.say(link, desk.tasks(1))
    desk.turn(StatusRequested("request"))
    (answer,) = desk.of(Answer)
    status = answer.value
    assert answer.request == "request"
    assert (status["role"], status["state"], status["busy"], status["queued"]) == (
        "worker",
        "serving",
        1,
        0,
    )
    assert status["tasks"] == ["f"]
    (producer,) = status["producers"]
    assert (producer["held"], producer["unacked"], producer["finished"]) == (1, 0, 0)
    assert status["outboxes"] == []
    assert "command" not in status
    assert isinstance(Tasks([]), Tasks)
    assert HELD_QUEUED == 0


def test_a_worker_that_runs_a_command_says_which():
    desk = WorkerDesk(tasks={"exec": "1"}, command="md5sum {}")
    desk.turn(StatusRequested("request"))
    (answer,) = desk.of(Answer)
    assert answer.value["command"] == "md5sum {}"


def test_whoever_asks_is_told_what_the_busy_slots_run():
    desk = WorkerDesk(slots=2)
    link = desk.hello()
    desk.turn(StacksRequested())
    assert desk.of(ShowStacks) == [ShowStacks({})]
    desk.say(link, desk.tasks(7), at=101.0)
    desk.turn(StacksRequested(), at=103.5)
    assert desk.of(ShowStacks) == [ShowStacks({0: "task 'f', 00000000-7, attempt 1 for 2.5 s"})]
    desk.say(link, Cancel([7]))
    desk.turn(StacksRequested())
    (shown,) = desk.of(ShowStacks)
    assert "nobody wants any more" in shown.slots[0]


def test_a_slot_that_was_given_several_says_how_many():
    desk = WorkerDesk()
    link = desk.hello()
    desk.machine._window.ran(100, 0.01)
    desk.machine._window.acked(0.01, 100.0)
    desk.machine._feeder._pace.observe("f", 100, 0.01)
    desk.say(link, Demand(1))
    desk.turn(desk.heard(link, desk.tasks(1, 2, 3)), StacksRequested())
    desk.turn(StacksRequested())
    (shown,) = desk.of(ShowStacks)
    assert shown.slots[0].endswith("for 0.0 s, 2 more behind it")


def test_an_observer_lets_it_drain():
    desk = WorkerDesk()
    link = desk.hello()
    observer = desk.hello("o", role="observer")
    desk.say(observer, Order(7, "drain"))
    assert desk.sent(Ordered, observer) == [Ordered(7, value={"state": "draining"})]
    assert len(desk.of(Withdraw)) == 1
    assert desk.sent(Draining, link) == [Draining()]
    desk.say(observer, Order(8, "drain"))
    assert desk.sent(Ordered, observer) == [Ordered(8, value={"state": "draining"})]
    assert desk.of(Withdraw) == []


def test_orders_that_it_does_not_obey():
    desk = WorkerDesk()
    link = desk.hello()
    observer = desk.hello("o", role="observer")
    desk.say(observer, Order(7, "fly"))
    assert [answer.code for answer in desk.sent(Ordered)] == ["unknown_verb"]
    desk.say(observer, Order(8, "drain", {"now": True}))
    assert [answer.code for answer in desk.sent(Ordered)] == ["unfit"]
    strays = desk.machine.listener.counters.strays
    desk.say(link, Order(1, "drain"))
    assert (desk.sent(Ordered), desk.machine.listener.counters.strays) == ([], strays + 1)
    assert desk.machine.state == "serving"
