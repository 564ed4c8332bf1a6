"""Workers, sinks and ventilators are killed in the middle: what took effect, and how often."""

import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing

import pytest
from pipeline_parts import HERE, PATIENCE, until
from pipeline_program import COUNT, GATE, calls, square

WANTED = [number * number for number in range(COUNT)]


@pytest.fixture
def place(runtime, tmp_path):
    """Starts processes, and knows what took effect."""
    made = Place(tmp_path)
    yield made
    for process in made.started:
        process.kill()
        process.wait(PATIENCE)


class Place:
    realm = "killed"

    def __init__(self, folder):
        self.folder = folder
        self.started = []

    def start(self, role):
        program = [sys.executable, "-W", "error", HERE / "pipeline_program.py"]
        self.started.append(subprocess.Popen([*program, role, self.realm, self.folder]))
        return self.started[-1]

    def kill(self, process):
        process.kill()
        process.wait(PATIENCE)

    def open_the_gate(self):
        (self.folder / "go").touch()

    def plain(self):
        path = self.folder / "plain"
        return [int(line) for line in path.read_text().splitlines()] if path.exists() else []

    def boxed(self):
        try:
            with closing(sqlite3.connect(f"file:{self.folder}/box.db?mode=ro", uri=True)) as db:
                return [value for (value,) in db.execute("SELECT value FROM effects")]
        except sqlite3.OperationalError:
            return []  # not yet


@pytest.fixture
def push(begin, place):
    """The ventilator, in this process."""
    return lambda **options: begin(square, calls(place.folder), realm=place.realm, **options)


@pytest.fixture
def app():
    """That of the program: `begin` is for it."""
    from pipeline_program import app

    return app


def in_the_middle(took_effect):
    """As many results as there are before the gate: then workers hold what is behind it."""
    until(lambda: len(set(took_effect())) == GATE, "half of it has taken effect")


def test_a_killed_worker(place, push):
    """A sink that lives takes each result once."""
    pushed = push(sink="plain")
    place.start("plain")
    worker = place.start("worker")
    in_the_middle(place.plain)
    place.kill(worker)
    place.open_the_gate()
    place.start("worker")
    run = pushed.result()
    assert (run.ok, run.lost) == (COUNT, 0)
    assert sorted(place.plain()) == WANTED
    assert [said["taken"] for said in run.sinks] == [COUNT]


def test_a_killed_sink_that_remembers_nothing(place, push):
    """Each result takes effect at least once: what it had not acked comes to the next one."""
    pushed = push(sink="plain")
    sink = place.start("plain")
    place.start("worker")
    until(place.plain, "some took effect")
    place.kill(sink)
    before = len(place.plain())
    place.start("plain")
    place.open_the_gate()
    run = pushed.result()
    assert (run.ok, run.lost) == (COUNT, 0)
    assert set(place.plain()) == set(WANTED)
    twice = [value for value, times in Counter(place.plain()).items() if times > 1]
    assert len(twice) <= before
    assert len(run.sinks) <= 2


def test_everybody_but_the_ventilator_is_killed_and_an_inbox_remembers(place, push):
    """Each result takes effect once."""
    pushed = push(inbox="box")
    sink, worker = place.start("boxed"), place.start("worker")
    until(place.boxed, "some took effect")
    place.kill(sink)
    sink = place.start("boxed")
    in_the_middle(place.boxed)
    place.kill(worker)
    place.kill(sink)
    place.open_the_gate()
    place.start("worker")
    place.start("boxed")
    run = pushed.result()
    assert (run.ok, run.lost) == (COUNT, 0)
    assert sorted(place.boxed()) == WANTED
    assert [(said["inbox"], said["taken"], said["missing"]) for said in run.sinks] == [
        ("box", COUNT, [])
    ]


def test_a_killed_ventilator_and_the_next_one(place):
    """It does what lacks, and nothing twice. (Its worker is killed too, which would go on a bit.)"""
    place.start("boxed")
    worker, first = place.start("worker"), place.start("push")
    in_the_middle(place.boxed)
    place.kill(first)
    place.kill(worker)
    place.open_the_gate()
    place.start("worker")
    assert place.start("push").wait(PATIENCE) == 0
    assert sorted(place.boxed()) == WANTED
    assert (place.folder / "runs").read_text() == f"{COUNT} {GATE}\n", "all, and what was before"


def test_with_a_journal_nothing_that_runs_is_run_again(place):
    """The same call goes on, and the worker with what it has."""
    place.start("boxed")
    place.start("worker")
    first = place.start("keep")
    in_the_middle(place.boxed)
    place.kill(first)
    second = place.start("keep")
    place.open_the_gate()
    assert second.wait(PATIENCE) == 0
    assert sorted(place.boxed()) == WANTED
    ran = (place.folder / "ran").read_text().splitlines()
    assert sorted(map(int, ran)) == list(range(COUNT))
    assert list((place.folder / "journal" / "killed").iterdir()) == []


def test_a_run_that_was_killed_at_its_beginning(place):
    """Nothing is done yet, but the journal knows that it was begun."""
    first = place.start("keep")
    until(lambda: list(place.folder.glob("journal/killed/*.db")), "it has its journal")
    place.kill(first)
    place.start("boxed")
    place.start("worker")
    place.open_the_gate()
    assert place.start("keep").wait(PATIENCE) == 0
    assert sorted(place.boxed()) == WANTED
