"""PINGs are answered at the rate of an honest peer, whatever comes."""

from __future__ import annotations

from desks import WorkerDesk

from zmqwork.core.messages import Ping, Pong
from zmqwork.core.ping_rate import BURST, PER_SECOND, PingRate


def test_a_storm_uses_up_what_has_piled_up():
    rate = PingRate()
    assert [rate.admits(100.0) for _ in range(BURST + 2)] == [True] * BURST + [False] * 2


def test_it_fills_up_again_with_time():
    rate = PingRate()
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
