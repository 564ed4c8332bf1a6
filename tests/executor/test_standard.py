"""What the standard library's own tests expect of an executor, wherever a remote process can.

The expectations are those of CPython's test_concurrent_futures (executor, wait, as_completed,
shutdown, init); the functions stand in `executor_functions`, for they travel by name.
"""

import asyncio
import concurrent.futures as cf
import functools
import gc
import itertools
import math
import os
import threading
import weakref
from pathlib import Path

import executor_functions as f
import pytest

import zmqwork

PATIENCE = 30.0


@pytest.fixture
def gate(tmp_path):
    """A function call that runs until it is let go."""

    class Gate:
        def __init__(self):
            self.path = str(tmp_path / f"gate-{id(self)}")
            os.mkfifo(self.path)
            os.mkfifo(f"{self.path}.begun")
            self.opened = False

        def wait_begun(self):
            assert Path(f"{self.path}.begun").read_text() == "begun"

        def open(self, text="opened"):
            Path(self.path).write_text(text)

    return Gate


@pytest.fixture
def fresh(place):
    """Two processes that know nothing yet of how long things take: nothing queues at one."""
    with zmqwork.Executor(local_workers=2) as executor:
        yield executor


# --- submit


def test_it_is_an_executor(shared):
    assert isinstance(shared, cf.Executor)
    assert isinstance(shared.submit(f.add, 1), cf.Future)
    assert "open" in repr(shared)


def test_submit(shared):
    assert shared.submit(pow, 2, 8).result(PATIENCE) == 256
    assert shared.submit(f.capture, 1, self=2, fn=3).result(PATIENCE) == (
        (1,),
        {"self": 2, "fn": 3},
    )
    assert shared.submit(f.add_async, 1).result(PATIENCE) == 2


def test_what_can_travel_beside_functions(shared):
    assert shared.submit(str, 7).result(PATIENCE) == "7"
    assert shared.submit(math.factorial, 5).result(PATIENCE) == 120
    assert shared.submit(os.getpid).result(PATIENCE) != os.getpid()
    assert shared.submit(f.Shop.price, 2).result(PATIENCE) == 6
    assert shared.submit(f.Shop.name).result(PATIENCE) == "Shop"
    half = functools.partial(functools.partial(f.capture, 1, a=1, b=2), 2, b=3)
    assert shared.submit(half, 3, c=4).result(PATIENCE) == ((1, 2, 3), {"a": 1, "b": 3, "c": 4})


def test_exceptions_come_as_task_failed(shared):
    future = shared.submit(f.divide, 1, 0)
    assert isinstance(future.exception(PATIENCE), zmqwork.TaskFailed)
    with pytest.raises(zmqwork.TaskFailed, match="ZeroDivisionError") as caught:
        future.result(PATIENCE)
    assert "return x / y" in caught.value.traceback
    assert caught.value.attempts == 1


class Token:
    def __init__(self, text="x"):
        self.text = text


def test_submit_keeps_nothing_alive(shared):
    zmqwork.register_codec(Token, "token-of-a-test", lambda token: token.text, Token)
    token = Token()
    gone = weakref.ref(token)
    future = shared.submit(len, token)
    del token
    gc.collect()
    assert gone() is None
    assert future.exception(PATIENCE) is not None  # the worker has no such codec


def test_a_process_that_dies_takes_its_task_and_nothing_else(shared):
    others = [shared.submit(f.add, number) for number in range(20)]
    with pytest.raises(zmqwork.TaskLost, match="SIGKILL"):
        shared.submit(f.die).result(PATIENCE)
    assert [other.result(PATIENCE) for other in others] == list(range(1, 21))


# --- map


def test_map(shared):
    expected = list(map(pow, range(10), range(10)))
    assert list(shared.map(pow, range(10), range(10))) == expected
    assert list(shared.map(pow, range(10), range(10), chunksize=3)) == expected
    assert list(shared.map(pow, range(10), range(5, 99), chunksize=7)) == list(
        map(pow, range(10), range(5, 99))
    )
    assert list(shared.map(f.add, [])) == []
    assert list(shared.map(functools.partial(f.add, 1), [1, 2], chunksize=2)) == [2, 3]


@pytest.mark.parametrize("chunksize", [1, 2])
def test_map_raises_at_its_place(shared, chunksize):
    results = shared.map(divmod, [1, 1, 1, 1], [2, 3, 0, 5], chunksize=chunksize)
    assert next(results) == (0, 1)
    assert next(results) == (0, 1)
    with pytest.raises(zmqwork.TaskFailed, match="ZeroDivisionError"):
        next(results)
    with pytest.raises(StopIteration):
        next(results)


def test_map_timeout(fresh, gate):
    one = gate()
    results = fresh.map(f.wait_for, [one.path], timeout=0.05)
    with pytest.raises(TimeoutError):
        next(results)
    one.wait_begun()
    one.open()


@pytest.mark.parametrize("chunksize", [0, -1])
def test_map_chunksize_must_be_positive(shared, chunksize):
    with pytest.raises(ValueError, match="chunksize"):
        shared.map(f.add, [1], chunksize=chunksize)


@pytest.mark.parametrize("buffersize", ["foo", 1.0])
def test_map_buffersize_is_a_number(shared, buffersize):
    with pytest.raises(TypeError, match="buffersize must be an integer or None"):
        shared.map(str, range(4), buffersize=buffersize)


@pytest.mark.parametrize("buffersize", [0, -1])
def test_map_buffersize_is_positive(shared, buffersize):
    with pytest.raises(ValueError, match="buffersize must be None or > 0"):
        shared.map(str, range(4), buffersize=buffersize)


@pytest.mark.parametrize("buffersize", [1, 2, 6, 7])
def test_map_buffersize(shared, buffersize):
    numbers = range(6)
    assert list(shared.map(str, numbers, buffersize=buffersize)) == list(map(str, numbers))
    assert list(shared.map(pow, numbers, numbers, buffersize=buffersize, chunksize=2)) == list(
        map(pow, numbers, numbers)
    )
    assert list(shared.map(str, buffersize=buffersize)) == []


def test_map_buffersize_on_what_does_not_end(shared):
    results = shared.map(str, itertools.count(), buffersize=1)
    assert [next(results) for _ in range(3)] == ["0", "1", "2"]
    results.close()


def test_map_buffersize_pulls_no_more_than_that(shared):
    numbers = itertools.count()
    results = shared.map(str, numbers, buffersize=4)
    assert next(numbers) == 4
    next(results)
    assert next(numbers) == 6
    results.close()


def test_map_cancels_what_was_not_begun(place, gate):
    one = gate()
    with zmqwork.Executor(local_workers=1) as executor:
        runs = executor.submit(f.wait_for, one.path)
        one.wait_begun()
        over = executor.map(f.wait_for, ["/nowhere"] * 5, timeout=0.01)
        with pytest.raises(TimeoutError):
            next(over)
        one.open()
        assert runs.result(PATIENCE) == "opened"
        assert executor._backing.producer().drain(PATIENCE)
        settled = executor._backing.producer().status()["tasks_by_state"]
    assert (settled["succeeded"], settled["failed"]) == (1, 0)


# --- wait, as_completed


def test_wait_first_completed(fresh, gate):
    one = gate()
    waits, quick = fresh.submit(f.wait_for, one.path), fresh.submit(f.add, 1)
    done, rest = cf.wait([waits, quick], PATIENCE, return_when=cf.FIRST_COMPLETED)
    assert (done, rest) == ({quick}, {waits})
    one.wait_begun()
    one.open()
    assert cf.wait([waits, quick], PATIENCE) == ({waits, quick}, set())


def test_wait_first_exception(fresh, gate):
    one = gate()
    waits, raises = fresh.submit(f.wait_for, one.path), fresh.submit(f.divide, 2, 0)
    done, rest = cf.wait([waits, raises], PATIENCE, return_when=cf.FIRST_EXCEPTION)
    assert (done, rest) == ({raises}, {waits})
    one.wait_begun()
    one.open()
    assert waits.result(PATIENCE) == "opened"


def test_wait_timeout(fresh, gate):
    one = gate()
    waits = fresh.submit(f.wait_for, one.path)
    assert cf.wait([waits], timeout=0.05) == (set(), {waits})
    one.wait_begun()
    assert waits.running() or not waits.done()
    one.open()
    waits.result(PATIENCE)


def test_as_completed(fresh, gate):
    one = gate()
    waits = fresh.submit(f.wait_for, one.path)
    quick = [fresh.submit(f.add, number) for number in range(5)]
    completed = cf.as_completed([waits, *quick, quick[0]], timeout=PATIENCE)
    first = [next(completed) for _ in quick]
    assert set(first) == set(quick), "each once, though one was given twice"
    one.wait_begun()
    one.open()
    assert list(completed) == [waits]


def test_as_completed_zero_timeout(fresh, gate):
    one = gate()
    done, waits = fresh.submit(f.add, 1), fresh.submit(f.wait_for, one.path)
    done.result(PATIENCE)
    completed = cf.as_completed([done, waits], timeout=0)
    assert next(completed) is done
    with pytest.raises(TimeoutError):
        next(completed)
    one.wait_begun()
    one.open()


def test_done_callbacks_and_cancel(place, gate):
    one = gate()
    called = threading.Event()
    with zmqwork.Executor(local_workers=1) as executor:
        runs, waits = executor.submit(f.wait_for, one.path), executor.submit(f.add, 1)
        waits.add_done_callback(lambda future: called.set())
        one.wait_begun()
        assert waits.cancel()
        assert waits.cancelled()
        assert called.wait(PATIENCE)
        with pytest.raises(cf.CancelledError):
            waits.result()
        one.open()
        assert runs.result(PATIENCE) == "opened"


# --- asyncio


def test_run_in_executor(shared):
    async def main():
        loop = asyncio.get_running_loop()
        run = functools.partial(loop.run_in_executor, shared)
        with pytest.raises(zmqwork.TaskFailed, match="ZeroDivisionError"):
            await run(f.divide, 1, 0)
        keyword = functools.partial(f.add, 1, y=5)
        return await asyncio.gather(run(f.add, 1), run(keyword), *[run(str, n) for n in range(5)])

    assert asyncio.run(main(), debug=True) == [2, 6, "0", "1", "2", "3", "4"]


# --- shutdown


def test_run_after_shutdown(place):
    executor = zmqwork.Executor(local_workers=1)
    executor.shutdown()
    executor.shutdown()
    assert "shut down" in repr(executor)
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        executor.submit(pow, 2, 5)
    with pytest.raises(RuntimeError):
        list(executor.map(str, [1]))


def test_shutdown_waits_for_what_was_submitted(place):
    with zmqwork.Executor(local_workers=2) as executor:
        futures = [executor.submit(f.add, number) for number in range(100)]
    assert all(future.done() for future in futures)
    assert [future.result() for future in futures] == list(range(1, 101))


@pytest.mark.parametrize("wait", [True, False])
def test_cancel_futures(place, gate, wait):
    one = gate()
    executor = zmqwork.Executor(local_workers=1)
    runs = executor.submit(f.wait_for, one.path)
    one.wait_begun()
    # (Whoever runs for ten milliseconds is told of as running.)
    while not runs.running():
        assert not cf.wait([runs], 0.01).done
    others = [executor.submit(f.add, number) for number in range(50)]
    opener = threading.Timer(0.2, one.open)
    if wait:
        opener.start()
    executor.shutdown(wait=wait, cancel_futures=True)
    assert all(other.cancelled() for other in others)
    if not wait:
        assert not runs.done()
        opener.start()
    assert runs.result(PATIENCE) == "opened"
    opener.join()


def test_shutdown_without_waiting_lets_things_end(place, gate):
    one = gate()
    executor = zmqwork.Executor(local_workers=1)
    futures = [executor.submit(f.wait_for, one.path), executor.submit(f.add, 1)]
    executor.shutdown(wait=False)
    assert not futures[0].done()
    one.wait_begun()
    one.open()
    assert [future.result(PATIENCE) for future in futures] == ["opened", 2]
    executor.shutdown(wait=True)


def test_an_executor_that_is_dropped_ends(place):
    executor = zmqwork.Executor(local_workers=1)
    worker = executor._backing.worker
    futures = [executor.submit(f.add, number) for number in range(10)]
    del executor
    gc.collect()
    assert [future.result(PATIENCE) for future in futures] == list(range(1, 11))
    assert worker.wait(PATIENCE)


def test_the_end_of_the_program_waits(run):
    done = run("""
import os
import zmqwork

def say(text):
    os.write(1, f"{text}\\n".encode())  # at once: two processes write here

if __name__ == "__main__":
    executor = zmqwork.Executor(local_workers=1)
    for word in ("apple", "pear"):
        executor.submit(say, word)
    say("submitted")
""")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.split()) == ["apple", "pear", "submitted"]


# --- initializers


def test_initializer(place):
    with zmqwork.Executor(
        local_workers=2, initializer=f.initialize, initargs=("initialized",)
    ) as executor:
        found = list(executor.map(f.capture, range(4)))
        assert len(found) == 4
        assert executor.submit(f.read_initialized).result(PATIENCE) == ["initialized"]


def test_failing_initializer(place):
    with pytest.raises(zmqwork.UsageError, match="no such device"):
        zmqwork.Executor(local_workers=1, initializer=f.fail_to_initialize)


def test_what_the_standard_library_calls_max_workers(place):
    for make in (
        lambda: zmqwork.Executor(2),
        lambda: zmqwork.Executor(max_workers=2),
        lambda: zmqwork.Executor("app", max_workers=2, max_retries=1),
    ):
        with pytest.raises(zmqwork.ConfigError, match=r"local_workers=2$"):
            make()


@pytest.mark.parametrize(
    "options", [{"local_workers": -1}, {"local_workers": 1.5}, {"on_full": "no"}, {"queu": "a"},
                {"initializer": f.initialize}],
)  # fmt: skip
def test_what_an_executor_cannot_be(place, options):
    with pytest.raises(ValueError, match=r"local_workers|on_full|queue|initializer"):
        zmqwork.Executor(**options)
