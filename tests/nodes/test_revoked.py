"""`TaskFuture.revoke` of a task that runs, in each pool."""

import pytest
import work_app as w

from zmqwork import TaskCancelled

PATIENCE = 30.0
POOLS = ("process", "thread", "asyncio")


def begin(future, fifo, wait_until):
    assert fifo.read() == "begun"
    wait_until(future.running, "the producer knows")
    assert not future.cancel(), "what runs is not cancelled"


def is_cancelled(future):
    assert (future.cancelled(), future.done()) == (True, True)
    with pytest.raises(TaskCancelled):
        future.result(0)


@pytest.mark.parametrize("task", [w.until_cancelled, w.until_cancelled_async])
@pytest.mark.parametrize("pool", POOLS)
def test_its_handler_may_clean_up(pool, task, start_worker, producer, fifo, tmp_path, wait_until):
    start_worker("--pool", pool, "-c", "1")
    seen = tmp_path / "seen"
    future = task.submit(fifo.path, str(seen))
    begin(future, fifo, wait_until)
    assert future.revoke()
    is_cancelled(future)
    wait_until(seen.exists, "the handler has noticed")
    assert w.echo.submit(1).result(PATIENCE) == 1


@pytest.mark.parametrize("pool", POOLS)
def test_at_once(pool, start_worker, producer, fifo, tmp_path, wait_until):
    start_worker("--pool", pool, "-c", "1")
    future = w.begin_and_wait.submit(fifo.path)
    begin(future, fifo, wait_until)
    assert future.revoke(hard=True)
    is_cancelled(future)
    assert w.echo.submit(1).result(PATIENCE) == 1, "its slot is free"


def test_what_waits_and_what_is_over(start_worker, producer):
    waiting = w.echo.submit(1)
    assert waiting.revoke()
    start_worker("-c", "1")
    over = w.echo.submit(2)
    assert over.result(PATIENCE) == 2
    assert not over.revoke(hard=True)
    assert over.result() == 2
