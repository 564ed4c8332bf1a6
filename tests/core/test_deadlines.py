from __future__ import annotations

from desks import ProducerDesk, done, entries, spec
from hypothesis import given
from hypothesis import strategies as st

from zmqwork.core.deadlines import Deadlines
from zmqwork.core.events import Submitted
from zmqwork.core.messages import Started
from zmqwork.core.timers import Timers


def test_one_timer_for_all_of_an_instant():
    timers = Timers()
    deadlines = Deadlines(timers)
    deadlines.add(5.0, [1, 2])
    deadlines.add(5.0, [3])
    deadlines.add(6.0, [4])
    assert len(timers) == 2
    assert timers.due(5.0) == [("expire", 5.0)]
    assert deadlines.take(5.0) == [1, 2, 3]
    assert (deadlines.has_passed(5.0), deadlines.has_passed(6.0)) == (True, False)
    deadlines.add(4.0, [5])
    deadlines.take(4.0)
    assert deadlines.has_passed(5.0)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 60), st.booleans()), max_size=20))
def test_what_is_settled_is_forgotten_in_time(history):
    timers = Timers()
    deadlines = Deadlines(timers)
    unsettled, seq = {}, 0
    for at, count, apart in history:
        # Numbers that follow each other, or every other one.
        seqs = list(range(seq, seq + count * (2 if apart else 1), 2 if apart else 1))
        seq = seqs[-1] + 1
        unsettled |= dict.fromkeys(seqs, float(at))
        deadlines.add(float(at), seqs)
        for gone in list(unsettled)[: max(0, len(unsettled) - 5)]:
            del unsettled[gone]
        deadlines.sweep(unsettled.keys())
        kept = [some for there in deadlines._seqs.values() for some in there]
        size = sum(1 if isinstance(some, range) else len(some) for some in kept)
        assert size == deadlines._count <= 64 + 2 * len(unsettled)
        assert all(deadlines.has(at, number) for number, at in unsettled.items())
        assert set(timers._at) == {("expire", at) for at in deadlines._seqs}
    deadlines.sweep({}.keys())
    assert (deadlines._count, len(timers)) == (0, 0)


def test_of_numbers_that_follow_each_other_in_any_order_none_is_lost():
    deadlines = Deadlines(Timers())
    deadlines.add(5.0, [3, 1, 2])
    deadlines.add(5.0, [7, 9, 8, 5])
    assert not any(deadlines.has(5.0, seq) for seq in (0, 4, 6, 10))
    assert sorted(deadlines.take(5.0)) == [1, 2, 3, 5, 7, 8, 9]
    assert not deadlines.has(5.0, 1)


def test_what_ran_when_it_expired_does_so_when_it_waits_again():
    desk = ProducerDesk()
    link = desk.open(credit=3, slots=3)
    tasks = entries(1, 2, 3, of=spec(expires=0.5))
    desk.turn(Submitted(tasks))
    desk.say(link, Started([1, 2, 3], [1, 1, 1]))
    desk.until(100.5)
    assert desk.settled() == []
    assert len(desk.machine._ledger) == 3
    desk.say(link, done(1, (3, 1)))
    desk.lose()
    assert desk.settled() == [(1, "expired"), (2, "expired")]
