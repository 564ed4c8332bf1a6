"""What all pools have in common."""

from __future__ import annotations

import execution_tasks as tasks
import pytest
from pool_bench import references

from zmqwork.core.events import Finished
from zmqwork.execution.coroutines import CoroutinePool
from zmqwork.execution.inline import InlinePool
from zmqwork.execution.process import ProcessPool
from zmqwork.execution.thread import ThreadPool

HANDLERS = {name: value for name, value in vars(tasks).items() if callable(value)}
MAKERS = {
    "inline": lambda: InlinePool(HANDLERS),
    "thread": lambda: ThreadPool(1, HANDLERS),
    "asyncio": lambda: CoroutinePool(1, HANDLERS),
    "process": lambda: ProcessPool(1, references()),
}


@pytest.fixture(params=MAKERS)
def pool(request, bench):
    return bench(MAKERS[request.param]())


@pytest.fixture(params=[name for name in MAKERS if name != "inline"])
def patient_pool(request, bench):
    """A pool whose handlers may wait for what the test does meanwhile."""
    return bench(MAKERS[request.param]())


def test_only_children_have_a_process_of_their_own():
    shares = {name: make().shares_process for name, make in MAKERS.items()}
    assert shares == {"inline": True, "thread": True, "asyncio": True, "process": False}


def test_only_inline_handlers_share_the_thread_of_the_loop():
    assert [name for name, make in MAKERS.items() if make().shares_thread] == ["inline"]


def test_results_come_in_order(pool):
    pool.give(0, *[("noop", number) for number in range(1_000)])
    pool.give(0, *[("noop", number) for number in range(1_000, 1_100)])
    assert pool.values(count=1_100) == list(range(1_100))


@pytest.mark.parametrize("name", ["inline", "thread", "process"])
def test_they_come_in_batches(bench, name):
    made = bench(MAKERS[name]())
    made.give(0, *[("noop", number) for number in range(2_000)])
    made.values(count=2_000)
    assert len(made.finished) < 500


def test_failures_keep_their_place(pool):
    pool.give(0, ("noop", 1), ("fail", "x"), ("leave", 2), ("interrupt",), ("noop", 2))
    outcomes = pool.outcomes(count=5)
    assert [good for good, _ in outcomes] == [True, False, False, False, True]
    kinds = [error["type"] for good, error in outcomes if not good]
    assert kinds == ["ValueError", "SystemExit", "KeyboardInterrupt"]


def test_coroutines_and_functions_mix(pool):
    pool.give(0, ("async_add", 1, 2), ("add", 3, 4), ("async_fail",), ("async_add", 5, 6))
    outcomes = pool.outcomes(count=4)
    assert [good for good, _ in outcomes] == [True, True, False, True]
    assert outcomes[2][1]["type"] == "LookupError"


def test_coroutines_of_a_slot_share_an_event_loop(pool):
    pool.give(0, ("async_loop_id",), ("async_loop_id",))
    first, second = pool.values(count=2)
    assert first == second


def test_an_unknown_task_fails_for_good(pool):
    pool.give(0, ("nobody",), ("noop", 1))
    (good, error), (after, _) = pool.outcomes(count=2)
    assert (good, error["final"], after) == (False, True, True)


def test_the_context_is_the_attempts(pool):
    now = pool.host.clock()
    for name in ("context", "async_context"):
        pool.give(
            0,
            pool.held(name, attempt=3, options={"queue": "q"}, deadline_at=now + 1_000),
            pool.held(name),
        )
    task_id, name, attempt, queue, left, cancelled = pool.value()
    assert (task_id, name, attempt, queue) == ("01234567-1", "context", 3, "q")
    assert 900 < left <= 1_000
    assert cancelled is False
    assert pool.value()[4] is None
    assert pool.values(count=2) == ["01234567-3", "01234567-4"]


def test_times_are_told_per_task(pool):
    """A batch has outcomes of one task only, so that nobody takes one's time for the other's."""
    given = pool.give(0, *[("noop", 1), ("noop", 1), ("add", 1, 2), ("add", 1, 2)] * 20)
    pool.outcomes(count=80)
    names = [held.name for held in given]
    for event in pool.finished:
        batch, names = names[: len(event.results)], names[len(event.results) :]
        assert len(set(batch)) == 1
        assert event.seconds >= 0


def test_a_restarted_slot_is_ready_and_has_forgotten_everything(pool):
    pool.call("noop", 1)
    pool.pool.restart(0)
    pool.run_until(lambda: pool.ready == [0, 0])
    assert pool.call("noop", 2) == 2


def test_stop_may_be_called_twice_and_nothing_follows(pool):
    pool.call("noop", 1)
    pool.pool.stop()
    pool.pool.stop()
    before = len(pool.host.events)
    pool.host.run_for(0.02)
    assert len(pool.host.events) == before


def test_what_is_finished_does_not_wait_for_what_takes_long(patient_pool, tmp_path):
    quick = [("noop", number) for number in range(5)]
    patient_pool.give(0, *quick, ("wait_for_file", str(tmp_path / "go")), ("noop", 9))
    assert patient_pool.values(count=5) == [0, 1, 2, 3, 4]
    (tmp_path / "go").touch()
    assert patient_pool.values(count=2) == ["seen", 9]


def test_the_same_after_a_first_long_one(patient_pool, tmp_path):
    first, second = str(tmp_path / "1"), str(tmp_path / "2")
    patient_pool.give(0, ("wait_for_file", first), ("noop", 1), ("noop", 2))
    patient_pool.give(0, ("wait_for_file", second))
    patient_pool.host.run_for(0.1)
    (tmp_path / "1").touch()
    assert patient_pool.values(count=3) == ["seen", 1, 2]
    (tmp_path / "2").touch()
    assert patient_pool.value() == "seen"


def test_a_handler_sees_that_it_is_cancelled(patient_pool, tmp_path):
    started = tmp_path / "started"
    held, _ = patient_pool.give(0, ("until_cancelled", str(started)), ("context",))
    patient_pool.run_until(started.exists)
    held.dropped = True
    patient_pool.pool.cancel(0, held)
    assert patient_pool.value() == "stopped"
    assert patient_pool.value()[5] is False


def test_a_coroutine_is_cancelled_and_cleans_up(patient_pool, tmp_path):
    started = tmp_path / "started"
    held, _ = patient_pool.give(0, ("async_forever", str(started)), ("async_add", 1, 2))
    patient_pool.run_until(started.exists)
    held.dropped = True
    patient_pool.pool.cancel(0, held)
    assert "Cancelled" in patient_pool.error()["type"]
    assert (tmp_path / "started.cleaned").exists()
    assert patient_pool.value() == 3


def test_a_function_for_which_there_is_no_thread_fails_and_its_slot_goes_on(bench, monkeypatch):
    pool = bench(MAKERS["asyncio"]())
    assert pool.call("noop", 1) == 1

    def start(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr("threading.Thread.start", start)
        pool.give(0, ("noop", 2))
        assert pool.error()["text"] == "can't start new thread"
    assert pool.call("noop", 3) == 3


def test_a_coroutine_that_cancels_itself_does_not_end_its_slot(bench):
    pool = bench(MAKERS["asyncio"]())
    for name in ("async_cancel_itself", "async_cancel_itself_later"):
        assert pool.call(name) == "returned"
        assert pool.call("async_add", 1, 2) == 3
    pool.give(0, ("async_cancel_itself_and_wait",), ("async_cancel_itself",), ("async_add", 2, 2))
    assert pool.error()["type"] == "asyncio.exceptions.CancelledError"
    assert pool.values(count=2) == ["returned", 4]


def test_cancelling_what_is_over_does_nothing(pool):
    [held] = pool.give(0, ("noop", 1))
    pool.value()
    held.dropped = True
    pool.pool.cancel(0, held)
    assert pool.call("async_add", 1, 2) == 3


def test_a_restart_ends_a_coroutine(patient_pool, tmp_path):
    started = tmp_path / "started"
    patient_pool.give(0, ("async_forever", str(started)))
    patient_pool.run_until(started.exists)
    patient_pool.pool.restart(0)
    patient_pool.run_until(lambda: patient_pool.ready == [0, 0])
    assert patient_pool.call("noop", 2) == 2
    assert patient_pool.finished[-1].results == [(True, b"\x02")]


def test_slots_run_side_by_side(bench, tmp_path):
    for make in (
        lambda: ThreadPool(2, HANDLERS),
        lambda: CoroutinePool(2, HANDLERS),
        lambda: ProcessPool(2, references()),
    ):
        made = bench(make())
        go = tmp_path / type(made.pool).__name__
        made.give(0, ("wait_for_file", str(go)))
        assert made.call("noop", 1, slot=1) == 1
        go.touch()
        assert made.value(0) == "seen"


def test_an_inline_turn_is_bounded(bench):
    made = bench(InlinePool({"spin": spin}))
    made.give(0, *[("spin",)] * 50)
    assert made.pool.turn()
    made.run_until(lambda: made.finished)
    assert len(made.finished[0].results) < 50
    made.values(count=50)


def spin():
    total = 0
    for number in range(20_000):
        total += number
    return total


def test_a_thread_that_was_left_behind_is_not_heard(bench, tmp_path):
    made = bench(ThreadPool(1, HANDLERS))
    go = tmp_path / "go"
    made.give(0, ("wait_for_file", str(go)), ("noop", 1))
    thread = made.pool._lanes[0]._thread
    made.pool.restart(0)
    go.touch()
    thread.join(20)
    assert not thread.is_alive()
    assert made.call("noop", 2) == 2
    assert [e for e in made.host.events if isinstance(e, Finished)] == made.finished
    assert len(made.finished) == 1


def test_functions_do_not_block_the_coroutines(bench, tmp_path):
    made = bench(CoroutinePool(2, HANDLERS))
    go = tmp_path / "go"
    made.give(0, ("wait_for_file", str(go)))
    assert made.call("async_add", 1, 2, slot=1) == 3
    go.touch()
    assert made.value(0) == "seen"
