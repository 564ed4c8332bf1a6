from __future__ import annotations

import pytest
from desks import ProducerDesk, done, spec
from durable_desk import DurableDesk, legacy
from test_steward import LINK, fail, observe, order, ordered, value

from zmqwork.core import kept
from zmqwork.core.messages import Bye
from zmqwork.core.orders import REFUSED, UNKNOWN_TASK, Ordered
from zmqwork.core.records import Recorded

KEPT = spec(result_ttl=10)


@pytest.fixture
def desk():
    made = ProducerDesk()
    made.open(credit=50, slots=50)
    observe(made)
    return made


def succeed(desk, *seqs, batch=1):
    desk.say(desk.link_of("w"), done(batch, *[(seq, 1) for seq in seqs]))


def test_a_result_is_kept_for_so_long(desk):
    desk.submit(1, 2, of=KEPT)
    desk.submit(3)
    succeed(desk, 1, 3)
    answer = ordered(desk, "result", seq=1)
    assert (answer.value, answer.data) == ({"state": "succeeded", "attempts": 1}, [b"of 1"])
    assert value(desk, "result", seq=2) == {"state": "dispatched"}
    for seq in (3, 99, 0):
        assert ordered(desk, "result", seq=seq).code == UNKNOWN_TASK
    desk.until(desk.now + 9.9)
    assert ordered(desk, "result", seq=1).code == "done"
    desk.until(desk.now + 0.2)
    answer = ordered(desk, "result", seq=1)
    assert (answer.code, "result_ttl" in answer.text) == (UNKNOWN_TASK, True)
    assert "never had it" in ordered(desk, "result", seq=99).text


def test_a_producer_may_say_for_how_long():
    desk = ProducerDesk(result_ttl=5)
    desk.open()
    observe(desk)
    desk.submit(1)
    succeed(desk, 1)
    assert ordered(desk, "result", seq=1).data == [b"of 1"]
    assert len(desk.machine._books.kept) == 1


def test_it_is_waited_for(desk):
    desk.submit(1, 2)
    assert order(desk, "result", seq=1, wait=True) == []
    succeed(desk, 2)
    assert desk.sent(Ordered) == []
    succeed(desk, 1, batch=2)
    done_value = {"state": "succeeded", "attempts": 1}
    assert desk.sent(Ordered, LINK) == [Ordered(7, value=done_value, data=[b"of 1"])]


def test_who_has_left_is_not_waited_with(desk):
    desk.submit(1, 2)
    order(desk, "result", seq=1, wait=True)
    order(desk, "result", seq=2, wait=True)
    results = desk.machine._books.kept
    results.wait(1, "somebody else", lambda result: None)
    desk.say(LINK, Bye())
    assert {seq: len(waiters) for seq, waiters in results._waiters.items()} == {1: 1}


def test_so_many_may_wait(desk, monkeypatch):
    monkeypatch.setattr(kept, "WAITERS_MAX", 1)
    desk.submit(1)
    assert order(desk, "result", seq=1, wait=True) == []
    assert ordered(desk, "result", seq=1, wait=True).code == REFUSED


def test_why_it_failed(desk):
    fail(desk, 1)
    told = value(desk, "result", seq=1)
    assert (told["state"], told["error"]["text"]) == ("failed", "no")
    value(desk, "remove", tasks=[1])
    told = value(desk, "result", seq=1)
    assert (told["state"], told["error"]) == ("failed", {"text": "E: no", "attempts": 1})
    fail(desk, 2, batch=2, of=spec(max_retries=0, result_ttl=5))
    assert value(desk, "result", seq=2)["error"]["traceback"] == "tb"


def test_there_are_bounds():
    desk = ProducerDesk(results_max=2, results_bytes=10_000)
    desk.open(credit=50, slots=50)
    desk.submit(1, 2, 3, of=KEPT)
    succeed(desk, 1, 2, 3)
    results = desk.machine._books.kept
    assert [results.get(seq) is None for seq in (1, 2, 3)] == [True, False, False]
    desk = ProducerDesk(results_bytes=1000)
    desk.open(credit=50, slots=50)
    desk.submit(1, 2, of=KEPT)
    succeed(desk, 1, 2)
    assert [desk.machine._books.kept.get(seq) is None for seq in (1, 2)] == [True, False]


def test_none_may_be_kept():
    desk = ProducerDesk(results_max=0)
    desk.open()
    desk.submit(1, of=KEPT)
    succeed(desk, 1)
    assert len(desk.machine._books.kept) == 0


def test_its_time_begins_at_once(desk):
    desk.submit(1, of=KEPT)
    succeed(desk, 1)
    assert desk.machine._books.timers.at(("kept", 1)) == desk.now + 10


def test_with_a_journal_it_is_told_when_it_is_recorded():
    left = legacy(Recorded(KEPT, 1, b""))
    desk = DurableDesk(left)
    desk.open(credit=50, slots=50)
    observe(desk)
    desk.file(2, of=KEPT)
    assert order(desk, "result", seq=1, wait=True) == []
    succeed(desk, 1)
    assert desk.sent(Ordered) == []
    desk.write()
    assert [answer.data for answer in desk.sent(Ordered)] == [[b"of 1"]]
    desk.machine._books.kept.watches = False
    desk.file(3, of=KEPT)
    assert desk.machine._books.kept.watches
