"""Attempts that run too long, over real processes."""

import pytest
import work_app as w

from zmqwork import TaskTimeout

PATIENCE = 30.0


@pytest.mark.parametrize("pool", ["process", "thread", "asyncio"])
def test_it_is_ended_and_tried_again(pool, start_worker, producer, tmp_path):
    start_worker("--pool", pool, "-c", "1")
    notes = tmp_path / "notes"
    future = w.sleep_once.using(timeout=0.2).submit(str(notes), 20)
    pid = future.result(PATIENCE)
    first, second = map(int, notes.read_text().split())
    assert (second, future.attempts) == (pid, 2)
    assert (first != second) == (pool == "process"), "a child that runs on is killed"


@pytest.mark.parametrize("pool", ["process", "thread", "asyncio"])
def test_the_last_time(pool, start_worker, producer, tmp_path):
    start_worker("--pool", pool, "-c", "1")
    task = w.sleep_once.using(timeout=0.1, max_retries=0)
    with pytest.raises(TaskTimeout, match=r"it ran longer than its timeout of 0\.1 s"):
        task.submit(str(tmp_path / "notes"), 20).result(PATIENCE)
    soft = w.sleep_once.using(soft_timeout=0.1, no_retry_for=TimeoutError)
    with pytest.raises(TaskTimeout, match="the handler ran longer than its soft_timeout"):
        soft.submit(str(tmp_path / "others"), 20).result(PATIENCE)
    assert w.sleep_once.submit(str(tmp_path / "notes"), 20).result(PATIENCE)


def test_a_time_out_goes_with_each_item_of_a_map(start_worker, producer, tmp_path):
    start_worker("-c", "1")
    calls = [(str(tmp_path / name), 20 * (name == "b")) for name in "abc"]
    task = w.sleep_once.using(timeout=0.2)
    pids = list(task.starmap(calls, chunk=3))
    assert len(pids) == 3
    assert [len((tmp_path / name).read_text().split()) for name in "abc"] == [2, 2, 1]
