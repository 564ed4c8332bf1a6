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
