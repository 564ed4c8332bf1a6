"""The health check of a worker: a command of the user's."""

import pytest
import work_app as w
from node_processes import process_is_gone

from zmqwork.nodes.health import HealthCheck

PATIENCE = 30.0


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("true", ""),
        ("exit 3", "failed: exit code 3"),
        ("echo one; echo no GPU >&2; false", "failed: exit code 1: no GPU"),
        ("kill -9 $$", "failed: signal 9"),
        ("seq 100000; false", "failed: exit code 1: 100000"),
    ],
)
def test_what_it_says(command, said):
    why = HealthCheck(command, 20.0).run()
    assert why.endswith(said)
    assert bool(why) == bool(said)


def test_one_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path, wait_until):
    pid = tmp_path / "pid"
    check = HealthCheck(f"sleep 60 & echo $! > {pid}; wait", 0.5)
    assert "took more than 0.5 s" in check.run()

    wait_until(lambda: process_is_gone(int(pid.read_text())), "it is gone")


def test_a_worker_that_is_unfit_does_not_begin(start_worker):
    worker = start_worker("-c", "1", "--health-check", "echo no disk; false")
    assert worker.wait() == 75
    assert "no disk" in worker.text()


def test_a_worker_that_becomes_unfit_finishes_what_runs_and_leaves(
    start_worker, producer, tmp_path, fifo, wait_until
):
    sick = tmp_path / "sick"
    words = ("--health-check", f"test ! -e {sick}", "--health-interval", "0.1")
    worker = start_worker("-c", "1", *words)
    running = w.until_cancelled.submit(fifo.path, str(tmp_path / "seen"))
    assert fifo.read() == "begun"
    spared = w.echo.submit(1)
    sick.touch()
    wait_until(lambda: "the health check" in worker.text(), "it is said")
    assert running.running()
    running.revoke()
    assert worker.wait() == 75
    start_worker("-c", "1")
    assert spared.result(PATIENCE) == 1


def test_an_interval_needs_a_command(start_worker):
    worker = start_worker("--health-interval", "3")
    assert worker.wait() == 2
    assert "--health-check" in worker.text()
