from __future__ import annotations

from zmqwork.testing import FakeClock


def test_time_stands_still_until_it_is_advanced():
    clock = FakeClock(5.0)
    assert clock() == clock() == 5.0
    clock.run_for(2.5)
    assert clock() == 7.5
    clock.run_until(1.0)
    assert clock() == 7.5


def test_things_happen_at_their_instants_in_order():
    clock = FakeClock()
    seen = []
    for at, name in ((3.0, "c"), (1.0, "a"), (1.0, "b")):
        clock.call_at(at, lambda name=name: seen.append((clock(), name)))
    assert len(clock) == 3
    clock.run_until(2.0)
    assert seen == [(1.0, "a"), (1.0, "b")]
    assert clock() == 2.0
    clock.run_for(1.0)
    assert seen[-1] == (3.0, "c")


def test_what_is_late_happens_now_and_what_happens_may_ask_for_more():
    clock = FakeClock(10.0)
    seen = []

    def again(count):
        seen.append(clock())
        if count:
            clock.call_later(0.5, again, count - 1)

    clock.call_at(1.0, again, 2)
    assert clock.step()
    assert not clock.step(until=10.1)
    clock.run_until(20.0)
    assert seen == [10.0, 10.5, 11.0]
    assert not clock.step()
