"""Which failures are tried again, over real processes, in each pool."""

import pytest
import work_app as w

from zmqwork import TaskFailed

PATIENCE = 30.0
POOLS = ("process", "thread", "asyncio", "inline")


def failed(future):
    with pytest.raises(TaskFailed) as caught:
        future.result(PATIENCE)
    return caught.value.type_name, caught.value.attempts


@pytest.mark.parametrize("pool", POOLS)
def test_in_each_pool(pool, start_worker, producer):
    start_worker("--pool", pool, "-c", "1")
    unlucky = w.count_attempts.submit()
    hopeless = w.count_attempts.submit("never")
    unfit = w.count_attempts.using(no_retry_for=OSError).submit()
    missing = w.look_up.submit({}, "x")
    odd = w.look_up.using(retry_for=()).submit({}, "x")
    wrong = w.look_up.submit(None, "x")
    early = w.look_up.using(max_retries=0).submit([], 0)
    assert failed(unlucky) == ("OSError", 3)
    assert failed(hopeless) == ("OSError", 1)
    assert failed(unfit) == ("OSError", 1)
    assert failed(missing) == ("KeyError", 2)
    assert failed(odd) == ("KeyError", 1)
    assert failed(wrong) == ("TypeError", 2)
    assert early.result(PATIENCE) == 4


def test_in_a_map(start_worker, producer):
    start_worker("-c", "1")
    calls = [([1], 0), ([], 0), ({}, "x"), ([2], 0)]
    results = list(w.look_up.starmap(calls, return_exceptions=True))
    assert results[:2] == [1, 4]
    assert (results[2].type_name, results[2].attempts, results[3]) == ("KeyError", 2, 2)


def test_where_a_task_waits_for_another(start_worker, producer):
    start_worker("-c", "1")
    assert w.wait_for_look_up.submit([], 0).result(PATIENCE) == 4
    assert w.wait_for_look_up.submit([7], 0).result(PATIENCE) == 7


def test_a_task_that_is_not_due_is_passed_by_others(start_worker, producer):
    start_worker("-c", "1")
    never = w.look_up.using(countdown=3_600).submit([1], 0)
    soon = w.look_up.using(countdown=0.01).submit([2], 0)
    assert w.look_up.submit([3], 0).result(PATIENCE) == 3
    assert soon.result(PATIENCE) == 2
    assert never.cancel()
