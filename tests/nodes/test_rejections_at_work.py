"""Handlers that say that their worker cannot run their task."""

import pytest
import work_app as w

from zmqwork import TaskLost

PATIENCE = 30.0


@pytest.fixture
def kind(tmp_path):
    path = tmp_path / "gpu"
    path.write_text("gpu")
    return str(path)


@pytest.fixture
def start(start_worker, monkeypatch):
    def start(kind, *words):
        monkeypatch.setenv("WORK_KIND", kind)
        return start_worker("-c", "1", *words)

    return start


@pytest.mark.parametrize("pool", ["process", "thread", "asyncio", "inline"])
def test_tasks_find_the_worker_that_can_run_them(pool, start, producer, kind):
    start("cpu", "--pool", pool, "--unfit-after", "0")
    start("cpu", "--pool", pool, "--unfit-after", "0")
    futures = [w.only_with.submit(kind, number) for number in range(10)]
    start("gpu", "--pool", pool)
    assert [future.result(PATIENCE) for future in futures] == list(range(10))
    counters = producer.status()["counters"]
    assert counters["rejected"] <= 20, "each worker rejects each of them once, at most"
    assert counters["crashes"] == counters["retried"] == 0


def test_items_of_a_map_find_it_too(start, producer, kind):
    start("cpu", "--unfit-after", "0")
    start("gpu")
    pairs = [(kind, number) for number in range(100)]
    assert list(w.only_with.starmap(pairs)) == list(range(100))


def test_what_nobody_can_run_waits_and_says_so(start, producer, kind, wait_until):
    start("cpu")
    future = w.only_with.submit(kind, 1)
    wait_until(lambda: producer.status()["counters"]["rejected"], "it is rejected")
    wait_until(
        lambda: "has rejected it" in producer.status()["lanes"][0]["why"], "the status says why"
    )
    wait_until(lambda: any(n.kind == "rejected" for n in producer.notices), "it is told unasked")
    assert not future.done()
    start("gpu")
    assert future.result(PATIENCE) == 1


def test_a_handler_takes_its_worker_out_of_commission(start, producer, kind):
    sick = start("cpu")
    future = w.only_with.submit(kind, 1, unfit=True)
    assert sick.wait() == 75, sick.text()
    assert "this is no gpu" in sick.text()
    start("gpu")
    assert future.result(PATIENCE) == 1


def test_many_rejections_in_a_row_do_so_too(start, producer, kind):
    sick = start("cpu", "--unfit-after", "3")
    futures = [w.only_with.submit(kind, number) for number in range(6)]
    assert sick.wait() == 75, sick.text()
    assert producer.status()["counters"]["rejected"] >= 3, "and what its slot had by then"
    start("gpu")
    assert [future.result(PATIENCE) for future in futures] == list(range(6))


def test_a_task_that_waits_for_one_that_its_worker_rejects(start, producer, kind):
    start("cpu")
    waiting = w.wait_for_rejected.submit(kind, 7)
    start("gpu")
    assert waiting.result(PATIENCE) == 7


def test_a_part_of_a_broadcast_is_dead_with_the_reason(start, producer, kind):
    start("cpu")
    (future,) = w.only_with.broadcast(kind, 1).values()
    error = future.exception(PATIENCE)
    assert isinstance(error, TaskLost)
    assert "this is no gpu" in str(error)
