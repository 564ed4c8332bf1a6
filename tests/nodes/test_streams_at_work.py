"""Progress, checkpoints and streams over real processes."""

import asyncio
import gc
import os
import signal
import threading

import pytest
import stream_app as s

import zmqwork
from zmqwork.core.progress import PARTS_MAX
from zmqwork.progress import Progress

PATIENCE = 30.0
POOLS = ("process", "thread", "asyncio")


@pytest.fixture
def producer(realm):
    with s.app.producer(realm=realm) as made:
        made.notices = []
        made.on_notice(made.notices.append)
        yield made
        made.stop()


@pytest.fixture
def start(start_worker):
    """Start a worker of this app."""

    def begin(*words):
        return start_worker(*words, app=s.HERE)

    return begin


def lines(path):
    return len(path.read_text().splitlines()) if path.exists() else 0


# -- streams -----------------------------------------------------------------------------------


@pytest.mark.parametrize("task", [s.count, s.count_async])
@pytest.mark.parametrize("pool", POOLS)
def test_parts_come_in_order_and_the_result_behind_them(pool, task, start, producer):
    start("--pool", pool, "-c", "1")
    future = task.submit(1000)
    assert list(future.stream(PATIENCE)) == list(range(1000))
    assert future.result(PATIENCE) == ("the end" if task is s.count else None)
    assert future.attempts == 1


@pytest.mark.parametrize("pool", POOLS)
def test_a_part_comes_while_the_task_runs(pool, start, producer, tmp_path):
    start("--pool", pool, "-c", "1")
    future = s.note_each.submit(4 * PARTS_MAX, str(tmp_path / "notes"))
    parts = future.stream(PATIENCE)
    assert next(parts) == 0
    assert not future.done()
    parts.close()
    assert future.result(PATIENCE) is None


@pytest.mark.parametrize("pool", POOLS)
def test_the_generator_waits_for_its_reader(pool, start, producer, tmp_path, wait_until):
    start("--pool", pool, "-c", "1")
    path = tmp_path / "notes"
    future = s.note_each.submit(10 * PARTS_MAX, str(path))
    wait_until(lambda: lines(path) == PARTS_MAX, "it has yielded what it may")
    parts = future.stream(PATIENCE)
    read = [next(parts) for _ in range(PARTS_MAX // 2)]
    wait_until(lambda: lines(path) > PARTS_MAX, "it goes on")
    assert lines(path) <= PARTS_MAX + PARTS_MAX // 2 + 1
    assert read + list(parts) == list(range(10 * PARTS_MAX))
    assert future.result(PATIENCE) is None


def test_a_worker_whose_handlers_cannot_wait_leaves_them_to_others(start, producer, wait_until):
    start("--pool", "inline", "--name", "inline")
    future = s.count.submit(100)
    wait_until(lambda: "has rejected it" in producer.explain(future.seq), "it says so")
    assert "not inline" in producer.explain(future.seq)
    start("-c", "1")
    assert list(future.stream(PATIENCE)) == list(range(100))


def test_large_parts(start, producer):
    start("-c", "1")
    parts = s.blobs.submit(4, 3_000_000).stream(PATIENCE)
    assert [(len(part), part[0]) for part in parts] == [(3_000_000, n) for n in range(4)]


@pytest.mark.parametrize("pool", POOLS)
def test_who_waits_for_the_result_alone_wants_no_parts(pool, start, producer):
    start("--pool", pool, "-c", "1")
    future = s.count.submit(10 * PARTS_MAX)
    assert future.result(PATIENCE) == "the end"
    with pytest.raises(zmqwork.UsageError, match=r"call stream\(\) before result\(\)"):
        future.stream()


def test_so_does_who_waits_for_many(start, producer):
    import concurrent.futures

    start("-c", "1")
    futures = [s.count.submit(10 * PARTS_MAX) for _ in range(3)]
    done, _ = concurrent.futures.wait(futures, PATIENCE)
    assert len(done) == 3


def test_who_stops_reading_lets_the_generator_go_on(start, producer, tmp_path):
    start("-c", "1")
    future = s.count.submit(10 * PARTS_MAX)
    for part in future.stream(PATIENCE):
        if part == 3:
            break
    gc.collect()
    assert future.result(PATIENCE) == "the end"


def test_parts_are_read_once(start, producer):
    start("-c", "1")
    future = s.count.submit(3)
    parts = future.stream(PATIENCE)
    with pytest.raises(zmqwork.UsageError, match="can be read once"):
        future.stream()
    assert list(parts) == [0, 1, 2]


def test_in_an_event_loop(start, producer):
    start("-c", "2")

    async def read(number):
        future = await s.count.asubmit(number)
        parts = [part async for part in future.stream()]
        return parts, await future

    async def both():
        return await asyncio.gather(read(500), read(700))

    first, second = asyncio.run(both())
    assert first == (list(range(500)), "the end")
    assert second == (list(range(700)), "the end")


def test_a_failure_comes_behind_the_parts(start, producer):
    start("-c", "1")
    parts = s.fail_behind.submit(5).stream(PATIENCE)
    assert [next(parts) for _ in range(5)] == list(range(5))
    with pytest.raises(zmqwork.TaskFailed, match="no more"):
        next(parts)


def test_a_death_comes_behind_the_parts(start, producer, tmp_path):
    start("-c", "1")
    read = tmp_path / "read"
    parts = s.yield_and_die.submit(500, str(read)).stream(PATIENCE)
    assert [next(parts) for _ in range(500)] == list(range(500))
    read.touch()
    with pytest.raises(zmqwork.TaskLost):
        next(parts)


def test_what_cannot_travel_is_raised_where_it_is_yielded(start, producer, tmp_path):
    start("-c", "1")
    path = tmp_path / "attempts"
    parts = s.yield_unfit.submit(str(path)).stream(PATIENCE)
    assert next(parts) == 1
    with pytest.raises(zmqwork.TaskFailed, match="EncodeError") as caught:
        next(parts)
    assert "yield object()" in str(caught.value)
    assert path.read_text() == "x", "another attempt would yield the same"
    assert list(s.mend_unfit.submit().stream(PATIENCE)) == ["mended"]


@pytest.mark.parametrize("pool", POOLS)
def test_no_part_is_lost_or_comes_twice_over_attempts(pool, start, producer, tmp_path):
    start("--pool", pool, "-c", "1")
    future = s.go_on.submit(8, str(tmp_path / "mark"))
    expected = [(n, 1 if n < 3 else 2 if n < 6 else 3) for n in range(8)]
    assert list(future.stream(PATIENCE)) == expected
    assert future.attempts == 3


def test_no_part_is_lost_when_the_worker_is_killed(start, producer, tmp_path):
    worker = start("-c", "1")
    future = s.note_each.submit(400, str(tmp_path / "notes"))
    parts = future.stream(PATIENCE)
    read = [next(parts) for _ in range(100)]
    start("-c", "1")
    worker.kill()
    assert read + list(parts) == list(range(400))
    assert future.attempts == 2


def test_a_task_that_is_revoked_is_closed(start, producer, tmp_path, wait_until):
    for pool in ("process", "thread", "asyncio"):
        start("--pool", pool, "-c", "1", "--name", pool)
    path = tmp_path / "notes"
    futures = [s.note_each.submit(10_000, f"{path}{n}") for n in range(3)]
    for n in range(3):
        wait_until(lambda n=n: lines(tmp_path / f"notes{n}") >= PARTS_MAX, "it waits")
    for future in futures:
        assert future.revoke()
        with pytest.raises(zmqwork.TaskCancelled):
            list(future.stream(PATIENCE))
    for n in range(3):
        wait_until((tmp_path / f"notes{n}.closed").exists, "its finally has run")


@pytest.mark.parametrize("pool", ["process", "thread"])
def test_a_soft_timeout_cuts_no_part_in_two(pool, start, producer):
    start("--pool", pool, "-c", "1")
    for _ in range(3):
        parts = list(s.too_slow.submit(1000).stream(PATIENCE))
        assert parts[-1] == "too slow"
        assert parts[:-1] == list(range(len(parts) - 1))
    assert s.count.submit(1).result(PATIENCE) == "the end"


def test_a_fallback_streams_behind_what_was_there(start, producer):
    start("-c", "1")
    future = s.degrade.submit(70)
    assert list(future.stream(PATIENCE)) == [*range(70), *range(100, 170)]
    assert future.degraded


def test_parts_that_nobody_has_read_over_many_attempts(start, producer):
    start("-c", "1")
    future = s.snooze_behind_each.submit(40, 6)
    future._producer.on_notice(lambda _: None)
    wait_for_parts(future, PARTS_MAX)
    assert list(future.stream(PATIENCE)) == list(range(240))


def wait_for_parts(future, count):
    """Until so many wait to be read."""
    pause = threading.Event()
    for _ in range(1500):
        if len(future._inflow.values) >= count:
            return
        pause.wait(0.02)
    pytest.fail("they have not come")


def test_leaving_waits_for_no_reader(realm, start):
    start("-c", "1")
    with s.app.producer(realm=realm):
        future = s.count.submit(10 * PARTS_MAX)
    assert future.result(0) == "the end"


def test_in_a_batch_that_is_not_submitted(start, producer):
    start("-c", "1")
    with s.app.batch():
        future = s.count.submit(3)
        with pytest.raises(zmqwork.UsageError, match="not submitted yet"):
            next(future.stream())


def test_a_late_soft_timeout_is_for_no_other_task(start, producer):
    start("-c", "1")
    with pytest.raises(zmqwork.TaskError):
        list(s.encode_slowly.submit().stream(PATIENCE))
    assert s.hurry.submit(3).result(PATIENCE) == 2


def test_a_task_that_waits_for_one_wants_its_result(start, producer):
    start("-c", "1")
    assert s.wait_for_stream.submit(5).result(PATIENCE) == "the end"


def test_somebody_hears_that_nobody_reads(start, producer, tmp_path, wait_until):
    start("-c", "1")
    future = s.note_each.submit(1000, str(tmp_path / "notes"))
    wait_until(lambda: "wait to be read" in producer.explain(future.seq), "explain says so")
    future.revoke()


# -- progress and checkpoints ------------------------------------------------------------------


@pytest.mark.parametrize("pool", POOLS)
def test_progress_comes_while_the_task_runs(pool, start, producer, tmp_path, wait_until):
    start("--pool", pool, "-c", "1")
    ending = tmp_path / "ending"
    future = s.step.submit(str(tmp_path / "begun"), str(ending))
    wait_until(lambda: future.progress is not None, "it has come")
    assert future.progress == Progress(0.25, "one of four")
    assert "25% done, one of four" in producer.explain(future.seq)
    ending.touch()
    assert future.result(PATIENCE) == (None, 1)
    assert future.progress == Progress(1.0, "one of four")


def test_a_checkpoint_outlives_its_worker(start, producer, tmp_path, wait_until):
    worker = start("-c", "1")
    future = s.step.submit(str(tmp_path / "begun"), str(tmp_path / "never"))
    wait_until(lambda: future.progress is not None, "both have come")
    worker.kill()
    start("-c", "1")
    assert future.result(PATIENCE) == ({"cursor": 17}, 2)


def test_a_checkpoint_outlives_its_child(start, producer, tmp_path, wait_until):
    start("-c", "1")
    begun = tmp_path / "begun"
    future = s.step.submit(str(begun), str(tmp_path / "never"))
    wait_until(lambda: future.progress is not None, "both have come")
    os.kill(int(begun.read_text()), signal.SIGKILL)
    assert future.result(PATIENCE) == ({"cursor": 17}, 2)


@pytest.mark.parametrize("pool", [*POOLS, "inline"])
def test_whoever_says_much_is_no_burden(pool, start, producer):
    start("--pool", pool, "-c", "1")
    future = s.hurry.submit(20_000)
    assert future.result(PATIENCE) == 19_999
    assert future.progress.fraction == 19_999 / 20_000


def test_from_a_thread_of_the_handlers_own(start, producer, tmp_path, wait_until):
    start("-c", "1")
    ending = tmp_path / "ending"
    future = s.in_a_thread.submit(str(tmp_path / "begun"), str(ending))
    wait_until(lambda: future.progress == Progress(0.5, "elsewhere"), "it has come")
    ending.touch()
    future.result(PATIENCE)


def test_a_fork_speaks_for_nobody(start, producer):
    start("-c", "1")
    future = s.in_a_fork.submit()
    assert future.result(PATIENCE) == 0
    assert future.progress == Progress(0.5)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("large", "70003 bytes|70,003 bytes|has 7000. bytes"),
        ("unfit", "EncodeError"),
        ("1.5", "a number from 0 to 1, not 1.5"),
        ("nan", "a number from 0 to 1, not nan"),
    ],
)
def test_nonsense_is_refused_where_it_is_said(kind, text, start, producer):
    start("-c", "1")
    with pytest.raises(zmqwork.TaskFailed, match=text):
        s.say_nonsense.submit(kind).result(PATIENCE)


def test_outside_of_a_task():
    with pytest.raises(zmqwork.UsageError, match="outside of a task"):
        zmqwork.checkpoint(1)
