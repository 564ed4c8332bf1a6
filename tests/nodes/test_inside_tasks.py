"""What a task may do with other tasks, and how it hears that nobody waits for it."""

import re
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
    assert re.search("holds a slot that the .* may need", str(caught.value))
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


# --- tasks that may wait

WAITING_POOLS = ["process", "thread", "asyncio"]


@pytest.mark.parametrize("pool", WAITING_POOLS)
def test_tasks_may_wait_for_tasks_with_one_slot_for_all(pool, start_worker, producer):
    start_worker("--pool", pool, "-c", "1")
    assert w.fib.submit(9).result(60) == 34
    assert w.sum_of.submit(list(range(200))).result(60) == 19_900
    assert w.sum_of.submit(list(range(50)), chunk=1).result(60) == 1_225
    assert list(w.fib.map([1, 2, 3, 4, 5, 6])) == [1, 1, 2, 3, 5, 8]
    same, own, inside, before = w.context_of_others.submit().result(60)
    assert (same, own, inside[1:]) == (True, True, ["default", False])
    assert inside[0] in (1, 2), "the second, if it was taken back from a worker"
    assert before.startswith(producer.node_id[:8])


def test_many_that_wait_at_once_with_few_slots(start_worker, producer):
    for _ in range(2):
        start_worker("-c", "2")
    assert [f.result(60) for f in [w.fib.submit(6) for _ in range(30)]] == [8] * 30


@pytest.mark.parametrize("pool", WAITING_POOLS)
def test_failures_and_retries_of_what_runs_in_place(pool, start_worker, producer, tmp_path):
    start_worker("--pool", pool, "-c", "1")
    failures, attempts = w.wait_for_failures.submit(str(tmp_path / "tries")).result(60)
    assert failures == [["ValueError", 1], ["zmqwork.errors.EncodeError", 1]]
    assert attempts == 3
    assert (tmp_path / "tries").read_text() == "xxx"


def test_another_workers_queue_is_not_served_in_place(start_worker, producer):
    start_worker("-c", "1", "-Q", "default")
    assert w.wait_for_special.submit().result(30) == "NoWorker"
    start_worker("-c", "1", "-Q", "special")
    # (Each waits for a second; on a busy machine the new worker is found later than that, or needs
    # longer to run it.)
    answers = (w.wait_for_special.submit().result(30) for _ in range(20))
    assert next(it for it in answers if it not in ("NoWorker", "TimeoutError")) == 1


def test_what_another_worker_has_begun_is_waited_for(start_worker, producer, fifo):
    start_worker("-c", "1")
    future = w.wait_for_one_elsewhere.submit(fifo.path)
    start_worker("-c", "1")
    ran_in = int(fifo.read())
    said, waited_in = future.result(30)
    assert said == "waited"
    assert ran_in != waited_in, "it was not run again in place"


@pytest.mark.parametrize("way", ["wait", "as_completed", "completed"])
def test_ways_of_waiting_that_cannot_lend_the_slot(way, start_worker, producer):
    start_worker("-c", "1")
    with pytest.raises(zmqwork.TaskFailed, match=r"UsageError.*wait with result\(\)"):
        w.wait_with.submit(way).result(30)


def test_the_inline_pool_cannot_wait(start_worker, producer):
    start_worker("--pool", "inline", "-c", "1")
    with pytest.raises(zmqwork.TaskFailed, match="holds a slot"):
        w.fib.submit(3).result(30)


def test_coroutines_cannot_be_declared_to_wait():
    async def waits():
        pass

    with pytest.raises(zmqwork.UsageError, match="allow_wait is for plain functions"):
        zmqwork.App("x").task(allow_wait=True)(waits)


@pytest.mark.parametrize(
    ("outer", "inner", "most"), [(60.0, None, 60.0), (60.0, 5.0, 5.0), (5.0, 60.0, 5.0)]
)
def test_deadlines_are_inherited(producer, start_worker, outer, inner, most):
    start_worker("-c", "2")
    left = w.ask_deadline.using(expires=outer).submit(expires=inner).result(30)
    assert most - 5 < left <= most
    assert producer.drain(30)


def test_without_a_deadline_none_is_inherited(producer, start_worker):
    start_worker("-c", "2")
    assert w.ask_deadline.submit().result(30) is None
    assert producer.drain(30)
