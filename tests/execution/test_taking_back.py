"""What a slot has not begun can be taken back, in every pool: each attempt ends up in one place."""

from __future__ import annotations

import execution_tasks as tasks
import pytest
from pool_bench import references

from zmqwork.core.events import TakenBack
from zmqwork.execution.coroutines import CoroutinePool
from zmqwork.execution.inline import InlinePool
from zmqwork.execution.process import ProcessPool
from zmqwork.execution.thread import ThreadPool

HANDLERS = {name: value for name, value in vars(tasks).items() if callable(value)}
MAKERS = {
    "thread": lambda: ThreadPool(1, HANDLERS),
    "asyncio": lambda: CoroutinePool(1, HANDLERS),
    "process": lambda: ProcessPool(1, references()),
}


@pytest.fixture(params=MAKERS)
def pool(request, bench):
    return bench(MAKERS[request.param]())


def taken_back(pool):
    """Take back, and wait for what that gives."""
    before = len(pool.host.events)
    pool.pool.take_back(0)

    def found():
        return [event for event in pool.host.events[before:] if isinstance(event, TakenBack)]

    pool.run_until(found)
    (event,) = found()
    return list(event.attempts)


def test_what_waits_behind_a_long_attempt(pool, tmp_path):
    started, ending = tmp_path / "started", tmp_path / "ending"
    _, _, *waiting = pool.give(
        0, ("noop", 0), ("hold", str(started), str(ending)), *[("noop", n) for n in range(1, 6)]
    )
    pool.run_until(started.exists)
    assert taken_back(pool) == waiting
    assert taken_back(pool) == [], "once"
    pool.give(0, ("noop", 7))
    ending.touch()
    assert pool.values(count=3) == [0, None, 7]


def test_an_idle_slot_has_nothing(pool):
    assert pool.call("noop", 1) == 1
    assert taken_back(pool) == []
    assert pool.call("noop", 2) == 2


def test_each_attempt_ends_or_is_taken_back_whenever_that_happens(pool):
    """Quick attempts race with it, again and again, over more of them than a page has flags."""
    number = 0
    for _ in range(60):
        given = pool.give(0, *[("noop", number + n) for n in range(200)])
        pool.host.turn(0)
        back = taken_back(pool)
        done = pool.values(count=len(given) - len(back))
        assert done == list(range(number, number + len(done)))
        assert back == given[len(done) :]
        number += 200


def test_an_inline_slot_gives_back_what_its_turn_did_not_reach(bench):
    pool = bench(InlinePool(HANDLERS))
    given = pool.give(0, ("noop", 1), ("noop", 2))
    assert taken_back(pool) == given
    assert pool.call("noop", 3) == 3


def test_a_child_that_dies_in_the_long_attempt_is_blamed_for_that_alone(bench, tmp_path):
    pool = bench(MAKERS["process"]())
    started, ending = tmp_path / "started", tmp_path / "ending"
    _, *waiting = pool.give(0, ("hold_and_crash", str(started), str(ending)), ("noop", 1))
    pool.run_until(started.exists)
    assert taken_back(pool) == waiting
    ending.touch()
    assert pool.death().begun == 1
    assert pool.call("noop", 2) == 2
