"""How long a worker stays, and its children."""

from collections import Counter

import pytest
import work_app as w

from zmqwork import ConfigError

PATIENCE = 30.0


def test_children_are_replaced_and_no_task_is_lost_or_run_twice(start_worker, producer, tmp_path):
    start_worker("-c", "2", "--max-tasks-per-child", "15")
    path = tmp_path / "notes"
    futures = [w.note.submit(str(path), number) for number in range(100)]
    assert [future.result(PATIENCE) for future in futures] == list(range(100))
    lines = [line.split() for line in path.read_text().splitlines()]
    assert Counter(number for number, _, _ in lines) == {str(number): 1 for number in range(100)}
    assert max(Counter(pid for *_, pid in lines).values()) == 15
    assert producer.status()["counters"]["crashes"] == 0


@pytest.mark.parametrize("pool", ["thread", "asyncio", "inline"])
def test_only_children_are_replaced(pool):
    with pytest.raises(ConfigError, match="pool='process'"):
        w.app.worker(1, pool, max_tasks_per_child=5)


@pytest.mark.parametrize("value", [-1, 1.5, "5", True])
def test_values_that_are_none(value):
    with pytest.raises(ConfigError, match="max_tasks_per_child"):
        w.app.worker(1, max_tasks_per_child=value)
    with pytest.raises(ConfigError, match="did you mean 'max_tasks_per_child'"):
        w.app.worker(1, max_task_per_child=5)


def test_a_burst_does_what_there_is_and_leaves(start_worker, producer):
    futures = [w.echo.submit(number) for number in range(50)]
    worker = start_worker("-c", "2", "--burst")
    assert worker.wait() == 0, worker.text()
    assert [future.result(0) for future in futures] == list(range(50))


def test_an_idle_worker_leaves(start_worker, producer):
    worker = start_worker("-c", "1", "--idle-exit", "0.3")
    assert worker.wait() == 0, worker.text()


def test_a_worker_whose_children_die_takes_itself_out_of_commission(start_worker, producer):
    worker = start_worker("-c", "1", "--unfit-after", "2")
    doomed = [w.exit_hard.submit(3), w.exit_hard.submit(4)]
    spared = w.echo.submit(1)
    assert worker.wait() == 75, worker.text()
    assert "2 worker faults in a row" in worker.text()
    start_worker("-c", "1")
    assert spared.result(PATIENCE) == 1
    for future in doomed:
        assert "exited with" in str(future.exception(PATIENCE))


def test_an_embedded_worker_says_why_it_left(producer, realm):
    worker = w.app.worker(1, "thread", realm=realm, burst=True).start()
    assert w.echo.submit(1).result(PATIENCE) == 1
    assert worker.wait(PATIENCE)
    assert (worker.cause, worker.exit_code) == ("burst", 0)
