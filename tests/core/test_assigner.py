from __future__ import annotations

from dataclasses import replace

import pytest
from desks import PRODUCER_ID, ProducerDesk, done, entries, node_id, spec

from zmqwork.core.delivery import DESTINATIONS_MAX
from zmqwork.core.events import Submitted
from zmqwork.core.ledger import Entry
from zmqwork.core.messages import Credit, Return, Tasks


@pytest.fixture
def desk():
    made = ProducerDesk()
    made.machine._books.pace.observe("short", 100, 0.0)
    return made


def tasks_of(label="w", **fields):
    return {"tasks": {"f": "1", "g": "1", "short": "1"}, "label": label} | fields


def seqs(pairs):
    return [seq for seq, _ in pairs]


def test_unknown_and_long_tasks_go_to_free_slots_only(desk):
    link = desk.open(**tasks_of(credit=100, slots=2))
    desk.submit(1, 2, 3, 4)
    assert desk.given() == [(1, 1), (2, 1)]
    desk.say(link, done(1, (1, 1)))
    assert desk.given() == [(3, 1)]


def test_short_tasks_may_queue_up_to_the_credit(desk):
    desk.open(**tasks_of(credit=5, slots=2))
    desk.submit(*range(1, 10), of=spec("short"))
    assert len(desk.given()) == 5


def test_short_tasks_fill_free_slots_first(desk):
    desk.open(**tasks_of("a", credit=9, slots=1))
    desk.open(**tasks_of("b", credit=9, slots=1))
    desk.submit(1, 2, of=spec("short"))
    assert len(desk.given(desk.link_of("a"))) == len(desk.given(desk.link_of("b"))) == 1


def test_tasks_are_shared_out(desk):
    for label in "abc":
        desk.open(**tasks_of(label, credit=100, slots=4))
    desk.submit(*range(1, 7))
    assert sorted(len(desk.given(desk.link_of(label))) for label in "abc") == [1, 2, 3]


def test_consecutive_tasks_of_a_kind_are_one_run(desk):
    link = desk.open(**tasks_of(credit=9, slots=9))
    kind = spec()
    desk.submit(1, 2, 3, of=kind)
    (tasks,) = desk.sent(Tasks)
    (run,) = tasks.runs
    assert (run.name, run.seqs, run.attempt, run.options) == (
        "f",
        [1, 2, 3],
        1,
        {"queue": "default"},
    )
    desk.say(link, Return("recalled", [2], [1]))
    assert desk.given() == [(2, 2)]
    desk.say(link, Return("recalled", [1, 2], [1, 2]))
    (tasks,) = desk.sent(Tasks)
    assert [(run.seqs, run.attempt) for run in tasks.runs] == [([1], 2), ([2], 3)]


def test_other_options_begin_another_run(desk):
    desk.open(**tasks_of(credit=9, slots=9))
    made = entries(1, of=spec(timeout=1)) + entries(2, of=spec(timeout=2))
    desk.turn(Submitted(made))
    (tasks,) = desk.sent(Tasks)
    assert [run.seqs for run in tasks.runs] == [[1], [2]]


def test_tasks_of_one_deadline_are_told_what_is_left(desk):
    kind = spec(expires=5.0)
    desk.submit(1, 2, of=kind)
    desk.submit(3, of=kind, at=101.0)
    desk.turn(at=102.0)
    desk.open(**tasks_of(credit=9, slots=9))
    (tasks,) = desk.sent(Tasks)
    assert [(run.seqs, run.options["deadline"]) for run in tasks.runs] == [
        ([1, 2], 3.0),
        ([3], 4.0),
    ]


def test_the_oldest_lane_is_served_first_by_grains(desk):
    kind = spec("short")
    desk.submit(*range(1, 101), of=kind)
    desk.submit(*range(101, 201), of=spec("short", queue="other"))
    desk.submit(*range(201, 301), of=spec("f"))
    desk.submit(*range(301, 311), of=kind)
    desk.open(**tasks_of(credit=1000, slots=1000))
    grains = [run.seqs for tasks in desk.sent(Tasks) for run in tasks.runs]
    assert [(grain[0], len(grain)) for grain in grains] == [
        (1, 64),
        (65, 46),
        (101, 100),
        (201, 100),
    ]


def test_credit_in_bytes_is_kept_but_one_task_always_fits(desk):
    link = desk.open(**tasks_of(credit=9, slots=9, size_bytes=100))
    desk.submit(1, 2, 3, args=b"x" * 60)
    assert seqs(desk.given()) == [1]
    desk.say(link, done(1, (1, 1)))
    assert seqs(desk.given()) == [2]
    desk.say(link, Credit(9, 200))
    assert seqs(desk.given()) == [3]
    desk.say(link, done(2, (2, 1), (3, 1)))
    desk.submit(4, args=b"x" * 1000)
    assert seqs(desk.given()) == [4]


def test_a_worker_out_of_bytes_leaves_the_task_to_another(desk):
    desk.open(**tasks_of("full", credit=9, slots=9, size_bytes=100))
    desk.submit(1, args=b"x" * 60)
    desk.open(**tasks_of("free", credit=9, slots=9))
    desk.submit(2, 3, args=b"x" * 60)
    assert seqs(desk.given(desk.link_of("free"))) == [2, 3]
    desk.submit(4, of=spec("short"), args=b"x")
    assert seqs(desk.given()) == [4]


def test_a_small_task_of_another_lane_still_fits(desk):
    desk.open(**tasks_of(credit=9, slots=9, size_bytes=100))
    desk.submit(1, args=b"x" * 60)
    desk.submit(2, args=b"x" * 60)
    assert desk.given() == []
    desk.submit(3, of=spec("g"), args=b"x")
    assert seqs(desk.given()) == [3]


def test_only_who_serves_the_lane_gets_its_tasks(desk):
    desk.open("f only", credit=9, slots=9, tasks={"f": "1"})
    desk.open("queue only", credit=9, slots=9, queues=["q"])
    desk.submit(1, of=spec("g"))
    assert desk.given() == []
    desk.submit(2, of=spec("g", queue="q"))
    assert seqs(desk.given(desk.link_of("queue only"))) == [2]
    desk.submit(3, of=spec("f"))
    assert seqs(desk.given(desk.link_of("f only"))) == [3]


def test_each_sink_is_a_run_of_its_own(desk):
    for sink in "st":
        desk.open_sink(sink)
    desk.open(**tasks_of(credit=40, slots=40))
    desk.submit(*range(1, 41), of=spec(sink="out"))
    (tasks,) = desk.sent(Tasks)
    first, second = tasks.runs
    assert (len(first.seqs) > 5, len(second.seqs) > 5) == (True, True)
    assert sorted(first.seqs + second.seqs) == list(range(1, 41))
    for run in tasks.runs:
        assert run.seqs == sorted(run.seqs)
        assert run.to.sink_seqs == list(range(1, len(run.seqs) + 1))
        assert (run.to.producer_id, run.to.inbox) == (PRODUCER_ID, "")
        assert run.to.endpoints == [f"ipc://{run.to.node_id[-1]}"]


def test_attempts_and_deadlines_of_one_sink_keep_their_numbers(desk):
    desk.open_sink(inbox="box")
    link = desk.open(**tasks_of(credit=4, slots=4))
    desk.submit(1, 2, 3, of=spec(inbox="box"))
    desk.submit(4, of=spec(inbox="box", expires=5.0))
    desk.say(link, Return("recalled", [2], [1]))
    desk.say(link, Return("recalled", [1, 2, 3, 4], [1, 2, 1, 1]))
    (tasks,) = desk.sent(Tasks)
    assert [(run.seqs, run.attempt, run.to.sink_seqs) for run in tasks.runs] == [
        ([1], 2, [1]),
        ([2], 3, [2]),
        ([3], 2, [3]),
        ([4], 2, [4]),
    ]


def test_what_goes_back_has_no_destination(desk):
    desk.open_sink()
    desk.open(**tasks_of(credit=9, slots=9))
    desk.submit(1, 2)
    (tasks,) = desk.sent(Tasks)
    assert [run.to for run in tasks.runs] == [None]


def test_no_more_destinations_in_one_message_than_fit(desk):
    count = DESTINATIONS_MAX + 5
    desk.open_sink()
    desk.open(**tasks_of(credit=count, slots=count))
    kinds = [spec(sink="out", expires=5.0 + seq) for seq in range(count)]
    made = [Entry(seq, kind, b"", None) for seq, kind in enumerate(kinds, 1)]
    desk.turn(Submitted(made))
    assert [len(tasks.runs) for tasks in desk.sent(Tasks)] == [DESTINATIONS_MAX, 5]


def test_what_waits_for_its_sink_only_takes_no_slot(desk):
    link = desk.open(**tasks_of(credit=2, slots=2))
    desk.submit(1, 2, 3, 4, 5)
    assert seqs(desk.given()) == [1, 2]
    desk.say(link, Credit(9, 1 << 20, 1))
    assert seqs(desk.given()) == [3]
    desk.say(link, Credit(2, 1 << 20), done(1, (1, 1)))
    assert desk.given() == []
    desk.say(link, done(2, (2, 1)))
    assert seqs(desk.given()) == [4]
    desk.say(link, Credit(4, 1 << 20, 2))
    assert seqs(desk.given()) == [5]


def test_what_is_for_one_worker_alone_does_not_wait_for_sinks_either(desk):
    link = desk.open(**tasks_of(credit=1, slots=1))
    desk.submit(1, 2, of=replace(spec(), node=node_id("w")))
    assert seqs(desk.given()) == [1]
    desk.say(link, Credit(9, 1 << 20, 1))
    assert seqs(desk.given()) == [2]


def test_nothing_waits_nothing_is_sent(desk):
    desk.open(**tasks_of(credit=9))
    desk.turn()
    assert not desk.sent(Tasks)


def test_kinds_that_look_alike_to_a_worker_travel_together(desk):
    kinds = [spec(max_retries=count) for count in (1, 2)]
    other = spec(max_retries=1, timeout=5.0)
    link = desk.open(credit=9, slots=9)
    desk.turn(
        Submitted([e for n, of in enumerate([*kinds * 2, other]) for e in entries(n + 1, of=of)])
    )
    (tasks,) = desk.sent(Tasks, link)
    assert [(run.seqs, "timeout" in run.options) for run in tasks.runs] == [
        ([1, 2, 3, 4], False),
        ([5], True),
    ]
