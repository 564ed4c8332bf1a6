"""Priorities and queues between real processes."""

from __future__ import annotations

import pytest
import work_app as w


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
