"""Which queue is next, over any backlog."""

from __future__ import annotations

import pytest
from desks import ProducerDesk, done, spec
from hypothesis import given
from hypothesis import strategies as st

from zmqwork.core import explain
from zmqwork.core.lanes import Lane, key_of
from zmqwork.core.ledger import Entry
from zmqwork.core.turns import LANE_GRAIN, Strict, Turns, Weighted, turns
from zmqwork.queues import Queues

NAMES = "abcd"

weights = st.lists(st.integers(1, 20), min_size=2, max_size=4)


def lane(queue, count=0, first=1, **options):
    kind = spec(queue=queue, **options)
    made = Lane(key_of(kind))
    for seq in range(first, first + count):
        made.append(Entry(seq, kind, b"", None))
    return made


def take(machine, lanes, room):
    """The queue that is served next, and how many of it; its lane leaves when it is empty."""
    chosen, grain = (lanes[0], LANE_GRAIN) if len(lanes) == 1 else machine.next(lanes)
    count = len(chosen.take(min(room, grain), 1 << 30))
    machine.served(chosen, count)
    if not chosen.size:
        lanes.remove(chosen)
    return chosen.queue, count


@given(weights, st.lists(st.integers(1, 200), min_size=1, max_size=80))
def test_shares_hold_at_every_instant_while_all_have_tasks(given_weights, rooms):
    names = NAMES[: len(given_weights)]
    machine = Weighted(names, given_weights)
    lanes = [lane(queue, count=80 * LANE_GRAIN) for queue in names]
    taken, total = dict.fromkeys(names, 0), sum(given_weights)
    for room in rooms:
        queue, count = take(machine, lanes, room)
        taken[queue] += count
        virtual = [taken[name] / weight for name, weight in zip(names, given_weights, strict=True)]
        # Of any two queues neither is further ahead than one turn of each is worth.
        for one, weight in zip(virtual, given_weights, strict=True):
            for other, its in zip(virtual, given_weights, strict=True):
                most = max(1 / weight, LANE_GRAIN / total) + max(1 / its, LANE_GRAIN / total)
                assert one - other <= most + 1e-6


@given(weights)
def test_one_by_one_the_sum_of_weights_gives_each_queue_its_weight(given_weights):
    names = NAMES[: len(given_weights)]
    machine = Weighted(names, given_weights)
    lanes = [lane(queue, count=2000) for queue in names]
    for _ in range(3):
        queues = [take(machine, lanes, 1)[0] for _ in range(sum(given_weights))]
        for name, weight in zip(names, given_weights, strict=True):
            assert abs(queues.count(name) - weight) <= 1


@given(weights, st.lists(st.tuples(st.integers(0, 3), st.integers(1, 100)), max_size=40))
def test_nothing_is_left_while_there_is_room(given_weights, arrivals):
    """A queue that has nothing leaves its share to the others, and saves none of it."""
    names = NAMES[: len(given_weights)]
    machine = Weighted(names, given_weights)
    there = {queue: lane(queue) for queue in names}
    seq = 1
    for place, count in arrivals:
        name = names[place % len(names)]
        for _ in range(count):
            there[name].append(Entry(seq, spec(queue=name), b"", None))
            seq += 1
        lanes = [one for one in there.values() if one.size]
        before = sum(one.size for one in lanes)
        _, served = take(machine, lanes, 10)
        assert 0 < served == before - sum(one.size for one in there.values())


def test_who_was_idle_does_not_catch_up():
    machine = Weighted("ab", (1, 1))
    busy, late = lane("a", 1000), lane("b")
    for _ in range(500):
        take(machine, [busy], 1)
    for seq in range(2000, 2100):
        late.append(Entry(seq, spec(queue="b"), b"", None))
    queues = [take(machine, [busy, late], 1)[0] for _ in range(20)]
    assert queues.count("b") == 10


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 5)), min_size=1, max_size=20))
def test_strict_a_later_queue_gets_what_the_earlier_leave(history):
    machine = Strict("cab")
    there = {queue: lane(queue) for queue in "abc"}
    seq = 1
    for place, count in history:
        for _ in range(count):
            there["abc"[place]].append(Entry(seq, spec(queue="abc"[place]), b"", None))
            seq += 1
        lanes = [one for one in there.values() if one.size]
        have = {one.queue for one in lanes}
        queue, _ = take(machine, lanes, 2)
        assert queue == next(name for name in "cab" if name in have)


def test_in_a_queue_it_is_by_rank():
    low, high = lane("a", 100, first=1), lane("a", 100, first=101, priority=1)
    other = lane("b", 100, first=201, priority=100)
    assert Strict("ab").next([low, high, other])[0] is high
    assert Weighted("ab", (5, 1)).next([low, high, other])[0] is high
    assert Turns().next([low, high, other])[0] is other


def test_what_cannot_be_overtaken_is_not_cut():
    first, second = lane("a", 100), lane("b", 100, first=101)
    assert Strict("ab").next([second, first])[1] > LANE_GRAIN
    assert Turns().next([second, first])[1] > LANE_GRAIN
    between = lane("a", 1, first=50)
    assert Strict("ab").next([first, between])[1] == LANE_GRAIN
    assert Turns().next([first, between])[1] == LANE_GRAIN


def test_what_a_worker_says_of_its_queues_is_how_they_take_turns():
    assert type(turns(Queues(("a", "b")))) is Turns
    assert type(turns(Queues(("a", "b"), (1, 2)))) is Weighted
    assert type(turns(Queues(("a", "b"), strict=True))) is Strict


def order(desk, link):
    out, batch = [], 0
    while given_now := desk.sent_tasks():
        (run,) = given_now[0].runs
        out.append(run.options["queue"])
        batch += 1
        desk.turn()  # without room for anybody
        desk.say(link, done(batch, (run.seqs[0], run.attempt)))
    return out


def submit(desk, *queues, count=12):
    for place, queue in enumerate(queues):
        desk.submit(*range(place * count + 1, place * count + count + 1), of=spec(queue=queue))


def test_a_worker_is_given_its_shares():
    desk = ProducerDesk()
    submit(desk, "low", "high", "none")
    queues = order(desk, desk.open(queues=["high", "low"], weights=[3, 1]))
    assert (queues[:16].count("high"), queues[:16].count("low")) == (12, 4)
    assert queues[16:] == ["low"] * 8


@pytest.mark.parametrize(
    "fields", [{"queues": ["long", "short"], "strict": True}, {"queues": ["long", "short"]}]
)
def test_what_needs_a_free_slot_gets_one_before_what_may_queue_behind_others(fields):
    desk = ProducerDesk()
    desk.machine._books.pace.observe("g", 100, 0.0)
    link = desk.open(credit=5, slots=1, **fields)
    desk.submit(*range(1, 5), of=spec("g", queue="short"))
    assert desk.given() == [(1, 1), (2, 1), (3, 1), (4, 1)]
    desk.submit(10, of=spec("f", queue="long", priority=1))
    desk.submit(*range(11, 100), of=spec("g", queue="short"))
    assert desk.given() == []
    desk.say(link, done(1, (1, 1), (2, 1), (3, 1)))
    assert desk.given() == []
    desk.say(link, done(2, (4, 1)))
    assert desk.given() == [(10, 1), (11, 1), (12, 1), (13, 1), (14, 1)]


def test_a_worker_is_given_its_queues_in_order():
    desk = ProducerDesk()
    submit(desk, "low", "high", "none")
    assert (
        order(desk, desk.open(queues=["high", "low"], strict=True)) == ["high"] * 12 + ["low"] * 12
    )


def test_a_worker_is_not_given_what_it_excludes():
    desk = ProducerDesk()
    submit(desk, "low", "high", count=2)
    assert order(desk, desk.open(without=["low"])) == ["high"] * 2
    about = explain.task(1, desk.machine._books, desk.now)
    (view,) = about["workers"]
    assert view["why_not"] == "does not serve queue 'low': it was told to leave that out"
    assert about["no_worker"]


def test_workers_that_say_the_same_are_one_group():
    desk = ProducerDesk()
    desk.open("a", queues=["x", "y"], weights=[1, 2])
    desk.open("b", queues=["y", "x"], weights=[2, 1])
    desk.open("c", queues=["y", "x"], strict=True)
    desk.open("d", queues=["x", "y"], strict=True)
    desk.open("e", queues=["y", "x"])
    desk.open("f", queues=["x", "y"], without=["z"])
    desk.open("g", without=["y", "x"])
    desk.open("h", without=["x", "y"], strict=True)
    groups = desk.machine._workforce.groups.values()
    assert [sorted(group.workers) for group in groups] == [
        [desk_id(name) for name in names] for names in ("ab", "c", "d", "ef", "gh")
    ]


@pytest.mark.parametrize("weights", [[1], [1, 2, 3]])
def test_weights_that_fit_no_queues_are_none(weights):
    desk = ProducerDesk()
    desk.open(queues=["x", "y"], weights=weights)
    (group,) = desk.machine._workforce.groups.values()
    assert type(group.turns) is Turns


def desk_id(label):
    return label.rjust(32, "0")
