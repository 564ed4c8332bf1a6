"""SIGTSTP, SIGCONT and SIGUSR1 of a worker that runs something."""

import os
import signal
from pathlib import Path

import pytest
import work_app as w
from node_processes import ps

PATIENCE = 30.0


def state(realm):
    return [node["state"] for node in ps(realm)["nodes"] if node["role"] == "worker"]


@pytest.fixture
def busy(start_worker, producer, fifo, wait_until, tmp_path):
    """A worker with one slot whose task runs until it is cancelled."""
    worker = start_worker("-c", "1")
    running = w.until_cancelled.submit(fifo.path, str(tmp_path / "seen"))
    assert fifo.read() == "begun"
    wait_until(running.running, "the producer knows")
    return worker, running


def test_a_paused_worker_finishes_what_runs_and_takes_nothing(busy, realm, wait_until):
    worker, running = busy
    waiting = w.echo.submit(1)
    for number in (signal.SIGTSTP, signal.SIGTSTP):  # as when it comes from two sides
        worker.send(number)
    wait_until(lambda: state(realm) == ["paused"], "it is paused")
    # The children are in groups of their own; what is sent to all processes of a service stops none.
    for child in worker.children():
        os.kill(child, signal.SIGTSTP)
    assert running.running()
    assert running.revoke(), "it is alive, and hears"
    wait_until(lambda: not any(n["busy"] for n in ps(realm)["nodes"] if "busy" in n), "it is idle")
    assert not waiting.done()
    worker.send(signal.SIGCONT)
    assert waiting.result(PATIENCE) == 1
    assert f"kill -CONT {worker.pid}" in worker.text()


def test_a_worker_that_was_stopped_and_goes_on_is_not_paused(start_worker, producer, wait_until):
    worker = start_worker("-c", "1")
    assert w.echo.submit(1).result(PATIENCE) == 1
    worker.send(signal.SIGSTOP)
    stat = Path(f"/proc/{worker.pid}/stat")
    wait_until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "it is stopped")
    worker.send(signal.SIGCONT)
    assert w.echo.submit(2).result(PATIENCE) == 2
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0


def test_a_paused_worker_leaves_when_told_to(busy, realm, wait_until):
    worker, running = busy
    worker.send(signal.SIGTSTP)
    wait_until(lambda: state(realm) == ["paused"], "it is paused")
    worker.send(signal.SIGTERM)
    running.revoke()
    assert worker.wait() == 0


@pytest.mark.parametrize("pool", ["process", "thread", "asyncio"])
@pytest.mark.parametrize("task", [w.until_cancelled, w.until_cancelled_async])
def test_it_shows_what_all_tasks_do(pool, task, start_worker, producer, fifo, tmp_path, wait_until):
    worker = start_worker("--pool", pool, "-c", "2")
    running = task.submit(fifo.path, str(tmp_path / "seen"))
    assert fifo.read() == "begun"
    worker.send(signal.SIGUSR1)
    wait_until(lambda: f"in {task.handler.__name__}\n" in worker.text(), "its stack is shown")
    wait_until(lambda: running.id in worker.text(), "what each slot runs is told")
    assert "'zmqwork-worker-" in worker.text(), "the stack of the loop's thread"
    assert running.revoke(), "it runs, and is none the worse for it"
