"""Priorities and queues between real processes."""

from __future__ import annotations

import pytest
import work_app as w

import zmqwork


def test_the_larger_priority_runs_first(start_worker, producer):
    order = [w.echo.using(priority=p).submit(p) for p in (0, -5, 100, 7)]
    done = []
    for future in order:
        future.add_done_callback(lambda f: done.append(f.result()))
    start_worker("--pool", "inline", "-c", "1")
    assert [future.result(30) for future in order] == [0, -5, 100, 7]
    producer.stop()
    assert done == [100, 7, 0, -5]


@pytest.fixture
def submit(wait_until):
    """Submit tasks of these queues; what comes back lists the queues of those that are done."""

    def submitted(*queues, count):
        done = []
        for queue in queues:
            for number in range(count):
                future = w.echo.using(queue=queue).submit(number)
                future.add_done_callback(lambda _, queue=queue: done.append(queue))

        def wait(so_many):
            wait_until(lambda: len(done) >= so_many, f"{so_many} done")
            return done

        return wait

    return submitted


@pytest.mark.usefixtures("producer")
def test_shares_of_a_worker(start_worker, submit):
    done = submit("low", "high", count=80)
    start_worker("--pool", "inline", "-c", "1", "-Q", "high=3,low=1")
    assert 50 <= done(160)[:80].count("high") <= 70


@pytest.mark.usefixtures("producer")
def test_strict_and_excluded(start_worker, submit):
    done = submit("low", "special", "high", count=10)
    start_worker("--pool", "inline", "-c", "1", "-Q", "high,low", "--strict", "-n", "strict")
    assert done(20)[:20] == ["high"] * 10 + ["low"] * 10
    start_worker("--pool", "inline", "-c", "1", "-X", "low", "-n", "without")
    assert done(30)[20:] == ["special"] * 10


def test_a_paused_queue_waits(start_worker, producer, submit):
    start_worker("--pool", "inline", "-c", "1")
    assert w.echo.submit("warm").result(30) == "warm"
    w.app.pause("special")
    waiting = w.echo.using(queue="special").submit("x")
    done = submit("default", count=5)
    assert done(5) == ["default"] * 5
    assert not waiting.done()
    assert "queue 'special' is paused" in producer.explain(waiting.seq)
    assert producer.status()["paused"] == ["special"]
    w.app.resume("special")
    assert waiting.result(30) == "x"
    assert producer.status()["paused"] == []


def test_what_a_worker_has_not_begun_comes_back(start_worker, producer, wait_until):
    start_worker("--pool", "thread", "-c", "1")
    w.echo.submit("warm").result(30)
    pending = [w.echo.using(queue="special").submit(number) for number in range(2_000)]
    w.app.pause("special")
    wait_until(lambda: producer.status()["tasks_by_state"]["dispatched"] == 0, "all back or done")
    settled = sum(future.done() for future in pending)
    assert [w.echo.submit(number).result(30) for number in range(20)] == list(range(20))
    assert sum(future.done() for future in pending) == settled
    w.app.resume("special")
    assert [future.result(30) for future in pending] == list(range(2_000))


def test_nothing_is_paused_that_has_stopped(producer):
    with pytest.raises(zmqwork.ConfigError, match="a queue must be"):
        producer.pause("")
    producer.stop()
    with pytest.raises(zmqwork.UsageError, match="stopped"):
        producer.pause("special")
