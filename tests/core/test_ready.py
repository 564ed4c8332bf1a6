from __future__ import annotations

from desks import WorkerDesk
from hypothesis import given
from hypothesis import strategies as st

from zmqwork.core.clients import Held
from zmqwork.core.events import SlotReady
from zmqwork.core.ready import AGING_SECONDS, Ready, rank_of


def held(seq, rank):
    return Held(None, seq, 1, "f", b"", {}, None, rank)


def seqs(ready):
    return [one.seq for one in ready]


# Of each step the priority, the seconds before it, how many come, how many are taken after it, and
# whether all that were taken and have not ended come back then; one of them ends.
steps = st.lists(
    st.tuples(
        st.sampled_from([-3, 0, 0, 5]), st.sampled_from([0.0, 0.5, 4.0]),
        st.integers(0, 3), st.integers(0, 3), st.booleans(),
    ),
    max_size=12,
)  # fmt: skip


@given(steps)
def test_the_order_is_by_rank_and_arrival_whatever_is_put_back(history):
    ready, taken, now, seq = Ready(), [], 100.0, 0
    waiting = []
    for priority, pause, count, room, comes_back in history:
        now += pause
        rank = rank_of(priority, now)
        items = [held(seq + place, rank) for place in range(1, count + 1)]
        seq += count
        ready.add(items)
        waiting += items
        for _ in range(min(room, len(ready))):
            taken.append(ready.popleft())
            waiting.remove(taken[-1])
        if comes_back:
            ready.put_back(taken[1:])
            waiting += taken[1:]
            taken = []
        waiting.sort(key=lambda one: (one.rank, one.seq))
        assert seqs(ready) == seqs(waiting)


def test_one_that_was_placed_and_is_older_goes_between():
    ready = Ready([held(1, 5.0), held(4, 9.0)])
    ready.put_back([held(2, 7.0), held(3, 8.0)])
    assert seqs(ready) == [1, 2, 3, 4]


def busy_desk():
    """Slots of which one alone is ready yet, and two producers with credit for some attempts."""
    desk = WorkerDesk(slots=40, ready=False)
    links = desk.hello("one"), desk.hello("other")
    desk.turn(SlotReady(0))
    return desk, *links


def test_a_larger_priority_begins_first_whoever_sent_it():
    desk, one, other = busy_desk()
    desk.say(one, desk.tasks(1, 2, 3))
    assert desk.placed() == [(0, 1)]
    desk.say(other, desk.tasks(11, priority=1), desk.tasks(12, priority=-1))
    begun = []
    for seq in (1, 11, 2, 3):
        desk.finish(seq, seconds=1.0)
        begun += desk.placed()
    assert begun == [(0, 11), (0, 2), (0, 3), (0, 12)]


def test_nothing_is_overtaken_for_ever():
    desk, low, high = busy_desk()
    desk.say(low, desk.tasks(1, 2))
    at, seq = desk.now, 100
    desk.say(high, desk.tasks(seq, priority=1))
    desk.finish(1, seconds=1.0)
    while desk.placed() != [(0, 2)]:
        seq += 1
        at += AGING_SECONDS / 4
        desk.say(high, desk.tasks(seq, priority=1), at=at)
        desk.finish(seq - 1, seconds=1.0)
    assert at - 100.0 == AGING_SECONDS
