"""Priorities and queues between real processes."""

from __future__ import annotations

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
