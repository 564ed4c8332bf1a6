from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from node_processes import HERE, PATIENCE
from work_app import app, echo, note

from zmqwork import adoption
from zmqwork import producer as producer_module
from zmqwork.errors import (
    ConfigError,
    JournalBroken,
    JournalFull,
    TaskCancelled,
    UsageError,
)
from zmqwork.testing import MemoryJournal


class Program:
    """A producer in a process of its own."""

    def __init__(self, realm, directory, *order):
        command = [sys.executable, str(HERE / "journal_program.py"), realm, str(directory)]
        self.process = subprocess.Popen(
            [*command, *map(str, order)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def answer(self):
        line = self.process.stdout.readline()
        assert line, "it ended without an answer"
        return json.loads(line)

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def end(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def program(realm, tmp_path):
    started = []

    def start(*order):
        started.append(Program(realm, tmp_path / "journal", *order))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "journal"


def notes(path):
    """The numbers that were noted, in order."""
    lines = path.read_text().splitlines() if path.exists() else []
    return sorted(int(line.split()[0]) for line in lines)


def test_what_is_confirmed_is_finished_by_the_next_process(program, start_worker, tmp_path):
    noted = tmp_path / "noted"
    first = program("submit", 50, noted)
    said = first.answer()
    assert said["confirmed"] == [True] * 50
    first.kill()
    start_worker("-c", "2")
    second = program("resume")
    assert second.answer() == {"id": said["id"], "pending": 50}
    assert second.answer()["drained"]
    assert notes(noted) == list(range(50))
    second.process.wait(PATIENCE)
    assert list((tmp_path / "journal").iterdir()) == []


def test_what_runs_goes_on_and_is_not_run_again(program, start_worker, tmp_path, wait_until):
    start_worker()
    noted, gate = tmp_path / "noted", tmp_path / "gate"
    first = program("hold", noted, 7, gate)
    first.answer()
    wait_until(lambda: notes(noted), "it runs")
    first.kill()
    second = program("resume")
    assert second.answer()["pending"] == 1
    gate.touch()
    said = second.answer()
    assert said["drained"]
    assert said["counters"]["dispatched"] == 0
    assert notes(noted) == [7]


def test_a_result_waits_for_the_next_process(program, start_worker, tmp_path, wait_until):
    worker = start_worker()
    noted, gate = tmp_path / "noted", tmp_path / "gate"
    first = program("hold", noted, 7, gate)
    first.answer()
    wait_until(lambda: notes(noted), "it runs")
    first.kill()
    wait_until(lambda: any("is lost" in line for line in worker.output), "the worker knows")
    gate.touch()
    second = program("resume")
    said = [second.answer(), second.answer()]
    assert said[1]["drained"]
    assert said[1]["counters"]["dispatched"] == 0
    assert notes(noted) == [7]


def test_a_producer_that_stops_leaves_its_tasks_to_the_next(realm, directory):
    with app.producer(realm=realm, journal=directory) as first:
        future = echo.submit(1)
        first.flush()
        assert future.confirmed
        first.stop()
        with pytest.raises(TaskCancelled, match="it stays in the journal"):
            future.result()
    with app.producer(realm=realm, journal=directory) as second:
        assert second.node_id == first.node_id
        assert second.status()["pending"] == 1
        assert second.status()["journal"].startswith(str(directory))
        later = echo.submit(2)
        assert later.seq == future.seq + 1
        second.cancel_all()
    assert list(directory.iterdir()) == []


def test_processes_share_a_directory_and_one_goes_on_with_anothers_tasks(
    program, realm, directory, start_worker, tmp_path, monkeypatch, wait_until
):
    monkeypatch.setattr(adoption, "_LOOK_INTERVAL", 0.05)
    noted = tmp_path / "noted"
    other = program("submit", 20, noted)
    said = other.answer()
    with app.producer(realm=realm, journal=directory) as producer:
        assert producer.node_id != said["id"]
        other.kill()
        start_worker()
        wait_until(lambda: notes(noted) == list(range(20)), "all of them have run")
        wait_until(lambda: len(list(directory.glob("*.db"))) == 1, "its journal is gone")


def test_an_adopted_journal_is_left_when_the_program_ends(
    program, realm, directory, tmp_path, monkeypatch, wait_until
):
    monkeypatch.setattr(adoption, "_LOOK_INTERVAL", 0.05)
    other = program("submit", 3, tmp_path / "noted")
    said = other.answer()
    with app.producer(realm=realm, journal=directory) as producer:
        other.kill()
        lock = directory / f"{said['id']}.db.lock"
        wait_until(lambda: str(os.getpid()) in lock.read_text(), "it is adopted")
        del producer
    with app.producer(realm=realm, journal=directory) as producer:
        assert producer.node_id == said["id"]
        assert producer.status()["pending"] == 3
        producer.cancel_all()


# -- confirmation ---------------------------------------------------------------------------------


def test_without_a_journal_nothing_is_confirmed(producer):
    future = echo.submit(1)
    assert not future.confirmed
    with pytest.raises(UsageError, match="journal=DIRECTORY"):
        producer.flush()
    with pytest.raises(UsageError, match="journal=DIRECTORY"):
        future.confirm()


def test_an_app_says_it_for_its_producers(realm, directory, monkeypatch):
    monkeypatch.setattr(app, "_producing", {"journal": directory})
    with app.producer(realm=realm) as producer:
        assert echo.submit(1).confirm(30)
        producer.cancel_all()


def test_a_place_that_forgets_is_refused(realm):
    shm = Path("/dev/shm")
    if not shm.exists():
        pytest.skip("there is no file system in memory here")
    where = shm / realm
    producer = app.producer(realm=realm, journal=where)
    with pytest.raises(ConfigError, match="allow_volatile_journal"):
        producer.start()
    assert not where.exists()
    with app.producer(realm=realm, journal=where, allow_volatile_journal=True):
        assert echo.submit(1).confirm(30)
        app._producers.current.cancel_all()
    where.rmdir()


def test_an_option_that_is_misspelt(realm):
    with pytest.raises(ConfigError, match="did you mean 'journal'"):
        app.producer(realm=realm, jurnal="x")


# -- a journal that has no room, or fails ---------------------------------------------------------


class OneJournal:
    """A folder with this journal in it."""

    path = "here"

    def __init__(self, journal):
        self.journal = journal

    def take(self):
        return self.journal

    def orphans(self):
        return iter(())


@pytest.fixture
def journal():
    return MemoryJournal()


@pytest.fixture
def journaled(realm, journal):
    made = app.producer(realm=realm)
    made._open_folder = lambda: OneJournal(journal)
    with made:
        yield made
        made.stop()


def test_what_there_is_no_room_for_is_refused(journaled, journal, start_worker):
    first = echo.submit(1)
    assert first.confirm(30)
    journal.failures.append(JournalFull("the disk is full"))
    refused = echo.submit(2)
    with pytest.raises(JournalFull, match="the disk is full"):
        refused.result(30)
    with pytest.raises(JournalFull, match="the disk is full"):
        refused.confirm(30)
    assert not refused.confirmed
    with pytest.raises(JournalFull):
        journaled.flush()
    later = echo.submit(3)
    assert journaled.flush(30)
    assert (first.confirmed, refused.confirmed, later.confirmed) == (True, False, True)
    start_worker()
    assert (first.result(30), later.result(30)) == (1, 3)
    assert journaled.drain(30)


def test_a_journal_that_fails_ends_the_producer(journaled, journal, wait_until):
    waiting = echo.submit(1)
    assert waiting.confirm(30)
    journal.failures.append(JournalBroken("the disk is gone"))
    unknown = echo.submit(2)
    with pytest.raises(TaskCancelled, match="the disk is gone"):
        unknown.result(30)
    with pytest.raises(TaskCancelled, match="the disk is gone"):
        waiting.result(30)
    with pytest.raises(JournalBroken):
        unknown.confirm(30)
    wait_until(lambda: journaled._node.has_left, "it has left")
    with pytest.raises(UsageError, match="stopped"):
        note.submit("x", 1)


def test_a_result_that_cannot_be_recorded_is_not_told(journaled, journal, start_worker, tmp_path):
    future = echo.submit(1)
    assert future.confirm(30)
    journal.failures.extend([JournalBroken("the disk is gone")] * 5)
    start_worker()
    with pytest.raises((JournalBroken, TaskCancelled), match="the disk is gone"):
        future.result(30)


def test_a_program_that_ends_leaves_to_the_journal_what_no_worker_took(
    realm, directory, monkeypatch, caplog
):
    monkeypatch.setattr(producer_module, "GIVE_UP_TIMEOUT", 0.1)
    with app.producer(realm=realm, journal=directory) as producer:
        echo.submit(1)
    assert "1 unsettled task left to the journal" in caplog.text
    with app.producer(realm=realm, journal=directory) as producer:
        assert producer.status()["pending"] == 1
        producer.cancel_all()


def test_a_start_that_fails_lets_go_of_the_journal(realm, directory):
    first = app.producer(realm=realm, journal=directory).start()
    echo.submit(1).confirm(30)
    first.stop()
    broken = app.producer(
        realm=realm, journal=directory, discovery="mdns", interface="no-such-interface"
    )
    with pytest.raises(ConfigError):
        broken.start()
    with app.producer(realm=realm, journal=directory) as producer:
        assert (producer.node_id, producer.status()["pending"]) == (first.node_id, 1)
        producer.cancel_all()
