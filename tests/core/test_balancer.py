from __future__ import annotations

import pytest
from desks import ProducerDesk, done, spec

from zmqwork.core.messages import Credit, Demand, Pong, Recall, Return


@pytest.fixture
def desk():
    made = ProducerDesk()
    made.machine._books.pace.observe("f", 100, 0.0)
    return made


def test_demand_is_told_at_once_where_credit_is_short(desk):
    link = desk.open(credit=0)
    desk.submit(1)
    assert desk.sent(Demand, link) == [Demand(1)]
    desk.submit(*range(2, 30))
    assert not desk.sent(Demand), "and then at intervals"
    desk.until(100.06)
    assert desk.sent(Demand) == [Demand(2)]
    desk.submit(*range(30, 200))
    desk.until(100.2)
    assert desk.sent(Demand) == [Demand(3)]


def test_demand_is_not_told_where_there_is_credit(desk):
    desk.open(credit=9)
    desk.submit(1)
    desk.until(100.3)
    assert not desk.sent(Demand)


def test_the_end_of_demand_is_told(desk):
    link = desk.open(credit=0)
    desk.submit(1)
    desk.say(link, Credit(1, 1 << 20))
    desk.until(100.1)
    assert desk.sent(Demand) == [Demand(0)]


def test_only_what_a_worker_can_run_is_demand_for_it(desk):
    other = desk.open("other", credit=0, tasks={"g": "1"})
    desk.open("able", credit=0)
    desk.submit(1)
    assert desk.sent(Demand, desk.link_of("able"))
    desk.until(100.3)
    assert not desk.sent(Demand, other)


def test_what_hangs_at_a_busy_worker_is_recalled_for_an_idle_one(desk):
    busy = desk.open("busy", credit=9, slots=1)
    desk.submit(*range(1, 10))
    desk.open("idle", credit=9, slots=1)
    desk.until(100.06)
    assert desk.sent(Recall, busy) == [Recall(4)]
    desk.say(busy, Return("recalled", [6, 7, 8, 9], [1, 1, 1, 1]))
    assert [seq for seq, _ in desk.given(desk.link_of("idle"))][:1] == [6]


def test_the_busiest_is_asked(desk):
    desk.open("one", credit=3, slots=1)
    desk.submit(1, 2, 3)
    two = desk.open("two", credit=9, slots=1)
    desk.submit(*range(4, 13))
    desk.open("idle", credit=1, slots=1)
    desk.until(100.06)
    assert desk.sent(Recall, two) == [Recall(4)]


def test_one_that_gets_through_its_work_is_left_alone(desk):
    busy = desk.open("busy", credit=9, slots=1)
    desk.submit(*range(1, 10))
    desk.say(busy, done(1, *((seq, 1) for seq in range(1, 7))))
    desk.open("idle", credit=9, slots=1)
    desk.until(100.06)
    assert not desk.sent(Recall)


def test_what_waits_for_its_sink_only_is_not_recalled(desk):
    busy = desk.open("busy", credit=9, slots=1)
    desk.submit(*range(1, 10))
    desk.say(busy, Credit(9, 1 << 20, 8))
    desk.open("idle", credit=9, slots=1)
    desk.until(100.06)
    assert not desk.sent(Recall)
    desk.say(busy, Credit(9, 1 << 20, 4))
    desk.until(100.11)
    assert desk.sent(Recall, busy) == [Recall(2)]


def test_a_share_of_the_slots_is_short_though_more_waits_for_sinks(desk):
    desk.find()
    link = desk.greet("w", Credit(2, 1 << 20, 1), slots=2)
    desk.submit(1, 2, 3)
    assert desk.sent(Demand, link) == [Demand(1)]


def test_without_an_idle_worker_nothing_is_recalled(desk):
    desk.open("one", credit=9, slots=1)
    desk.submit(*range(1, 10))
    desk.open("two", credit=0, slots=1)
    desk.until(100.06)
    assert not desk.sent(Recall)


def test_suspects_are_neither_told_nor_asked(desk):
    link = desk.open("busy", credit=2, slots=1)
    desk.submit(1, 2, 3)
    desk.until(102.5)
    desk.open("idle", credit=9, slots=1)
    desk.until(102.6)
    assert not desk.sent(Recall, link)
    assert not desk.sent(Demand, link)
    desk.say(link, Pong(1))
    assert spec().name == "f"


def test_what_lacks_a_sink_is_no_demand(desk):
    """It would be told for as long as the sink is away, and nothing would be recalled."""
    desk.open("busy", credit=8, slots=1)
    desk.submit(*range(1, 9))
    idle = desk.open("idle", credit=0, slots=1)
    desk.submit(9, of=spec(sink="out"))
    assert not desk.sent(Demand)
    desk.say(idle, Credit(8, 1 << 20))
    desk.until(100.06)
    assert desk.sent(Recall, desk.link_of("busy")) != []
    desk.open_sink()
    assert desk.given(idle) == [(9, 1)]
