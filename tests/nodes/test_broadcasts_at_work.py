"""Every worker once: those that die, drain, come late, or are not there at all."""

import signal
import threading
from pathlib import Path

import pytest
import work_app as w
from node_processes import PATIENCE

import zmqwork


def pids_in(path):
    return [int(line) for line in Path(path).read_text().split()] if Path(path).exists() else []


def label_of(worker, answers):
    """A worker that was given no name is called after its host and process."""
    (label,) = [label for label in answers if f"-{worker.pid}#" in label]
    return label


def test_each_of_three_runs_it_once_though_one_is_killed(
    start_worker, producer, tmp_path, wait_until
):
    workers = [start_worker("--pool", "thread", "-c", "1") for _ in range(3)]
    wait_until(lambda: producer.workers_known() == 3, "all are there")
    notes, go = tmp_path / "notes", tmp_path / "go"
    answers = w.note_and_wait_for.broadcast(str(notes), str(go))
    assert len(answers) == 3
    wait_until(lambda: len(pids_in(notes)) == 3, "all have begun")
    victim, *others = workers
    victim.kill()
    lost = answers[label_of(victim, answers)].exception(PATIENCE)
    assert isinstance(lost, zmqwork.TaskLost)
    assert "no other may run it" in str(lost)
    assert [answers[label_of(other, answers)].done() for other in others] == [False, False]
    late = start_worker("--pool", "thread")
    wait_until(lambda: producer.workers_known() == 3, "another one has joined")
    go.touch()
    results = answers.results(PATIENCE, return_exceptions=True)
    assert results.pop(label_of(victim, answers)) is lost
    assert results == {label_of(other, answers): other.pid for other in others}
    assert sorted(pids_in(notes)) == sorted(worker.pid for worker in workers)
    again = w.note_and_wait_for.broadcast(str(notes), str(go)).results(PATIENCE)
    assert sorted(again.values()) == sorted([late.pid, *(other.pid for other in others)])
    assert len(pids_in(notes)) == 6


def test_queue_and_retries(start_worker, producer, wait_until):
    one, two = start_worker("--pool", "thread"), start_worker("--pool", "thread", "-Q", "special")
    wait_until(lambda: producer.workers_known() == 2, "both are there")
    special = w.special_pid.broadcast().results(PATIENCE)
    assert sorted(special.values()) == sorted([one.pid, two.pid])
    answers = w.pid_at_second_attempt.broadcast()
    assert list(answers.results(PATIENCE).values()) == [one.pid]
    assert answers[label_of(one, answers)].attempts == 2
    both = w.pid_at_second_attempt.using(queue="special").broadcast()
    assert both.results(PATIENCE) == {label_of(one, both): one.pid, label_of(two, both): two.pid}


def test_the_first_worker_is_waited_for(start_worker, producer, wait_until):
    with pytest.raises(zmqwork.NoWorker, match="looked in"):
        w.echo.using(expires=0.05).broadcast("nobody")
    results = []
    asking = threading.Thread(
        target=lambda: results.append(w.echo.broadcast("first").results(PATIENCE))
    )
    asking.start()
    worker = start_worker("--pool", "inline")
    asking.join(PATIENCE)
    ((label, value),) = results[0].items()
    assert value == "first"
    assert f"-{worker.pid}#" in label


def test_a_worker_that_is_busy_and_drains(start_worker, producer, tmp_path, wait_until):
    worker = start_worker("--pool", "thread", "-c", "1")
    notes, go = tmp_path / "notes", tmp_path / "go"
    busy = w.note_and_wait_for.submit(str(notes), str(go))
    wait_until(lambda: pids_in(notes), "it has begun")
    expired = w.echo.using(expires=0.05).broadcast(1)
    waiting, cancelled = w.echo.broadcast(2), w.echo.broadcast(3)
    assert cancelled.cancel() == 1
    (error,) = expired.results(PATIENCE, return_exceptions=True).values()
    assert isinstance(error, zmqwork.TaskExpired)
    worker.send(signal.SIGTERM)
    (error,) = waiting.results(PATIENCE, return_exceptions=True).values()
    assert isinstance(error, zmqwork.TaskLost)
    assert not busy.done()
    go.touch()
    assert busy.result(PATIENCE) == worker.pid
    assert worker.wait() == 0


def test_inside_a_task(start_worker, producer, wait_until):
    start_worker("-c", "2")
    with pytest.raises(zmqwork.TaskFailed, match="allow_wait=True"):
        w.broadcast_and_wait.submit().result(PATIENCE)
    assert list(w.broadcast_to_others.submit().result(PATIENCE).values()) == [1]
