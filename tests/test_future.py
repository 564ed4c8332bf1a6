import asyncio
import concurrent.futures
import contextlib
import copy
import gc
import logging
import os
import pickle
import sys
import threading
import tracemalloc

import pytest
from producer_standin import producing

from zmqwork import App
from zmqwork.core.ledger import Entry, TaskSpec
from zmqwork.errors import (
    DecodeError,
    NoWorker,
    TaskCancelled,
    TaskExpired,
    TaskFailed,
    TaskLost,
    UsageError,
)
from zmqwork.future import TaskFuture, mark_running, settle
from zmqwork.nodes.callbacks import Callbacks
from zmqwork.options import TaskOptions
from zmqwork.wire.values import encode_value

SPEC = TaskSpec("noop", "", TaskOptions())
WAIT = 20.0


class Origin:
    """What a future needs of its producer."""

    def __init__(self):
        self.node_id = "0123456789abcdef" * 2
        self.callbacks = Callbacks()
        self.cancels = []
        self.grant = None

    def cancel(self, seq):
        self.cancels.append(seq)
        return self.grant(seq) if self.grant else False

    def refuse_if_inherited(self):
        pass

    def refuse_waiting(self):
        pass

    def overdue(self, future, timeout):
        return NoWorker(future.id, "nobody there")


@pytest.fixture
def origin():
    made = Origin()
    yield made
    made.callbacks.close()


@pytest.fixture
def make(origin):
    """Make a future and the entry that it owns."""

    def make_one(seq=1):
        future = TaskFuture(origin)
        future.seq = seq
        return future, Entry(seq, SPEC, b"", future)

    return make_one


def succeed(entry, value=None, attempt=1):
    entry.state, entry.value, entry.attempt = "succeeded", encode_value(value), attempt
    return entry


def end(entry, state, attempt=1, **error):
    entry.state, entry.error, entry.attempt = state, error or None, attempt
    return entry


def in_thread(function, *args):
    thread = threading.Thread(target=function, args=args)
    thread.start()
    return thread


def watched(future):
    """Attach a watch: what `wait` and the others do."""
    assert future._condition is future._condition
    return future


@pytest.fixture(params=["unwatched", "watched"])
def pair(request, make):
    future, entry = make(7)
    return (watched(future) if request.param == "watched" else future), entry


# --- outcomes


def test_a_result_is_decoded_once_and_is_the_same_object(pair):
    future, entry = pair
    settle([succeed(entry, [1, {"a": 2}], attempt=2)])
    assert future.result() == [1, {"a": 2}]
    assert future.result() is future.result()
    assert future.exception() is None
    assert (future.done(), future.running(), future.cancelled()) == (True, False, False)
    assert future.attempts == 2


def test_the_id_names_producer_and_number(make):
    future, _ = make(41)
    assert future.id == "01234567-41"
    assert repr(future) == "<TaskFuture 01234567-41 pending>"


def test_a_failure_carries_what_the_worker_said(pair):
    future, entry = pair
    settle([end(entry, "failed", 4, type="KeyError", text="'x'", traceback="Tr\n  b", attempts=4)])
    with pytest.raises(TaskFailed) as caught:
        future.result()
    error = caught.value
    assert (error.task_id, error.type_name, error.text) == (future.id, "KeyError", "'x'")
    assert (error.traceback, error.attempts, future.attempts) == ("Tr\n  b", 4, 4)
    assert future.exception() is future.exception()
    assert future.exception() is error


def test_a_dead_task_says_what_killed_its_workers(pair):
    future, entry = pair
    evidence = [{"worker": f"w{i}", "signal": "SIGSEGV"} for i in range(5)]
    settle([end(entry, "dead", evidence=evidence)])
    with pytest.raises(TaskLost, match="every worker that began it died") as caught:
        future.result()
    assert "worker w4, signal SIGSEGV" in str(caught.value)
    assert "and 2 more" in str(caught.value)


def test_an_expired_task(pair):
    future, entry = pair
    settle([end(entry, "expired")])
    with pytest.raises(TaskExpired, match="before a worker began it"):
        future.result()
    assert not future.cancelled()


def test_a_cancelled_task_is_cancelled_as_the_standard_library_means_it(pair):
    future, entry = pair
    settle([end(entry, "cancelled", text="its producer stopped")])
    with pytest.raises(TaskCancelled, match="its producer stopped"):
        future.result()
    with pytest.raises(concurrent.futures.CancelledError):
        future.exception()
    assert future.cancelled()
    assert future.done()


def test_a_result_that_cannot_be_decoded_is_an_error_each_time(pair):
    future, entry = pair
    entry.state, entry.value = "succeeded", b"\xc1"
    settle([entry])
    with pytest.raises(DecodeError):
        future.result()
    assert isinstance(future.exception(), DecodeError)
    assert future.exception() is future.exception()


def test_an_error_record_may_lack_everything(make):
    for state, kind in [("failed", TaskFailed), ("dead", TaskLost), ("expired", TaskExpired)]:
        future, entry = make()
        settle([end(entry, state)])
        assert type(future.exception()) is kind


def test_the_first_outcome_stays(pair):
    future, entry = pair
    settle([succeed(entry, 1)])
    settle([end(entry, "cancelled")])
    settle([succeed(entry, 2)])
    assert future.result() == 1


def test_running_is_told_until_it_is_settled(pair):
    future, entry = pair
    mark_running([entry])
    assert future.running()
    assert not future.done()
    settle([succeed(entry)])
    mark_running([entry])
    assert not future.running()


# --- waiting


def test_result_waits_for_the_other_thread(make):
    future, entry = make()
    seen = []
    thread = in_thread(lambda: seen.append(future.result(WAIT)))
    settle([succeed(entry, "late")])
    thread.join(WAIT)
    assert seen == ["late"]


def test_no_time_to_wait_asks_nobody(make):
    future, entry = make()
    for timeout in (0, -1):
        with pytest.raises(TimeoutError, match="not running yet") as caught:
            future.result(timeout)
        assert type(caught.value) is TimeoutError
    mark_running([entry])
    with pytest.raises(TimeoutError, match="is running"):
        future.exception(0)


def test_overdue_is_explained_by_the_producer(make):
    future, _ = make()
    with pytest.raises(NoWorker, match="nobody there"):
        future.result(0.001)
    with pytest.raises(TimeoutError):
        future.exception(0.001)


def test_any_length_of_time_can_be_waited(make):
    future, entry = make()
    thread = in_thread(settle, [succeed(entry, 1)])
    assert future.result(1e30) == 1
    thread.join()


# --- the standard library


def test_as_completed_yields_each_once(make):
    pairs = [make(seq) for seq in range(2_000)]
    futures = [future for future, _ in pairs]
    done_before = [succeed(entry) for _, entry in pairs[:700]]
    settle(done_before)
    iterator = concurrent.futures.as_completed(futures, timeout=WAIT)
    thread = in_thread(settle, [succeed(entry) for _, entry in pairs[700:]])
    got = list(iterator)
    thread.join()
    assert len(got) == len(set(got)) == 2_000


def test_as_completed_while_they_are_being_settled(make):
    # A future seen as finished, and then notified as finishing, would be yielded twice.
    previous = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for _ in range(60):
            pairs = [make(seq) for seq in range(60)]
            entries = [succeed(entry, entry.seq) for _, entry in pairs]
            gate = threading.Barrier(3)

            def settle_some(some, gate=gate):
                gate.wait()
                for entry in some:
                    settle([entry])

            threads = [in_thread(settle_some, entries[0::2]), in_thread(settle_some, entries[1::2])]
            gate.wait()
            futures = [future for future, _ in pairs]
            got = [f.result() for f in concurrent.futures.as_completed(futures, timeout=WAIT)]
            for thread in threads:
                thread.join()
            assert sorted(got) == list(range(60))
    finally:
        sys.setswitchinterval(previous)


@pytest.mark.parametrize("how", ["FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"])
def test_wait(make, how):
    pairs = [make(seq) for seq in range(3)]
    (ok, ok_entry), (bad, bad_entry), (gone, gone_entry) = pairs
    barrier = threading.Barrier(2)

    def finish():
        barrier.wait()
        settle([succeed(ok_entry)])
        settle([end(bad_entry, "failed", type="E")])
        settle([end(gone_entry, "cancelled")])

    thread = in_thread(finish)
    barrier.wait()
    done, not_done = concurrent.futures.wait([ok, bad, gone], timeout=WAIT, return_when=how)
    thread.join()
    assert done | not_done == {ok, bad, gone}
    if how == "FIRST_EXCEPTION":
        assert bad in done
    if how == "ALL_COMPLETED":
        assert not not_done


def test_wait_for_what_is_done_already(make):
    future, entry = make()
    settle([succeed(entry, 1)])
    done, not_done = concurrent.futures.wait([future], timeout=0)
    assert (done, not_done) == ({future}, set())
    assert future._result == 1
    assert future._exception is None


def test_wait_gives_up_in_time(make):
    future, _ = make()
    done, not_done = concurrent.futures.wait([future], timeout=0.001)
    assert (done, not_done) == (set(), {future})
    assert future._waiters == []


def test_wrap_future(make):
    ok, ok_entry = make(1)
    bad, bad_entry = make(2)
    gone, gone_entry = make(3)

    async def main():
        wrapped = [asyncio.wrap_future(future) for future in (ok, bad, gone)]
        in_thread(
            settle,
            [
                succeed(ok_entry, 5),
                end(bad_entry, "failed", type="E"),
                end(gone_entry, "cancelled"),
            ],
        ).join()
        return await asyncio.wait_for(asyncio.gather(*wrapped, return_exceptions=True), WAIT)

    value, error, cancelled = asyncio.run(main())
    assert value == 5
    assert isinstance(error, TaskFailed)
    assert isinstance(cancelled, asyncio.CancelledError)


def test_cancelling_a_wrapped_future_cancels_the_task(make, origin):
    future, entry = make()

    def grant(seq):
        settle([end(entry, "cancelled")])
        return True

    origin.grant = grant

    async def main():
        wrapped = asyncio.wrap_future(future)
        wrapped.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wrapped

    asyncio.run(main())
    assert future.cancelled()


def test_it_cannot_be_settled_by_others(make):
    future, _ = make()
    for call in (
        lambda: future.set_result(1),
        lambda: future.set_exception(ValueError()),
        future.set_running_or_notify_cancel,
    ):
        with pytest.raises(UsageError, match="by its producer"):
            call()
    assert not future.done()


def test_it_stays_in_its_process(make):
    future, _ = make()
    for call in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(UsageError, match="belongs to its process"):
            call(future)


# --- callbacks


def test_callbacks_run_in_order_in_the_callback_thread(make):
    first, first_entry = make(1)
    second, second_entry = make(2)
    calls, all_called = [], threading.Event()

    def note(name):
        def call(future):
            calls.append((name, future.result(), threading.current_thread()))
            if len(calls) == 3:
                all_called.set()

        return call

    first.add_done_callback(note("a"))
    first.add_done_callback(note("b"))
    second.add_done_callback(note("c"))
    settle([succeed(first_entry, 1), succeed(second_entry, 2)])
    assert all_called.wait(WAIT)
    assert [call[:2] for call in calls] == [("a", 1), ("b", 1), ("c", 2)]
    threads = {call[2] for call in calls}
    assert len(threads) == 1
    assert threading.current_thread() not in threads


def test_a_callback_for_what_is_done_runs_here_and_now(make):
    future, entry = make()
    settle([succeed(entry)])
    seen = []
    future.add_done_callback(seen.append)
    assert seen == [future]


def test_what_a_callback_raises_is_logged_and_hurts_no_other(make, caplog):
    future, entry = make()
    called = threading.Event()
    future.add_done_callback(lambda _: 1 / 0)
    future.add_done_callback(lambda _: called.set())
    with caplog.at_level(logging.ERROR, "zmqwork"):
        settle([succeed(entry)])
        assert called.wait(WAIT)
    assert "ZeroDivisionError" in caplog.text
    assert future.id in caplog.text


# --- event loops


def test_await(make):
    future, entry = make()

    async def main():
        in_thread(settle, [succeed(entry, "here")])
        return await asyncio.wait_for(future, WAIT), await future

    assert asyncio.run(main()) == ("here", "here")


def test_await_raises_what_result_raises(make):
    failed, failed_entry = make(1)
    gone, gone_entry = make(2)
    settle([end(failed_entry, "failed", type="E"), end(gone_entry, "cancelled")])

    async def main():
        with pytest.raises(TaskFailed):
            await failed
        # A cancelled task is not a cancelled coroutine.
        with pytest.raises(TaskCancelled):
            await gone

    asyncio.run(main())


def test_several_loops_await_one_future(make):
    future, entry = make()
    ready = threading.Barrier(4)
    seen = []

    async def main():
        task = asyncio.ensure_future(asyncio.wait_for(future, WAIT))
        await asyncio.sleep(0)
        await asyncio.to_thread(ready.wait)
        seen.append(await task)

    threads = [in_thread(asyncio.run, main()) for _ in range(3)]
    ready.wait()
    settle([succeed(entry, 9)])
    for thread in threads:
        thread.join(WAIT)
    assert seen == [9, 9, 9]


def test_one_wake_up_per_loop_and_batch(make):
    pairs = [make(seq) for seq in range(1, 501)]

    async def main():
        loop = asyncio.get_running_loop()
        wakes = []
        wake = loop.call_soon_threadsafe
        tasks = [asyncio.ensure_future(asyncio.wait_for(future, WAIT)) for future, _ in pairs]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        loop.call_soon_threadsafe = lambda *args: (wakes.append(args), wake(*args))
        settle([succeed(entry, entry.seq) for _, entry in pairs])
        del loop.call_soon_threadsafe
        return len(wakes), await asyncio.gather(*tasks)

    wakes, values = asyncio.run(main())
    assert values == list(range(1, 501))
    assert wakes == 1


def test_cancelling_an_awaiter_does_not_cancel_the_task(make, origin):
    future, entry = make()

    async def main():
        for _ in range(100):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(future, 0)
            awaiter = asyncio.ensure_future(asyncio.wait_for(future, WAIT))
            await asyncio.sleep(0)
            awaiter.cancel()
            with pytest.raises(asyncio.CancelledError):
                await awaiter
        # They leave nothing behind: a poll in a loop must not pile up awaiters.
        assert future._watched.awaiters == []
        settle([succeed(entry, 3)])
        return await future

    assert asyncio.run(main()) == 3
    assert origin.cancels == []


def test_a_closed_loop_is_ignored(make):
    future, entry = make()
    loop = asyncio.new_event_loop()

    async def wait_for_it():
        await future

    task = loop.create_task(wait_for_it())
    loop.run_until_complete(asyncio.sleep(0))
    assert len(future._watched.awaiters) == 1
    loop.close()
    settle([succeed(entry, 8)])
    assert future.result() == 8
    # The coroutine never ends, and its task says so when it goes: not what is tested here.
    task._log_destroy_pending = False
    with contextlib.suppress(RuntimeError):
        task.get_coro().close()


# --- cancel


def test_cancel_asks_the_producer(make, origin):
    future, entry = make(12)
    assert future.cancel() is False
    assert origin.cancels == [12]

    def grant(seq):
        # The answer is given before the future is settled: cancel waits for that.
        in_thread(settle, [end(entry, "cancelled")])
        return True

    origin.grant = grant
    assert future.cancel() is True
    assert future.cancelled()
    assert future.cancel() is True
    assert origin.cancels == [12, 12]


def test_cancel_after_the_end(make, origin):
    future, entry = make()
    settle([succeed(entry)])
    assert future.cancel() is False
    assert origin.cancels == []


# --- cost


def test_a_future_is_small(origin):
    def make_many(count):
        return [TaskFuture(origin) for _ in range(count)]

    make_many(10)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    futures = make_many(5_000)
    size = (tracemalloc.get_traced_memory()[0] - before) / len(futures)
    tracemalloc.stop()
    assert size < 150


def test_a_raised_error_keeps_no_future_alive(make):
    future, entry = make()
    settle([end(entry, "failed", type="E")])
    with contextlib.suppress(TaskFailed):
        future.result()
    gc.collect()
    entry.owner = None
    gc.disable()
    try:
        import weakref

        alive = weakref.ref(future)
        del future
        assert alive() is None
    finally:
        gc.enable()


# --- fork


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_is_told_that_futures_are_not_its_own():
    app = App("test-fork")

    @app.task
    def double(x: int) -> int:
        return 2 * x

    with producing(app) as node:
        done = double.submit(4)
        assert done.result(WAIT) == 8
        node.hold()
        waiting = double.submit(5)
        reader, writer = os.pipe()
        pid = os.fork()
        if not pid:
            words = []
            for call in (
                waiting.result,
                waiting.cancel,
                lambda: concurrent.futures.wait([waiting]),
            ):
                try:
                    call()
                    words.append("returned")
                except UsageError as error:
                    words.append("own" if "belong to process" in str(error) else str(error))
            words.append(str(done.result()))
            words.append(str(app._producers.current))
            os.write(writer, " ".join(words).encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as stream:
            assert stream.read() == b"own own own 8 None"
        os.waitpid(pid, 0)
        node.let_go()
        assert waiting.result(WAIT) == 10
