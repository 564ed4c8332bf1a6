"""What a user gets for a task, whatever its handler does."""

import subprocess
import sys

import pytest
import work_app as w

import zmqwork

POOLS = ["process", "thread", "asyncio", "inline"]


@pytest.mark.parametrize("pool", POOLS)
def test_results_failures_and_context_in_every_pool(pool, start_worker, producer, tmp_path):
    start_worker("--pool", pool, "-c", "1")
    futures = [w.echo.submit(value) for value in (1, "two", (3, 4), {5: {6.0}}, None)]
    assert [f.result(30) for f in futures] == [1, "two", (3, 4), {5: {6.0}}, None]
    with pytest.raises(zmqwork.TaskFailed) as caught:
        w.raise_value_error.submit("no such tile").result(30)
    assert caught.value.type_name == "ValueError"
    assert caught.value.text == "no such tile"
    assert "raise ValueError(text)" in caught.value.traceback
    assert "raise_value_error" in str(caught.value)
    assert "invoke.py" not in caught.value.traceback
    future = w.context.submit()
    assert future.result(30) == [future.id, 1, "default", False]
    assert w.gather.submit("async").result(30) == "async"
    assert w.fail_until.submit(str(tmp_path / "tries"), 2).result(30) == 3
    assert sorted(w.echo.map(range(500))) == list(range(500))


@pytest.mark.parametrize("pool", POOLS)
def test_exit_in_a_handler_is_its_failure(pool, start_worker, producer):
    start_worker("--pool", pool, "-c", "1")
    with pytest.raises(zmqwork.TaskFailed, match=r"SystemExit.*sys\.exit\(3\)"):
        w.call_exit.submit(3).result(30)
    assert w.echo.submit("alive").result(30) == "alive"


@pytest.mark.parametrize("pool", POOLS)
def test_results_that_cannot_travel(pool, start_worker, producer):
    start_worker("--pool", pool, "-c", "1")
    with pytest.raises(zmqwork.TaskFailed, match=r"EncodeError.*object"):
        w.not_encodable.using(max_retries=5).submit().result(30)
    too_large = 400 * 1024 * 1024
    with pytest.raises(zmqwork.TaskFailed, match=r"EncodeError.*bytes"):
        w.as_large_as.using(max_retries=5).submit(too_large).result(60)
    assert w.echo.submit("alive").result(30) == "alive"


@pytest.mark.parametrize("pool", ["process", "thread", "asyncio"])
@pytest.mark.parametrize("workers", [["2"], ["1", "1"]], ids=["one worker", "two workers"])
def test_quick_tasks_do_not_wait_behind_a_slow_one_of_their_kind(
    pool, workers, start_worker, producer, tmp_path
):
    for slots in workers:
        start_worker("--pool", pool, "-c", slots)
    assert sorted(w.echo_when_there.map(range(500))) == list(range(500)), "known to be quick"
    ending = tmp_path / "ending"
    slow = [w.echo_when_there.submit("slow", str(ending))]
    quick = [w.echo_when_there.submit(number) for number in range(2_000)]
    assert [future.result(15) for future in quick] == list(range(2_000))
    assert not slow[0].done()
    ending.touch()
    assert slow[0].result(30) == "slow"


@pytest.mark.parametrize("pool", ["process", "thread", "asyncio"])
def test_in_a_mixed_stream_each_task_runs_once_and_has_its_own_result(
    pool, start_worker, producer, tmp_path
):
    """Attempts are taken out of slots all the time, and go to other slots and workers."""
    for slots in ("2", "3"):
        start_worker("--pool", pool, "-c", slots)
    path = tmp_path / "runs"
    futures = [w.mostly_quick.submit(str(path), number) for number in range(5_000)]
    assert [future.result(60) for future in futures] == [-number for number in range(5_000)]
    assert sorted(map(int, path.read_text().split())) == list(range(5_000))


def test_arguments_that_cannot_travel_go_nowhere(producer):
    with pytest.raises(zmqwork.EncodeError, match="value"):
        w.echo.submit(object())
    assert producer.status()["counters"]["submitted"] == 0


def test_large_arguments_and_results(start_worker, producer):
    start_worker("-c", "1")
    for size in (70_000, 300_000, 20_000_000):
        payload = bytes(range(256)) * (size // 256)
        assert w.echo.submit(payload).result(30) == payload


@pytest.mark.parametrize(
    ("task", "args", "evidence"),
    [
        (w.segfault, (), "SIGSEGV"),
        (w.kill_itself, (), "SIGKILL"),
        (w.exit_hard, (7,), "exited with 7"),
    ],
)
def test_a_task_that_kills_its_child_is_dead_after_three(
    task, args, evidence, start_worker, producer
):
    start_worker("-c", "2")
    neighbours = [w.echo.submit(index) for index in range(50)]
    future = task.submit(*args)
    neighbours += [w.echo.submit(index) for index in range(50, 100)]
    with pytest.raises(zmqwork.TaskLost, match=evidence):
        future.result(60)
    assert [f.result(30) for f in neighbours] == list(range(100))
    counters = producer.status()["counters"]
    assert counters["crashes"] == 3
    assert counters["lost_workers"] == 0, "the worker itself goes on"


def test_queues(start_worker, producer):
    start_worker("--pool", "inline", "-Q", "default", "-n", "ordinary")
    future = w.special.submit("x")
    assert w.echo.submit("y").result(30) == "y"
    assert not future.done()
    start_worker("--pool", "inline", "-Q", "special", "-n", "special")
    assert future.result(30) == "x"


def test_nobody_is_there(producer):
    with pytest.raises(zmqwork.NoWorker) as caught:
        w.echo.submit(1).result(0.2)
    text = str(caught.value)
    assert "no worker was found" in text
    assert "zmqwork worker" in text
    assert "local" in text


@pytest.fixture
def other_version(realm):
    """The same app in another version of its code, with a producer of its own."""
    app = zmqwork.App("work")
    with app.producer(realm=realm) as made:
        made.notices = []
        made.on_notice(made.notices.append)
        yield app, made
        made.stop()


def test_a_task_that_no_worker_knows_waits_and_says_so_once(
    start_worker, other_version, wait_until
):
    app, producer = other_version
    start_worker("--pool", "inline")
    known = app.task(name="echo")(w.echo.handler)
    assert known.submit(1).result(30) == 1
    stranger = app.task(name="eco")(lambda value: value)
    futures = [stranger.submit(index) for index in range(3)]
    notices = wait_until(
        lambda: [n for n in producer.notices if n.kind == "unknown_task"], "a notice came"
    )
    assert "'echo'" in notices[0].text
    assert "3 x task 'eco'" in notices[0].text
    assert known.submit(2).result(30) == 2
    assert len([n for n in producer.notices if n.kind == "unknown_task"]) == 1
    assert not any(future.done() for future in futures), "they wait; nothing is dropped"


def test_a_task_with_another_signature_waits(start_worker, other_version, wait_until):
    app, producer = other_version
    start_worker("--pool", "inline")

    def echo(value, other):
        return value, other

    future = app.task(name="echo")(echo).submit(1, 2)
    notices = wait_until(
        lambda: [n for n in producer.notices if n.kind == "other_signature"], "a notice came"
    )
    assert "another signature" in notices[0].text
    assert not future.done()


def test_two_workers_with_the_same_name(start_worker, producer, wait_until):
    for _ in range(2):
        start_worker("--pool", "inline", "-n", "twin")
    wait_until(lambda: producer.workers_known() == 2, "both are there")
    names = {(worker["name"], worker["node_id"]) for worker in producer.status()["workers"]}
    assert len(names) == 2
    assert [f.result(30) for f in [w.echo.submit(i) for i in range(10)]] == list(range(10))


def test_what_runs_inline_cannot_be_cancelled_as_if_it_had_not_begun(
    start_worker, producer, fifo, wait_until
):
    start_worker("--pool", "inline")
    future = w.say_pid_and_wait.submit(fifo.path, 2.0)
    assert fifo.read()
    wait_until(future.running, "STARTED was heard while the handler held the thread")
    assert not future.cancel()
    assert future.result(30) == "waited"


def test_cancel_before_and_after_the_beginning(start_worker, producer, fifo, wait_until):
    start_worker("--pool", "process", "-c", "1")
    running = w.say_pid_and_wait.submit(fifo.path, 1.0)
    fifo.read()
    wait_until(running.running, "it is known to run")
    waiting = w.echo.submit("never")
    assert waiting.cancel()
    assert waiting.cancelled()
    assert not running.cancel()
    assert running.result(30) == "waited"


def test_importing_opens_nothing_and_loads_little():
    script = (
        "import sys, threading, zmqwork; assert threading.active_count() == 1; "
        "bad = {'zmq', 'zeroconf', 'msgpack', 'rich'} & set(sys.modules); assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
