from __future__ import annotations

import dataclasses

from zmqwork.core.delivery import DESTINATIONS_MAX
from zmqwork.core.lanes import Lane, Lanes, key_of
from zmqwork.core.ledger import Entry, TaskSpec
from zmqwork.core.lifecycle import CANCELLED, DISPATCHED
from zmqwork.core.messages import BATCH_COUNT_MAX, HEADED_MAX
from zmqwork.options import TaskOptions

SPEC = TaskSpec("f", "1", TaskOptions())


def entry(seq, args=b""):
    return Entry(seq, SPEC, args, None)


def lane_of(*entries):
    lane = Lane(key_of(SPEC))
    for one in entries:
        lane.append(one)
    return lane


def seqs(entries):
    return [one.seq for one in entries]


def test_tasks_are_taken_in_the_order_of_submission():
    lane = lane_of(*map(entry, (1, 2, 3)))
    assert lane.first().seq == 1
    assert seqs(lane.take(2, 100)) == [1, 2]
    assert len(lane) == lane.size == 1


def test_bytes_are_a_bound_but_one_task_always_fits():
    lane = lane_of(entry(1, b"x" * 60), entry(2, b"x" * 60), entry(3))
    assert seqs(lane.take(9, 100)) == [1]
    assert seqs(lane.take(9, 10)) == [2]
    assert seqs(lane.take(9, 10)) == [3]
    assert lane.take(9, 10) == []


def test_what_is_given_back_comes_first_by_age():
    lane = lane_of(*map(entry, (1, 2, 3, 4)))
    taken = lane.take(3, 100)
    lane.give_back([taken[2], taken[0], taken[1]])
    assert lane.size == 4
    assert seqs(lane.take(9, 100)) == [1, 2, 3, 4]


def test_husks_are_skipped_and_counted_out():
    lane = lane_of(*(all_of := [entry(seq) for seq in (1, 2, 3)]))
    for one in all_of[:2]:
        one.state = CANCELLED
        lane.husk(one)
    assert lane.size == 1
    assert lane.first().seq == 3
    assert seqs(lane.take(9, 100)) == [3]


def test_husks_in_the_middle_are_skipped():
    lane = lane_of(*(all_of := [entry(seq) for seq in (1, 2, 3)]))
    all_of[1].state = CANCELLED
    lane.husk(all_of[1])
    assert seqs(lane.take(9, 100)) == [1, 3]


def test_husks_are_swept_when_they_outnumber_the_rest():
    all_of = [entry(seq) for seq in range(1000)]
    lane = lane_of(*all_of)
    for one in all_of[1:]:
        one.state = CANCELLED
        lane.husk(one)
        assert len(lane._entries) <= 64 + 2 * lane.size
    assert seqs(lane.take(9, 100)) == [0]


def test_taking_leaves_no_pile_of_husks():
    all_of = [entry(seq) for seq in range(300)]
    lane = lane_of(*all_of)
    for one in all_of[150:]:
        one.state = CANCELLED
        lane.husk(one)
    for one in lane.take(150, 10_000):
        one.state = DISPATCHED
    assert len(lane._entries) <= 64


def test_what_is_removed_may_come_back():
    lane = lane_of(*(all_of := [entry(seq) for seq in (1, 2, 3)]))
    lane.remove(frozenset({2}))
    assert lane.size == 2
    lane.give_back([all_of[1]])
    assert seqs(lane.take(9, 100)) == [1, 2, 3]


def test_a_lane_per_queue_name_and_signature():
    lanes = Lanes()
    one = lanes.of(SPEC)
    assert lanes.of(TaskSpec("f", "1", TaskOptions(max_retries=9))) is one
    others = [
        TaskSpec("g", "1", TaskOptions()),
        TaskSpec("f", "2", TaskOptions()),
        TaskSpec("f", "1", TaskOptions(queue="q")),
    ]
    assert len({id(lanes.of(spec)) for spec in others} | {id(one)}) == 4
    one.append(entry(1))
    lanes.of(others[0]).append(entry(2))
    assert lanes.waiting() == 2
    assert [lane.name for lane in lanes] == ["f", "g", "f", "f"]


def test_what_one_worker_alone_may_run_waits_in_lanes_that_are_dropped_when_empty():
    lanes = Lanes()
    ordinary = lanes.of(SPEC)
    for_a, for_b = (dataclasses.replace(SPEC, node=node) for node in "ab")
    one, other = Entry(1, for_a, b"", None), Entry(2, for_b, b"", None)
    lanes.of(for_a).append(one)
    lanes.of(for_b).append(other)
    assert list(lanes) == [ordinary], "the others are for nobody in particular"
    assert (lanes.waiting(), lanes.waiting_for("a"), lanes.waiting_for("c")) == (0, 1, 0)
    assert lanes.of(for_a).entries() == [one]
    one.state = CANCELLED
    lanes.of(for_a).husk(one)
    assert lanes.of(for_a).entries() == []
    lanes.of(dataclasses.replace(for_b, name="g"))
    lanes.drop_empty()
    assert {node: list(own.values()) for node, own in lanes.pinned.items()} == {
        "b": [lanes.of(for_b)]
    }
    assert list(lanes) == [ordinary], "which is kept, though empty"


def test_tasks_with_headers_are_few_in_one_message():
    lanes = Lanes(60.0)
    assert lanes.of(SPEC).grain == BATCH_COUNT_MAX
    headed = dataclasses.replace(SPEC, options=TaskOptions(headers={"a": "b"}))
    assert lanes.of(headed) is lanes.of(SPEC)
    assert lanes.of(SPEC).grain == HEADED_MAX
    sink = dataclasses.replace(SPEC, options=TaskOptions(sink="out"))
    assert lanes.of(sink).grain == DESTINATIONS_MAX
