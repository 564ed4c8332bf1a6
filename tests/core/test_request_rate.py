"""PINGs and INFOs are answered at the rate of an honest peer, whatever comes."""

from __future__ import annotations

from desks import WorkerDesk

from zmqwork.core.messages import Info, Ping, Pong, Status
from zmqwork.core.request_rate import BURST, PER_SECOND, RequestRate


def test_a_storm_uses_up_what_has_piled_up():
    rate = RequestRate()
    assert [rate.admits(100.0) for _ in range(BURST + 2)] == [True] * BURST + [False] * 2


def test_it_fills_up_again_with_time():
    rate = RequestRate()
    for _ in range(BURST):
        rate.admits(100.0)
    assert not rate.admits(100.0)
    assert rate.admits(100.0 + 1.0 / PER_SECOND)
    assert not rate.admits(100.0 + 1.0 / PER_SECOND)
    assert [rate.admits(1e6) for _ in range(BURST + 1)] == [True] * BURST + [False]


def test_a_worker_answers_no_storm():
    desk = WorkerDesk()
    link = desk.hello()
    strays = desk.machine.listener.counters.strays
    desk.say(link, *(Ping(number) for number in range(1, BURST + 101)))
    answered = list(desk.sent(Pong, link))
    assert len(answered) <= BURST
    assert desk.machine.listener.counters.strays >= strays + 100 - 1


def test_a_worker_tells_once_a_minute_who_asks_too_much():
    desk = WorkerDesk()
    link = desk.hello(role="observer")
    desk.say(link, *(Info(number) for number in range(1, BURST + 101)))
    assert BURST - 1 <= len(desk.sent(Status, link)) <= BURST
    assert desk.notices() == ["limit"]
    desk.say(link, *(Info(number) for number in range(1, 101)))
    assert desk.notices() == []
    desk.say(link, *(Info(number) for number in range(1, BURST + 101)), at=desk.now + 60.0)
    assert desk.notices() == ["limit"]


def test_a_question_and_a_heartbeat_count_alike():
    desk = WorkerDesk()
    link = desk.hello(role="observer")
    desk.say(link, *(Ping(number) for number in range(1, BURST + 1)))
    desk.say(link, Info(1))
    assert not desk.sent(Status, link)
    desk.say(link, Info(2), at=desk.now + 1.0)
    assert [status.request for status in desk.sent(Status, link)] == [2]
