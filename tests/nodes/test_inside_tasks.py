"""What a task may do with other tasks, and how it hears that nobody waits for it."""

from pathlib import Path

import pytest
import work_app as w

import zmqwork

POOLS = ["process", "thread", "asyncio", "inline"]


@pytest.mark.parametrize("pool", POOLS)
def test_a_task_submits_others_where_its_worker_is(
    pool, start_worker, producer, tmp_path, wait_until
):
    # The realm is the test's, not the app's: a task that asked the app would find nobody.
    start_worker("--pool", pool, "-c", "1")
    path = tmp_path / "notes"
    assert w.submit_more.submit(str(path), list(range(20))).result(30) == 20
    wait_until(lambda: path.exists() and len(path.read_text().splitlines()) == 20, "all have run")
    assert sorted(int(line.split()[0]) for line in path.read_text().splitlines()) == list(range(20))


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("name", ["wait_for_another", "map_others", "await_another"])
def test_waiting_inside_a_task_is_refused(pool, name, start_worker, producer):
    start_worker("--pool", pool, "-c", "1")
    argument = [1] if name == "map_others" else 1
    with pytest.raises(zmqwork.TaskFailed, match="UsageError") as caught:
        getattr(w, name).submit(argument).result(30)
    assert "holds a slot that the other may need" in str(caught.value)
    assert w.echo.submit("alive").result(30) == "alive"


# Nothing can be told to a handler that runs on the worker's own thread.
@pytest.mark.parametrize("pool", ["process", "thread", "asyncio"])
@pytest.mark.parametrize("name", ["until_cancelled", "until_cancelled_async"])
def test_a_handler_sees_that_nobody_waits_any_more(
    pool, name, realm, start_worker, fifo, tmp_path, wait_until
):
    start_worker("--pool", pool, "-c", "1")
    path = tmp_path / "seen"
    with w.app.producer(realm=realm) as producer:
        getattr(w, name).submit(fifo.path, str(path))
        assert fifo.read() == "begun"
        producer.stop()
    wait_until(lambda: path.exists() and path.read_text() == "saw it\n", "it was seen")
    with w.app.producer(realm=realm):
        assert w.echo.submit("alive").result(30) == "alive"


def test_tasks_of_a_task_die_with_its_process(start_worker, producer, tmp_path, wait_until):
    start_worker("-c", "1")
    path = Path(tmp_path / "notes")
    # Nobody serves this queue: they wait in the child, which is killed next.
    assert w.submit_and_die.submit(str(path)).exception(30) is not None
    assert w.echo.submit("alive").result(30) == "alive"
    assert not path.exists()
