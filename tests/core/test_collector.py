"""The sink's machine: stored once, acked then, and nothing is promised that is not so."""

from __future__ import annotations

import pytest
from desks import SinkDesk, node_id, parcel

from zmqwork.core import collector, portrait, roll
from zmqwork.core.delivery import (
    HAS_HOLDING,
    HAS_NOT,
    HAS_TAKEN,
    End,
    Ended,
    Floor,
    Has,
    Have,
    Results,
    ResultsAck,
)
from zmqwork.core.effects import Answer, Deliver, Left, MarkComplete, Notice
from zmqwork.core.events import (
    DrainRequested,
    StatusRequested,
    StopRequested,
    Stored,
    StoreFailed,
)
from zmqwork.core.link_events import LinkDown
from zmqwork.core.messages import (
    Bye,
    Credit,
    Demand,
    Draining,
    Info,
    Pong,
    Refused,
    Status,
    Welcome,
)
from zmqwork.core.ranges import Ranges


@pytest.fixture
def desk():
    return SinkDesk()


def texts(desk):
    return [notice.text for notice in desk.of(Notice)]


# -- greeting


def test_a_worker_is_welcomed_and_granted_credit(desk):
    link = desk.hello()
    (said,) = desk.sent(Welcome, link)
    assert (said.role, said.sinks, said.inbox, said.taken) == ("sink", ["default"], "", [])
    assert desk.sent(Credit, link) == [Credit(65_536, 64 * 1024 * 1024)]


def test_a_producer_is_told_what_is_taken():
    desk = SinkDesk(taken={"run": Ranges([(1, 4), (6, 6)])}, inbox="box", sinks=("a", "b"))
    (said,) = desk.sent(Welcome, desk.producer(producer_id="run"))
    assert (said.sinks, said.inbox, said.taken) == (["a", "b"], "box", [[1, 4], [6, 6]])
    assert not desk.sent(Credit)
    (said,) = desk.sent(Welcome, desk.producer("q"))
    assert said.taken == []
    (said,) = desk.sent(Welcome, desk.hello("o", role="observer"))
    assert said.taken == []


def test_what_is_held_is_not_taken(desk):
    desk.bring(desk.hello(), 1, 1, 2, 3)
    desk.store()
    desk.bring(b"w/1", 2, 4, 5)
    (said,) = desk.sent(Welcome, desk.producer())
    assert said.taken == [[1, 3]]


# -- storing and acks


def test_results_are_acked_when_they_are_stored(desk):
    link = desk.hello()
    desk.bring(link, 1, 1, 2, 3)
    (deliver,) = desk.of(Deliver)
    assert [p.sink_seqs for p in deliver.parcels] == [[1, 2, 3]]
    assert deliver.marks.taken == [(node_id("p"), 1, 3)]
    assert desk.acks() == []
    desk.bring(link, 2, 4)
    assert desk.delivered() is None, "one delivery at a time"
    desk.store()
    assert desk.acks(link) == [1]
    assert desk.delivered() == [4]
    desk.store()
    assert desk.acks(link) == [2]
    assert desk.machine.counters["stored"] == 4


def test_a_turn_has_one_ack_for_each_worker(desk):
    one, other = desk.hello("a"), desk.hello("b")
    desk.bring(one, 1, 1)
    desk.bring(one, 2, 2)
    desk.bring(other, 9, 3)
    desk.bring(one, 3, 4)
    desk.store()
    desk.store()
    assert (desk.acks(one), desk.acks(other)) == ([3], [9])


def test_batches_are_no_larger_than_was_asked_for():
    desk = SinkDesk(batch=2)
    link = desk.hello()
    desk.bring(link, 1, 1, 2, 3, 4, 5)
    handed = [desk.delivered()]
    while not desk.acks():
        desk.store()
        handed.append(desk.delivered())
    assert handed == [[1, 2], [3, 4], [5], None]
    assert desk.acks() == [1]


def test_an_answer_to_nothing_is_ignored(desk):
    desk.turn(Stored(0), StoreFailed(0, "why"), Stored(7))
    desk.bring(desk.hello(), 1, 1)
    desk.turn(Stored(99), StoreFailed(99, "why", fatal=True))
    assert desk.acks() == []
    assert desk.machine.state == "serving"
    desk.store()
    assert desk.acks() == [1]


def test_an_empty_batch_is_acked(desk):
    desk.say(desk.hello(), Results(1, []))
    assert desk.acks() == [1]
    assert desk.delivered() is None


def test_a_batch_waits_for_more_as_long_as_it_may_linger():
    desk = SinkDesk(batch=3, linger=1.0)
    link = desk.hello()
    desk.bring(link, 1, 1, at=100.0)
    desk.bring(link, 2, 2, at=100.5)
    assert desk.delivered() is None
    desk.until(100.9)
    assert not desk.of(Deliver)
    desk.until(101.0)
    assert desk.delivered() == [1, 2]
    desk.store()
    desk.bring(link, 3, 3, at=102.0)
    desk.bring(link, 4, 4, 5, at=102.1)
    assert desk.delivered() == [3, 4, 5], "it is full"


def test_nothing_lingers_while_somebody_waits_for_it():
    desk = SinkDesk(batch=3, linger=9.0, credit_count=4, expect=9)
    link = desk.hello()
    desk.bring(link, 1, 1)
    assert desk.delivered() is None
    desk.bring(link, 2, 2)
    assert desk.delivered() == [1, 2], "the worker has used half of its credit"
    desk.store()
    desk.bring(link, 3, 3)
    assert desk.delivered() is None
    producer = desk.producer()
    desk.say(producer, End(3, 3))
    assert desk.delivered() == [3], "the producer wants to know"
    desk.store()
    desk.bring(link, 4, 4)
    assert desk.delivered() is None
    desk.turn(DrainRequested())
    assert desk.delivered() == [4]


def test_the_last_that_are_expected_do_not_linger():
    desk = SinkDesk(batch=100, linger=9.0, expect=3)
    link = desk.hello()
    desk.bring(link, 1, 1, 2)
    assert desk.delivered() is None
    desk.bring(link, 2, 3)
    assert desk.delivered() == [1, 2, 3]


# -- duplicates


def test_what_is_stored_is_acked_and_not_handed_over(desk):
    one = desk.hello("a")
    desk.bring(one, 1, 1, 2)
    desk.store()
    other = desk.hello("b")
    desk.bring(other, 1, 2, 1)
    assert desk.acks(other) == [1]
    assert desk.delivered() is None
    desk.bring(other, 2, 2, 3)
    assert desk.delivered() == [3]
    assert desk.machine.counters["duplicates"] == 3
    assert desk.machine.counters["received"] == 6


def test_a_duplicate_of_what_is_held_is_acked_with_it(desk):
    one, other = desk.hello("a"), desk.hello("b")
    desk.bring(one, 1, 1)
    desk.bring(one, 2, 2)
    desk.bring(other, 1, 2)
    desk.store()
    assert desk.acks(other) == [], "it is not stored yet"
    desk.store()
    assert (desk.acks(one), desk.acks(other)) == ([2], [1])


def test_a_batch_that_comes_again_in_a_new_session_is_acked_once_stored(desk):
    first = desk.hello()
    desk.bring(first, 1, 1)
    desk.bring(first, 2, 2)
    second = desk.hello(session=2)
    desk.bring(second, 1, 1)
    desk.bring(second, 2, 2)
    desk.store()
    assert desk.delivered() == [2]
    assert desk.acks(second) == []
    desk.store()
    assert desk.acks(second) == [2]
    assert desk.delivered() is None


def test_what_a_lost_worker_brought_is_stored(desk):
    link = desk.hello()
    desk.bring(link, 1, 1)
    desk.bring(link, 2, 2)
    desk.say(link, Bye())
    desk.store()
    assert desk.delivered() == [2]
    desk.store()
    assert not desk.sent(ResultsAck)
    assert desk.machine.counters["stored"] == 2


def test_producers_are_told_apart(desk):
    link = desk.hello()
    desk.say(link, Results(1, [parcel(1, producer="p"), parcel(1, producer="q")]))
    assert desk.delivered() == [1, 1]


def test_those_that_are_gone_are_forgotten(desk, monkeypatch):
    monkeypatch.setattr(collector, "PRODUCERS_MAX", 2)
    desk = SinkDesk()
    link = desk.hello()
    for batch, producer in enumerate("abc", 1):
        desk.bring(link, batch, 1, producer=producer)
        desk.store()
    desk.bring(link, 4, 1, producer="a")
    assert desk.delivered() == [1]
    assert desk.notices() == []


def test_an_inbox_that_has_too_many_says_so(monkeypatch):
    monkeypatch.setattr(collector, "INBOX_PRODUCERS_MAX", 2)
    desk = SinkDesk(inbox="box", taken={name: Ranges() for name in "abc"})
    desk.turn()
    assert desk.notices() == ["forgotten"]
    desk.turn()
    assert desk.notices() == []
    assert roll.INBOX_PRODUCERS_MAX > roll.PRODUCERS_MAX


# -- credit


def test_credit_is_shared_among_the_workers(desk):
    one = desk.hello("a")
    other = desk.hello("b")
    assert desk.sent(Credit, one) == desk.sent(Credit, other) == [Credit(32_768, 1 << 25)]
    desk.say(other, Bye())
    assert not desk.sent(Credit), "half of it is enough until more go"


def test_a_worker_that_ignores_its_credit_is_refused_and_comes_again():
    desk = SinkDesk(credit_count=3)
    link = desk.hello()
    desk.bring(link, 1, *range(1, 10))
    assert desk.delivered() == list(range(1, 10)), "one batch is always taken"
    desk.bring(link, 2, 10)
    assert [refused.code for refused in desk.sent(Refused)] == ["order"]
    assert desk.machine.counters["refused"] == 1
    desk.store()
    again = desk.hello(session=2)
    desk.bring(again, 1, *range(1, 10))
    assert desk.acks(again) == [1]
    desk.bring(again, 2, 10)
    assert desk.delivered() == [10]


def test_a_batch_that_goes_back_ends_the_session(desk):
    link = desk.hello()
    desk.bring(link, 2, 1)
    desk.bring(link, 1, 2)
    assert [refused.code for refused in desk.sent(Refused)] == ["order"]


def test_a_batch_that_is_refused_ends_its_turn():
    """What follows it in the same turn has no session."""
    desk = SinkDesk()
    link = desk.hello()
    bad = Results(0, [parcel(1)])
    desk.say(link, bad, Results(1, [parcel(2)]))
    assert [refused.code for refused in desk.sent(Refused)] == ["order", "order"]
    assert desk.delivered() is None


def test_a_refusal_without_a_link_is_nothing(desk):
    desk.turn(LinkDown(desk.hello()))
    client = desk.machine.listener.clients[node_id("w")]
    desk.machine.listener.refuse(client, "order", "why", desk.now)
    assert desk.turn() == []


# -- what producers ask


def test_have_is_answered_with_what_is_so(desk):
    desk.bring(desk.hello(), 1, 1)
    desk.bring(b"w/1", 2, 2)
    desk.store()
    producer = desk.producer()
    desk.say(producer, Have(5, [1, 2, 3]))
    assert desk.sent(Has, producer) == [Has(5, [HAS_TAKEN, HAS_HOLDING, HAS_NOT])]


def test_below_the_floor_all_is_taken_and_passed_on_to_an_inbox():
    desk = SinkDesk(inbox="box")
    producer = desk.producer()
    desk.say(producer, Floor(5), Have(1, [4, 5]))
    assert desk.sent(Has) == [Has(1, [HAS_TAKEN, HAS_NOT])]
    assert not desk.of(Deliver), "it goes along with results"
    desk.say(producer, Floor(7), Floor(6))
    desk.bring(desk.hello(), 1, 3, 8)
    (deliver,) = desk.of(Deliver)
    assert desk.delivered() == [8]
    assert deliver.marks.floors == {node_id("p"): 7}
    desk.store()
    desk.bring(b"w/1", 2, 9)
    (deliver,) = desk.of(Deliver)
    assert deliver.marks.floors == {}


def test_floors_are_passed_on_to_nobody_else(desk):
    desk.say(desk.producer(), Floor(5))
    desk.bring(desk.hello(), 1, 8)
    (deliver,) = desk.of(Deliver)
    assert deliver.marks.floors == {}


def test_floors_that_wait_are_bounded(monkeypatch):
    monkeypatch.setattr(collector, "_FLOORS_MAX", 2)
    desk = SinkDesk(inbox="box")
    for label in "abc":
        desk.say(desk.producer(label), Floor(5))
    desk.bring(desk.hello(), 1, 8)
    (deliver,) = desk.of(Deliver)
    assert deliver.marks.floors == {node_id("b"): 5, node_id("c"): 5}


def test_what_nobody_asked_for_is_a_stray(desk):
    worker, producer = desk.hello(), desk.producer()
    strays = desk.machine.listener.counters
    for count, (link, message) in enumerate(
        [
            (worker, Have(1, [1])),
            (worker, Demand(1)),
            (producer, Demand(1)),
            (producer, Results(1, [parcel(1)])),
            (desk.hello("o", role="observer"), End(1, 1)),
        ],
        1,
    ):
        desk.say(link, message)
        assert strays.strays == count
    assert desk.delivered() is None


# -- the end


def test_ended_is_said_when_all_is_stored(desk):
    producer = desk.producer()
    desk.bring(desk.hello(), 1, 1, 2, 5)
    desk.say(producer, End(6, 3))
    assert not desk.sent(Ended)
    desk.store()
    assert desk.sent(Ended, producer) == [Ended(3, [[3, 4], [6, 6]])]
    assert texts(desk) == [
        "complete: 3 of 3 results of name-p#0000, 3 of its 6 numbers have no result"
    ]
    assert desk.of(Notice)[0].data == {
        "producer_id": node_id("p"), "name": "name-p#0000", "count": 6, "succeeded": 3,
        "taken": 3, "lacking": 0, "missing": [[3, 4], [6, 6]],
    }  # fmt: skip


def test_what_is_missing_is_named_once(desk):
    desk.bring(desk.hello(), 1, 1, 2, 6)
    desk.store()
    producer = desk.producer()
    desk.say(producer, End(6, 6))
    assert texts(desk) == ["incomplete: 3 of 6 results of name-p#0000, missing 3-5"]
    desk.say(producer, End(6, 6))
    assert desk.sent(Ended) == [Ended(3, [[3, 5]])]
    assert texts(desk) == [], "that is known"
    desk.bring(b"w/1", 2, 3, 4, 5)
    desk.store()
    desk.say(producer, End(6, 6))
    assert texts(desk) == ["complete: 6 of 6 results of name-p#0000"]


def test_a_long_list_of_missing_numbers_is_cut(desk):
    desk.bring(desk.hello(), 1, *range(2, 60, 2))
    desk.store()
    desk.say(desk.producer(), End(59, 59))
    (text,) = texts(desk)
    assert text.endswith("missing 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, ...")


def test_a_producer_that_left_meanwhile_is_spoken_of(desk):
    producer = desk.producer()
    desk.bring(desk.hello(), 1, 1)
    desk.say(producer, End(1, 1), Bye())
    desk.store()
    assert not desk.sent(Ended)
    assert texts(desk) == ["complete: 1 of 1 results of name-p#0000"]
    assert desk.of(MarkComplete) == [MarkComplete(complete=True)]


def test_a_producer_that_goes_on_after_its_end(desk):
    producer = desk.producer()
    link = desk.hello()
    desk.bring(link, 1, 1)
    desk.say(producer, End(1, 1))
    desk.bring(link, 2, 2)
    desk.store()
    desk.store()
    assert desk.sent(Ended) == [Ended(2, [])], "nobody is left waiting"
    assert texts(desk) == [], "there will be another end"
    desk.say(producer, End(2, 2))
    assert desk.sent(Ended) == [Ended(2, [])]


def test_each_node_of_a_run_is_told_of_its_end(desk):
    one = desk.producer("p", producer_id=node_id("run"))
    other = desk.producer("q", producer_id=node_id("run"))
    desk.bring(desk.hello(), 1, 1, producer="run")
    desk.say(one, End(2, 1))
    desk.say(other, End(1, 1))
    desk.store()
    assert desk.sent(Ended, one) == [Ended(1, [[2, 2]])]
    assert desk.sent(Ended, other) == [Ended(1, [])]
    assert len(texts(desk)) == 1


def test_complete_is_told_when_it_changes(desk):
    producer = desk.producer()
    link = desk.hello()
    desk.bring(link, 1, 1)
    desk.say(producer, End(1, 1))
    desk.store()
    assert desk.of(MarkComplete) == [MarkComplete(complete=True)]
    desk.bring(link, 2, 2)
    assert desk.of(MarkComplete) == [MarkComplete(complete=False)]
    desk.store()
    assert desk.of(MarkComplete) == []
    desk.say(producer, End(2, 2))
    assert desk.of(MarkComplete) == [MarkComplete(complete=True)]
    assert desk.machine.state == "serving"


def test_once_leaves_when_all_have_ended():
    desk = SinkDesk(once=True)
    link, one, other = desk.hello(), desk.producer("p"), desk.producer("q")
    desk.bring(link, 1, 1)
    desk.store()
    desk.say(one, End(1, 1))
    assert desk.machine.state == "serving", "the other may have more"
    desk.bring(link, 2, 1, producer="q")
    desk.say(other, End(1, 1))
    assert desk.machine.state == "serving", "it is not stored"
    desk.store()
    assert desk.acks() == [2]
    assert desk.sent(Ended, other) == [Ended(1, [])]
    assert len(desk.sent(Bye)) == 3
    for client in (link, one, other):
        assert not desk.of(Left)
        desk.say(client, Bye())
    assert desk.of(Left)
    assert desk.machine.state == "gone"
    desk.until(110.0)
    assert not desk.of(Left)


def test_expect_leaves_when_so_many_are_stored():
    desk = SinkDesk(expect=3)
    link = desk.hello()
    desk.bring(link, 1, 1, 2)
    desk.store()
    assert desk.machine.state == "serving"
    desk.bring(link, 2, 3, 4)
    desk.bring(link, 3, 5)
    desk.store()
    assert desk.of(MarkComplete) == [MarkComplete(complete=True)]
    assert desk.machine.state == "draining"
    assert desk.delivered() == [5], "what is here is stored as well"
    desk.store()
    assert desk.sent(Bye, link)


def test_what_an_inbox_remembers_is_expected_no_more():
    """Whoever starts it again, after it was killed, says the same as before."""
    desk = SinkDesk(expect=5, inbox="box", taken={"run": Ranges([(1, 3)])})
    link = desk.hello()
    desk.bring(link, 1, 4, 5)
    desk.store()
    assert desk.sent(Bye, link)
    desk = SinkDesk(expect=3, inbox="box", taken={"run": Ranges([(1, 3)])})
    desk.turn()
    assert desk.of(Left)


def test_numbers_without_a_result_are_not_counted_as_results_after_a_restart():
    """Two of the three below the floor have failed."""
    known = {"taken": {node_id("p"): Ranges([(1, 3)])}, "counts": {node_id("p"): 1}}
    desk = SinkDesk(expect=3, inbox="box", **known)
    link, producer = desk.hello(), desk.producer()
    desk.bring(link, 1, 4)
    desk.store()
    assert desk.machine.state == "serving", "two are stored"
    desk.say(producer, End(5, 3))
    (notice,) = desk.of(Notice)
    assert notice.text == (
        "incomplete: 2 of 3 results of name-p#0000, 2 of its 5 numbers have no result, missing 5"
    )
    assert desk.sent(Ended, producer) == [Ended(2, [[5, 5]])]
    desk.bring(link, 2, 5)
    desk.store()
    assert desk.of(MarkComplete) == [MarkComplete(complete=True)]


def test_a_floor_does_not_hide_what_is_lacking():
    """An inbox that was put back from a copy: its producer has settled what it does not have."""
    desk = SinkDesk(inbox="box", taken={node_id("p"): Ranges([(1, 3)])})
    producer = desk.producer()
    desk.say(producer, Floor(6))
    desk.say(producer, End(5, 5))
    (notice,) = desk.of(Notice)
    assert notice.text == "incomplete: 3 of 5 results of name-p#0000"
    assert notice.data["lacking"] == 2


# -- failures


def test_a_failure_that_is_tried_again_changes_nothing(desk):
    desk.bring(desk.hello(), 1, 1)
    desk.turn(StoreFailed(1, "ValueError: no"))
    assert not desk.of(Notice)
    assert desk.machine.counters["failures"] == 1
    desk.store()
    assert desk.acks() == [1]


@pytest.mark.parametrize("drained", [False, True])
def test_a_sink_that_cannot_store_leaves_the_results_to_the_workers(desk, drained):
    link = desk.hello()
    desk.bring(link, 1, 1, 2)
    desk.store()
    desk.bring(link, 2, 3)
    desk.bring(link, 3, 4, 5)
    if drained:
        desk.turn(DrainRequested())
    desk.turn(StoreFailed(2, "the disk is full", fatal=True))
    assert texts(desk) == [
        "the sink gives up (2 results are stored, 3 stay with their workers): the disk is full"
    ]
    assert desk.notices() == ["store_failed"]
    assert desk.sent(Bye, link)
    assert not desk.sent(ResultsAck)
    assert desk.delivered() is None
    desk.say(link, Bye())
    assert desk.of(Left)


def test_a_failure_after_the_goodbye_is_told(desk):
    desk.bring(desk.hello(), 1, 1)
    desk.turn(StopRequested())
    desk.turn(StoreFailed(1, "no", fatal=True))
    assert desk.notices() == ["store_failed"]
    assert not desk.sent(Bye)


# -- leaving


def test_a_drain_stores_what_is_here_and_leaves(desk):
    link, producer = desk.hello(), desk.producer()
    desk.bring(link, 1, 1)
    desk.bring(link, 2, 2)
    desk.turn(DrainRequested())
    assert desk.sent(Draining, link)
    assert desk.sent(Draining, producer)
    assert desk.sent(Credit) == [Credit(0, 0)]
    desk.bring(link, 3, 3)
    desk.store()
    assert desk.acks() == [1]
    assert desk.delivered() == [2, 3], "what was on its way is taken"
    assert not desk.sent(Bye)
    desk.turn(DrainRequested())
    desk.store()
    assert desk.acks() == [3]
    assert desk.sent(Bye, link)
    assert desk.sent(Bye, producer)
    desk.bring(link, 4, 4)
    assert desk.delivered() is None
    desk.until(desk.now + 0.6)
    assert desk.of(Left), "nobody waits for long for an answer"


def test_who_comes_while_it_drains_is_told(desk):
    desk.bring(desk.hello(), 1, 1)
    desk.turn(DrainRequested())
    link = desk.hello("late")
    assert desk.sent(Welcome, link)
    assert desk.sent(Draining, link)
    assert desk.sent(Credit, link) == [Credit(0, 0)]
    producer = desk.producer("late producer")
    assert desk.sent(Draining, producer)
    assert not desk.sent(Credit, producer)
    desk.store()
    late = desk.hello("later")
    assert desk.sent(Bye, late)
    assert not desk.sent(Draining, late)


def test_a_drain_that_takes_too_long_is_cut():
    desk = SinkDesk(drain_timeout=5.0)
    link = desk.hello()
    desk.bring(link, 1, 1)
    desk.turn(DrainRequested())
    desk.say(link, Pong(1))
    desk.until(104.9)
    assert not desk.of(Notice)
    desk.until(105.0)
    assert texts(desk) == [
        "the drain took too long: 0 results are stored, 1 stay with their workers"
    ]
    assert desk.sent(Bye, link)
    desk.store()
    assert desk.acks(link) == [1], "if it is stored after all, they may forget it"


def test_a_drain_of_no_time_at_all():
    desk = SinkDesk(drain_timeout=0.0)
    desk.bring(desk.hello(), 1, 1)
    desk.turn(DrainRequested())
    desk.until(100.1)
    assert "drain_cut" in desk.notices()


def test_a_stop_leaves_at_once(desk):
    link = desk.hello()
    desk.bring(link, 1, 1)
    desk.bring(link, 2, 2)
    desk.turn(StopRequested())
    assert desk.sent(Bye, link)
    desk.store()
    assert desk.delivered() is None
    desk.turn(StopRequested())
    assert desk.of(Left)
    assert desk.turn(StopRequested()) == []


def test_nobody_waits_for_an_answer_from_whoever_is_not_there(desk):
    link = desk.hello()
    desk.hello("o", role="observer")
    desk.turn(StopRequested())
    assert not desk.of(Left)
    desk.turn(LinkDown(link))
    assert desk.of(Left)


def test_a_stop_without_anybody(desk):
    desk.turn(StopRequested())
    assert desk.of(Left)


def test_a_lag_of_ours_is_held_against_nobody(desk):
    desk.hello()
    desk.turn(at=200.0)
    assert node_id("w") in desk.machine.listener.clients


# -- what people are told


def test_the_status(desk):
    link, producer = desk.hello(), desk.producer()
    desk.bring(link, 1, 1, 2, size=10)
    desk.store()
    desk.bring(link, 2, 2, 3, size=10)
    desk.bring(link, 3, 4, 5, size=10)
    desk.say(producer, End(9, 9))
    observer = desk.hello("o", role="observer")
    desk.say(observer, Info(3))
    (status,) = desk.sent(Status, observer)
    desk.turn(StatusRequested("request"))
    (answer,) = desk.of(Answer)
    said = status.status
    assert (status.request, answer.request, answer.value) == (3, "request", said)
    assert (said["role"], said["name"], said["state"]) == ("sink", "s", "serving")
    assert (said["sinks"], said["inbox"]) == (["default"], "")
    assert (said["queued"], said["queued_bytes"]) == (3, 30)
    assert (said["stored"], said["duplicates"]) == (2, 1)
    assert said["workers"] == [
        {"node_id": node_id("w"), "name": "name-w", "unacked": 4, "credit": 65_536}
    ]
    assert said["producers"] == [
        {
            "producer_id": node_id("p"), "name": "name-p#0000", "connected": True, "stored": 2,
            "queued": 3, "ended": True, "count": 9, "lacking": 7,
        }
    ]  # fmt: skip


def test_the_status_of_a_sink_that_nobody_met(desk):
    desk.turn(StatusRequested())
    (answer,) = desk.of(Answer)
    assert (answer.value["producers"], answer.value["workers"]) == ([], [])
    desk.bring(desk.hello(), 1, 1)
    desk.turn(StatusRequested())
    (answer,) = desk.of(Answer)
    assert answer.value["producers"][0]["count"] == 0


def test_the_status_names_those_that_are_waited_for(desk, monkeypatch):
    """Whoever asks takes those that are not named for ended."""
    monkeypatch.setattr(portrait, "PRODUCERS_MAX", 2)
    links = {name: desk.producer(name) for name in "pqr"}
    for name in "qr":
        desk.say(links[name], End(0, 0))
    desk.turn(StatusRequested())
    (answer,) = desk.of(Answer)
    named = [(producer["name"][:6], producer["ended"]) for producer in answer.value["producers"]]
    assert named == [("name-r", True), ("name-p", False)]
