"""What a producer dispatches first, over any history of submissions."""

from __future__ import annotations

import pytest
from desks import ProducerDesk, done, entries, node_id, spec
from hypothesis import given
from hypothesis import strategies as st

from zmqwork.core.events import Submitted
from zmqwork.core.ledger import Entry, TaskSpec
from zmqwork.core.messages import BATCH_BYTES_MAX, BATCH_COUNT_MAX, FAILED, Failure, Return
from zmqwork.errors import ConfigError
from zmqwork.options import TaskOptions

# Priorities, and the seconds since the submission before.
arrivals = st.lists(
    st.tuples(st.sampled_from([-100, -1, 0, 1, 2, 100]), st.sampled_from([0.0, 1.0, 30.0, 61.0])),
    min_size=1,
    max_size=12,
)


def order(desk, link):
    """One slot takes one after the other: their numbers, as they are dispatched."""
    out, batch = [], 0
    while given_now := desk.given():
        ((seq, attempt),) = given_now
        out.append(seq)
        batch += 1
        desk.say(link, done(batch, (seq, attempt)))
    return out


def submit_all(desk, history, **options):
    """Seq -> (priority, instant)."""
    known = {}
    for seq, (priority, pause) in enumerate(history, 1):
        desk.submit(seq, of=spec(priority=priority, **options), at=desk.now + pause)
        known[seq] = priority, desk.now
    return known


@given(arrivals)
def test_the_larger_goes_first_and_in_it_what_came_first(history):
    desk = ProducerDesk(priority_aging=0)
    known = submit_all(desk, history)
    link = desk.open()
    assert order(desk, link) == sorted(known, key=lambda seq: (-known[seq][0], seq))


@given(arrivals, st.sampled_from([0.5, 10.0, 60.0]))
def test_each_step_counts_for_so_many_seconds_of_waiting(history, aging):
    desk = ProducerDesk(priority_aging=aging)
    known = submit_all(desk, history)
    link = desk.open()
    expected = sorted(known, key=lambda seq: (known[seq][1] - aging * known[seq][0], seq))
    assert order(desk, link) == expected


@given(st.integers(-100, 99), st.integers(1, 100), st.floats(0.01, 100.0))
def test_nobody_is_overtaken_for_ever(priority, more, aging):
    """However much of a larger priority comes, and as long as it comes."""
    larger = min(100, priority + more)
    desk = ProducerDesk(priority_aging=aging)
    link = desk.open()
    desk.submit(1, of=spec(priority=larger))
    desk.submit(2, of=spec(priority=priority))
    begun_at, seq = desk.now, 2
    step = aging * (larger - priority) / 7
    running = 1
    while running != 2:
        seq += 1
        desk.submit(seq, of=spec(priority=larger), at=desk.now + step)
        desk.say(link, done(seq, (running, 1)))
        ((running, _),) = desk.given()
        assert desk.now - begun_at <= aging * (larger - priority) + step + 1e-6


def test_a_lane_is_not_cut_where_nothing_comes_between():
    desk = ProducerDesk()
    low, high = spec(), spec(priority=5)
    made = [Entry(seq, high if seq % 2 else low, b"", None) for seq in range(1, 401)]
    desk.turn(Submitted(made))
    desk.open(credit=1000, slots=1000)
    (tasks,) = desk.sent_tasks()
    assert [len(run.seqs) for run in tasks.runs] == [200, 200]


@pytest.mark.parametrize(("count", "size"), [(BATCH_COUNT_MAX, 0), (2, BATCH_BYTES_MAX // 2)])
def test_what_one_worker_gets_in_a_turn_is_one_message_as_far_as_it_fits(count, size):
    desk = ProducerDesk()
    low, high, other = spec(), spec(priority=5), spec("g", priority=-1)
    args = b"x" * size
    seqs = iter(range(1, 2 * count + 3))
    made = [Entry(next(seqs), high, args, None) for _ in range(count - 1)]
    made += [Entry(next(seqs), low, args, None) for _ in range(count)]
    made += [Entry(next(seqs), other, b"", None)]
    desk.turn(Submitted(made))
    desk.open(credit=3 * count, slots=3 * count, size_bytes=1 << 30)
    batches = [[len(run.seqs) for run in tasks.runs] for tasks in desk.sent_tasks()]
    if size:  # the first message is full with one of each
        assert batches == [[1], [2, 1]]
    else:
        assert batches == [[count - 1], [count], [1]]


def test_priority_is_told_where_it_is_not_the_default():
    desk = ProducerDesk()
    desk.submit(1, of=spec(priority=-7))
    desk.submit(2)
    desk.open(credit=2, slots=2)
    told = [run.options for tasks in desk.sent_tasks() for run in tasks.runs]
    assert told == [{"queue": "default"}, {"queue": "default", "priority": -7}]


def test_what_comes_back_is_where_it_was():
    desk = ProducerDesk()
    link = desk.open()
    desk.submit(1, of=spec(priority=1, retry_backoff=0.0))
    desk.submit(2, of=spec(priority=1), at=101.0)
    desk.submit(3, of=spec(priority=2), at=102.0)
    desk.say(link, done(1, failures=[Failure(1, 1, FAILED, {"type": "E", "text": ""})]))
    desk.until(desk.now)
    assert desk.given() or desk.turn() is not None
    desk.say(link, Return("recalled", [3], [1]))
    assert order(desk, link) == [3, 1, 2]


def test_all_that_comes_back_is_in_the_order_of_submission():
    desk = ProducerDesk()
    one, other = desk.open("a", credit=2, slots=2), desk.open("b", credit=2, slots=2)
    desk.submit(1, 2, 3, 4)
    desk.submit(5, at=101.0)
    assert (desk.lose("a"), desk.lose("b")) != (None, None)
    assert (one, other) != (None, None)
    link = desk.open("c")
    assert order(desk, link) == [1, 2, 3, 4, 5]


def test_what_is_for_one_worker_alone_goes_by_priority_too():
    desk = ProducerDesk()
    link = desk.open()
    desk.submit(1)
    for seq, priority in ((2, -1), (3, 1), (4, 0)):
        options = TaskOptions(priority=priority)
        desk.submit(seq, of=TaskSpec("f", "1", options, node=node_id("w")))
    desk.say(link, done(9, (1, 1)))
    assert order(desk, link) == [3, 4, 2]


def test_of_tasks_that_differ_in_priority_alone_people_are_told_once():
    desk = ProducerDesk()
    for seq in range(1, 5):
        desk.submit(seq, of=spec(priority=seq))
    told = [notice for _ in range(20) for notice in notices_of_next(desk)]
    assert told == ["no_worker"]
    desk.open(tasks={"f": "2"})
    assert desk.notices().count("other_signature") == 1


def notices_of_next(desk):
    desk.turn(at=max(desk.now, desk.machine.deadline() or desk.now))
    return desk.notices()


@pytest.mark.parametrize("priority", [101, -101, 0.5, True, "high", None])
def test_what_is_no_priority_is_refused(priority):
    with pytest.raises(ConfigError, match="priority must be"):
        TaskOptions(priority=priority)


def test_aging_is_seconds():
    with pytest.raises(ConfigError, match="priority_aging"):
        ProducerDesk(priority_aging=-1)
    assert entries(1)[0].since == 0.0
