"""Children that are replaced after so many tasks, or with so much memory."""

from __future__ import annotations

from collections import Counter

from zmqwork.core.events import SlotDied, SlotReady

MIB = 1024 * 1024


def test_a_child_runs_so_many_tasks_and_no_more(limited):
    bench = limited(tasks=3)
    given = bench.give(0, *[("pid",)] * 3, *[("noop", number) for number in range(4)])
    pids = bench.values(count=3)
    assert len(set(pids)) == 1
    assert bench.death() == SlotDied(0, 0), "nobody is to blame"
    assert bench.results[0] == [], "what it had not begun is the machine's again"
    bench.give(0, *given[3:])
    bench.run_until(lambda: len(bench.results[0]) == 3)
    assert bench.death() == SlotDied(0, 0)
    bench.give(0, given[6], ("pid",))
    assert bench.values(count=5)[:4] == [0, 1, 2, 3]


def test_each_task_runs_once_however_they_are_given(limited, tmp_path):
    """As the machine does it: what was given, and not begun when a child ends, is given again."""
    bench = limited(slots=2, tasks=7)
    path = tmp_path / "notes"
    waiting = [bench.held("append", str(path), number) for number in range(100)]
    given = {0: [], 1: []}
    free = {0: True, 1: True}
    seen = len(bench.host.events)
    ended = 0
    while ended < 100:
        for slot, its in given.items():
            if free[slot] and len(its) < 5:
                chunk, waiting = waiting[:10], waiting[10:]
                its.extend(chunk)
                if chunk:
                    bench.give(slot, *chunk)
        bench.host.turn(1.0)
        for event in bench.host.events[seen:]:
            if isinstance(event, SlotDied):
                assert event.begun == 0
                free[event.slot] = False
                waiting = given[event.slot] + waiting
                given[event.slot] = []
            elif isinstance(event, SlotReady):
                free[event.slot] = True
            else:
                del given[event.slot][: len(event.results)]
                ended += len(event.results)
        seen = len(bench.host.events)
    runs = Counter(path.read_text().split())
    assert runs == {str(number): 1 for number in range(100)}


def test_a_child_that_has_grown_is_replaced_after_the_task_that_did_it(limited):
    bench = limited(size_bytes=250 * MIB)
    first = bench.call("pid")
    assert bench.call("keep", 100 * MIB) == first
    assert bench.call("keep", 300 * MIB) == first, "its result is there"
    assert bench.death() == SlotDied(0, 0)
    assert bench.call("pid") != first


def test_what_is_given_back_does_not_stay(limited):
    bench = limited(size_bytes=250 * MIB)
    first = bench.call("pid")
    assert bench.call("size", bytes(30 * MIB)) == 30 * MIB
    assert bench.call("pid") == first


def test_a_child_that_does_not_end_is_ended(limited):
    bench = limited(tasks=1)
    first = bench.call("keep_thread")
    assert bench.death() == SlotDied(0, 0)
    assert bench.call("pid") != first


def test_a_coroutine_can_be_the_last_task(limited):
    bench = limited(tasks=2)
    assert bench.call("pid") > 0
    assert bench.call("async_add", 2, 3) == 5
    assert bench.death() == SlotDied(0, 0)
    assert bench.call("async_add", 2, 4) == 6
