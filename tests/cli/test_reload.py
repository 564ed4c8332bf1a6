"""``zmqwork worker --reload``, with a real editor's effects."""

from __future__ import annotations

import json
import signal
import threading

import pytest

from zmqwork.cli.sources import Sources
from zmqwork.errors import UsageError

SOURCE = """
import zmqwork
from helper import number

app = zmqwork.App("reloaded")

@app.task(max_retries=0)
def answer():
    return number()
"""


@pytest.fixture
def source(project, monkeypatch):
    monkeypatch.chdir(project)
    (project / "deep").mkdir()
    (project / "reloaded.py").write_text(SOURCE)
    write(project, 1)
    return project


def write(project, number):
    new = project / "helper.new"
    new.write_text(f"def number():\n    return {number}\n")
    new.rename(project / "helper.py")


@pytest.fixture
def reloading(source, start):
    process = start("worker", "reloaded:app", "-c", "1", "--reload")
    said = []
    pause = threading.Event()

    def read():
        for line in process.stderr:
            said.append(line)  # noqa: PERF402  # one by one, as they come

    reader = threading.Thread(target=read, daemon=True)
    reader.start()

    def wait_for(text):
        for _ in range(1500):
            if any(text in line for line in said):
                said[:] = []
                return
            pause.wait(0.02)
        pytest.fail(f"{text!r} was not said, but {said}")

    process.wait_for = wait_for
    yield process
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    reader.join(30)


def answer(zmqwork):
    done = zmqwork("call", "reloaded:app", "answer", "--timeout", "30")
    return done.stdout.strip()


def test_it_starts_anew_when_the_source_changes_and_waits_out_errors(reloading, source, zmqwork):
    assert answer(zmqwork) == "1"
    write(source, 2)
    reloading.wait_for("helper.py changed: starting anew")
    assert answer(zmqwork) == "2"
    write(source, "2 +")
    reloading.wait_for("helper.py, line 2: invalid syntax")
    states = [node["state"] for node in json.loads(zmqwork("ps", "-o", "json").stdout)["nodes"]]
    assert states == ["serving"], "the worker that was there goes on"
    write(source, 3)
    reloading.wait_for("starting anew")
    assert answer(zmqwork) == "3"
    write(source, "unknown\nraise LookupError")
    reloading.wait_for("is started again after a change")
    write(source, 4)
    reloading.wait_for("starting anew")
    assert answer(zmqwork) == "4"
    reloading.send_signal(signal.SIGTERM)
    assert reloading.wait(30) == 0, "the worker has drained"


def test_a_worker_that_never_started_can_be_left(source, start):
    write(source, "2 +")
    process = start("worker", "reloaded:app", "--reload")
    while "is started again" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130


def test_a_worker_that_leaves_by_itself_is_not_started_again(source, start):
    process = start("worker", "reloaded:app", "-c", "1", "--reload", "--idle-exit", "0.1")
    assert process.wait(30) == 0


def test_which_files_have_changed(source):
    sources = Sources("reloaded:app")
    assert list(sources.changed()) == []
    (source / ".hidden").mkdir()
    (source / ".hidden" / "x.py").touch()
    (source / "venv").mkdir()
    (source / "venv" / "pyvenv.cfg").touch()
    (source / "venv" / "x.py").touch()
    (source / "notes.txt").touch()
    assert list(sources.changed()) == []
    (source / "deep" / "new.py").touch()
    assert list(sources.changed()) == [], "it may go on"
    assert list(sources.changed()) == [str(source / "deep" / "new.py")]
    assert list(sources.changed()) == []
    (source / "deep" / "new.py").unlink()
    sources.changed()
    (gone,) = sources.changed()
    assert sources.faults([gone]) == []


def test_a_package_is_watched_alone(source):
    (source / "pkg").mkdir()
    (source / "pkg" / "__init__.py").touch()
    assert Sources("pkg.tasks:app").what == str(source / "pkg")
    assert Sources(None).what == str(source)
    with pytest.raises(UsageError, match="no module 'nothing'"):
        Sources("nothing:app")
