"""Workers and producers that end, in every way: nothing is lost, and it is told who is to blame."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import work_app as w
from node_processes import PATIENCE, process_is_gone

import zmqwork


def noted(path):
    """value -> attempts, as the tasks themselves wrote it down."""
    seen = {}
    for line in Path(path).read_text().splitlines():
        value, attempt, _ = line.split()
        seen.setdefault(int(value), []).append(int(attempt))
    return seen


def test_kill_a_worker_with_running_and_queued_tasks(start_worker, producer, tmp_path, wait_until):
    victim, _ = start_worker("-c", "2"), start_worker("-c", "2")
    wait_until(lambda: producer.workers_known() == 2, "both are there")
    notes = tmp_path / "notes"
    futures = [w.note.submit(str(notes), index, 0.01) for index in range(300)]
    futures[30].result(PATIENCE)
    children = victim.children()
    assert len(children) == 2
    victim.kill()
    assert [f.result(PATIENCE) for f in futures] == list(range(300))
    seen = noted(notes)
    assert sorted(seen) == list(range(300)), "every task ran"
    twice = {value for value, attempts in seen.items() if len(attempts) > 1}
    counters = producer.status()["counters"]
    assert counters["lost_workers"] == 1
    assert len(twice) <= counters["resubmitted"]
    for child in children:
        wait_until(lambda pid=child: process_is_gone(pid), "the children are gone", patience=5)


def test_kill_an_idle_worker(start_worker, producer, wait_until):
    victim = start_worker("--pool", "inline")
    assert w.echo.submit(1).result(30) == 1
    victim.kill()
    wait_until(lambda: producer.workers_known() == 0, "it is known to be lost")
    future = w.echo.submit(2)
    start_worker("--pool", "inline")
    assert future.result(30) == 2
    assert producer.status()["counters"]["crashes"] == 0


def test_children_die_with_their_worker_even_in_a_task(start_worker, producer, fifo, wait_until):
    victim = start_worker("-c", "1")
    future = w.say_pid_and_wait.submit(fifo.path, 600)
    pid = int(fifo.read())
    victim.kill()
    wait_until(lambda: process_is_gone(pid), "the child is gone", patience=5)
    assert not future.done()


def test_a_stopped_worker_is_replaced_and_its_late_results_count_once(
    start_worker, producer, tmp_path, wait_until
):
    victim, _ = start_worker("-c", "1"), start_worker("-c", "1")
    wait_until(lambda: producer.workers_known() == 2, "both are there")
    notes = tmp_path / "notes"
    futures = [w.note.submit(str(notes), index, 0.02) for index in range(60)]
    futures[5].result(PATIENCE)
    victim.send(signal.SIGSTOP)
    assert [f.result(PATIENCE) for f in futures] == list(range(60))
    victim.send(signal.SIGCONT)
    wait_until(lambda: producer.workers_known() == 2, "it is back")
    assert w.echo.submit("after").result(30) == "after"
    assert sorted(noted(notes)) == list(range(60))


def test_terminate_drains(start_worker, producer, tmp_path, wait_until):
    victim, _ = start_worker("-c", "1"), start_worker("-c", "1")
    wait_until(lambda: producer.workers_known() == 2, "both are there")
    notes = tmp_path / "notes"
    futures = [w.note.submit(str(notes), index, 0.02) for index in range(60)]
    futures[5].result(PATIENCE)
    victim.send(signal.SIGTERM)
    assert victim.wait() == 0
    assert [f.result(PATIENCE) for f in futures] == list(range(60))
    assert all(len(attempts) == 1 for attempts in noted(notes).values()), "nothing ran twice"
    assert producer.status()["counters"]["crashes"] == 0


def test_a_second_signal_gives_back_what_runs(start_worker, producer, fifo, wait_until):
    victim = start_worker("-c", "1")
    future = w.say_pid_and_wait.submit(fifo.path, 600)
    pid = int(fifo.read())
    victim.send(signal.SIGINT)
    wait_until(lambda: "draining" in victim.text(), "it drains")
    victim.send(signal.SIGTERM)
    assert victim.wait() == 143
    assert "Traceback" not in victim.text()
    wait_until(lambda: process_is_gone(pid), "the child is gone")
    assert not future.done()
    counters = producer.status()["counters"]
    assert counters["crashes"] == 0, "nobody is to blame"


# A worker that neither drains nor stops, whatever it is asked by somebody who waits in between.
STUBBORN = """
import os, signal, sys
from zmqwork.nodes import signals
from zmqwork.nodes.signals import StopSignals

signals.ECHO_INTERVAL = 0.0

class Stubborn:
    def request_drain(self):
        print("drain", flush=True)

    def request_stop(self):
        print("stop", flush=True)

with StopSignals(Stubborn()):
    for _ in range(3):
        os.kill(os.getpid(), getattr(signal, sys.argv[1]))
print("still there")
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_third_signal_leaves_at_once(name):
    done = subprocess.run(
        [sys.executable, "-c", STUBBORN, name],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 128 + getattr(signal, name)
    assert done.stdout.split() == ["drain", "stop"]


def test_quit_leaves_at_once(start_worker, producer, fifo, wait_until):
    victim = start_worker("-c", "1")
    w.say_pid_and_wait.submit(fifo.path, 600)
    pid = int(fifo.read())
    victim.send(signal.SIGQUIT)
    assert victim.wait() == 128 + signal.SIGQUIT
    wait_until(lambda: process_is_gone(pid), "the child is gone")


def test_a_closed_producer_leaves_nothing_behind(start_worker, realm, fifo, wait_until):
    worker = start_worker("-c", "1")
    with w.app.producer(realm=realm) as producer:
        running = w.say_pid_and_wait.submit(fifo.path, 600)
        fifo.read()
        waiting = [w.echo.submit(index) for index in range(10)]
        producer.stop()
    for future in [running, *waiting]:
        with pytest.raises(zmqwork.TaskCancelled):
            future.result(0)
    with pytest.raises(zmqwork.UsageError):
        producer.submit(w.echo.spec, b"")
    with w.app.producer(realm=realm):
        assert w.echo.submit("the slot is free again").result(30)
    assert worker.process.poll() is None


PRODUCER = """
import sys, work_app
with work_app.app.producer(realm=sys.argv[1]) as producer:
    futures = [work_app.note.submit(sys.argv[2], index, 0.02) for index in range(400)]
    futures[3].result(30)
    print("under way", flush=True)
    for future in futures:
        future.result(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_producer_that_ends_frees_its_workers(number, start_worker, realm, tmp_path, wait_until):
    worker = start_worker("-c", "1")
    notes = tmp_path / "notes"
    process = subprocess.Popen(
        [sys.executable, "-c", PRODUCER, realm, str(notes)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "under way\n"
    process.send_signal(number)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    if number == signal.SIGINT:
        assert "KeyboardInterrupt" in errors
    with w.app.producer(realm=realm):
        assert w.echo.submit("free").result(PATIENCE) == "free"
    assert worker.process.poll() is None
    assert len(noted(notes)) < 400, "its queued tasks are dropped"


def test_a_forked_child_has_a_producer_of_its_own(start_worker, realm, tmp_path):
    start_worker("-c", "2")
    script = textwrap.dedent("""
        import os, pathlib, sys, zmqwork
        app = zmqwork.App(sys.argv[1])
        import work_app
        echo = app.task(name="echo", max_retries=0)(work_app.echo.handler)
        wait = app.task(name="echo_when_there", max_retries=0)(work_app.echo_when_there.handler)
        inherited = echo.submit(1)
        assert inherited.result(30) == 1
        late = wait.submit(2, sys.argv[2])
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                assert echo.submit("child").result(30) == "child"
                try:
                    late.result(1)
                except zmqwork.UsageError:
                    code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        pathlib.Path(sys.argv[2]).touch()
        assert late.result(30) == 2
        assert echo.submit("parent").result(30) == "parent"
        print("good")
    """)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, realm, str(tmp_path / "there")],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.stdout == "good\n", done.stderr


def test_an_embedded_worker(realm):
    with (
        w.app.worker(2, pool="thread", realm=realm) as worker,
        w.app.producer(realm=realm),
    ):
        assert [f.result(30) for f in [w.echo.submit(i) for i in range(20)]] == list(range(20))
        assert worker.status()["counters"]["executed"] == 20
    assert worker.has_left


def test_nothing_is_left_on_the_disk(realm, runtime):
    with w.app.worker(1, pool="inline", realm=realm), w.app.producer(realm=realm):
        assert w.echo.submit(1).result(30) == 1
    left = [name for _, _, names in os.walk(runtime) for name in names]
    assert left == []
