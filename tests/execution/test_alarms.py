"""`SoftTimeout` in handlers that run."""

from __future__ import annotations

import threading

import execution_tasks as tasks
import pytest
from pool_bench import references

from zmqwork.errors import SoftTimeout
from zmqwork.execution.alarm import Alarm
from zmqwork.execution.coroutines import CoroutinePool
from zmqwork.execution.process import ProcessPool
from zmqwork.execution.thread import ThreadPool

HANDLERS = {name: value for name, value in vars(tasks).items() if callable(value)}
MAKERS = {
    "thread": lambda: ThreadPool(1, HANDLERS),
    "asyncio": lambda: CoroutinePool(1, HANDLERS),
    "process": lambda: ProcessPool(1, references()),
}
LIMITED = {"soft_timeout": 0.5}


@pytest.fixture(params=MAKERS)
def pool(request, bench):
    return bench(MAKERS[request.param]())


def alarmed(pool, name, tmp_path):
    """Give a call that never ends, wait for its beginning, and ring."""
    started = tmp_path / "started"
    [held] = pool.give(0, pool.held(name, str(started), options=LIMITED))
    pool.run_until(started.exists)
    pool.pool.alarm(0, held)
    return held


def test_a_handler_may_clean_up_and_return(pool, tmp_path):
    alarmed(pool, "until_alarmed", tmp_path)
    assert pool.value() == "cleaned up: the handler ran longer than its soft_timeout"
    assert pool.call("noop", 1) == 1


@pytest.mark.parametrize("name", ["forever", "async_forever"])
def test_one_that_lets_it_pass_has_failed_by_it(pool, name, tmp_path):
    alarmed(pool, name, tmp_path)
    error = pool.error()
    assert (error["type"], error["timeout"]) == ("zmqwork.errors.SoftTimeout", 0.5)
    assert pool.call("async_add", 1, 2) == 3
    assert pool.call("noop", 1) == 1


def test_a_coroutine_cleans_up_too(pool, tmp_path):
    alarmed(pool, "async_forever", tmp_path)
    pool.error()
    assert (tmp_path / "started.cleaned").exists()


def test_a_coroutine_that_is_cancelled_has_not_run_too_long(pool, tmp_path):
    started = tmp_path / "started"
    [held] = pool.give(0, pool.held("async_forever", str(started), options=LIMITED))
    pool.run_until(started.exists)
    held.dropped = True
    pool.pool.cancel(0, held)
    assert "Cancelled" in pool.error()["type"]


def test_what_is_over_is_left_alone(pool):
    [over] = pool.give(0, pool.held("noop", 1, options=LIMITED))
    assert pool.value() == 1
    pool.pool.alarm(0, over)
    assert [pool.call("noop", number) for number in range(20)] == list(range(20))


def test_what_comes_next_is_left_alone(pool, tmp_path):
    """The alarm is for an attempt, not for whatever its slot runs when it arrives."""
    for number in range(50):
        held, _ = pool.give(
            0, pool.held("noop", number, options=LIMITED), pool.held("noop", -number)
        )
        pool.pool.alarm(0, held)
        pool.run_until(lambda: len(pool.results[0]) == 2)
        (good, told), after = pool.outcomes(count=2)
        assert good or told["type"] == "zmqwork.errors.SoftTimeout"
        assert after[0], after


def test_rung_at_any_instant_it_hits_its_call_or_nothing():
    """Two threads and no pool: as many instants as there is time for."""
    alarm, calls, rung, stop = Alarm(), 3_000, [0], threading.Event()

    def ring():
        while not stop.is_set():
            alarm.ring(rung[0])

    thread = threading.Thread(target=ring)
    thread.start()
    hits = ends = 0
    try:
        for number in range(calls):
            rung[0] = number
            try:
                ends += alarm.run(lambda: sum(range(200)) > 0, number)
            except SoftTimeout:
                hits += 1
            between = [number] * 10
            assert sum(between) == 10 * number
    finally:
        stop.set()
        thread.join()
    assert hits + ends == calls
