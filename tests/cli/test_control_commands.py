from __future__ import annotations

import json

import pytest

PROGRAM = """
import sys
import zmqwork

app = zmqwork.App("thumbs")

@app.task(max_retries=0, result_ttl=60)
def double(value, times=1):
    pass

@app.task(max_retries=0)
def fail(text):
    pass

@app.task(countdown=5000)
def later(value):
    pass

@app.task(max_retries=0)
def wait_for(begun, go):
    pass

words = sys.argv[1:]
futures = [app.tasks[word.split(":")[0]].submit(*word.split(":")[1:]) for word in words]
print(*[future.id for future in futures], flush=True)
sys.stdin.readline()
print(*[future.cancelled() for future in futures], flush=True)
for future in futures:
    future.cancel()
"""


@pytest.fixture
def submit(project, start_python):
    """A process of its own that submits these tasks; its ids."""
    (project / "program.py").write_text(PROGRAM)

    def submit(*words):
        process = start_python("program.py", *words)
        return process, process.stdout.readline().split()

    return submit


@pytest.fixture
def said(zmqwork):
    """What a command says as JSON."""

    def said(*words, code=0):
        done = zmqwork(*words, "-o", "json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    return said


def cancelled(process):
    process.stdin.write("\n")
    process.stdin.flush()
    return process.stdout.readline().split()


def test_tasks_are_listed_by_state(submit, said, worker, gate, zmqwork, until):
    _, banner = worker("-n", "one")
    _, (running, later, _) = submit(
        f"wait_for:{gate.words[0]}:{gate.words[1]}", "later:1", "double:1"
    )
    gate.wait_begun()
    until(lambda: [task["id"] for task in said("inspect", "active")["tasks"]] == [running])
    (task,) = said("inspect", "scheduled")["tasks"]
    assert (task["id"], 0 < task["due_in"] < 5000) == (later, True)
    (task,) = said("inspect", "active", "--app", "thumbs:app")["tasks"]
    assert (task["task"], task["worker"]) == ("wait_for", "one")
    assert task["running_for"] >= 0
    table = zmqwork("inspect", "scheduled").stdout
    assert later in table
    assert "resting" in table
    (registered,) = said("inspect", "registered")["workers"]
    assert "double" in registered["tasks"]
    assert registered["node_id"] == banner["node_id"]
    assert "double" in zmqwork("inspect", "registered").stdout
    assert said("inspect", running)["task"]["state"] == "started"
    gate.open()


def test_what_cannot_be_inspected(zmqwork):
    done = zmqwork("inspect", "activ")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean active?" in done.stderr
    for what, role in (("waiting", "producer"), ("registered", "worker")):
        done = zmqwork("inspect", what)
        assert done.returncode == 3
        assert f"no {role} answered" in done.stderr


def test_cancel(submit, said, zmqwork):
    process, (one, two, three) = submit("double:1", "double:2", "double:3")
    assert said("cancel", one, two.upper()) == {"cancelled": [one, two], "left": []}
    assert said("cancel", one, code=1) == {"cancelled": [], "left": [one]}
    done = zmqwork("cancel", one, three)
    assert (done.returncode, done.stdout) == (1, f"{three} cancelled\n")
    assert f"settled, or runs: --running: {one}" in done.stderr
    assert cancelled(process) == ["True"] * 3


def test_cancel_of_what_runs(submit, said, worker, gate):
    worker()
    process, (task_id,) = submit(f"wait_for:{gate.words[0]}:{gate.words[1]}")
    gate.wait_begun()
    assert said("cancel", task_id, "--hard")["cancelled"] == [task_id]
    assert cancelled(process) == ["True"]


def test_cancel_at_nobody(zmqwork):
    done = zmqwork("cancel", "0badcafe-1")
    assert (done.returncode, done.stdout) == (3, "")
    assert "no producer 0badcafe answered" in done.stderr
    assert zmqwork("cancel", "17").returncode == 2


def test_pause_and_resume(submit, said, zmqwork):
    submit("double:1")
    (producer,) = said("pause", "default")["producers"]
    assert producer["paused"] == ["default"]
    assert "paused: default" in zmqwork("ps").stderr
    done = zmqwork("resume", "default", "--realm", "thumbs")
    assert (done.returncode, done.stderr) == (0, "")
    assert "paused: nothing" in done.stdout
    done = zmqwork("pause", "a\nb")
    assert done.returncode == 1
    assert "must be a name" in done.stderr


def test_pause_at_nobody(zmqwork):
    assert zmqwork("pause", "default", "-o", "quiet").returncode == 3


def test_drain(worker, said, zmqwork):
    first, one = worker("-n", "one")
    second, two = worker("-n", "one")
    done = zmqwork("drain", "one")
    assert done.returncode == 2
    assert one["node_id"][:8] in done.stderr
    assert said("drain", one["node_id"][:8])["draining"] == [
        {"node_id": one["node_id"], "name": "one"}
    ]
    assert first.wait(30) == 0
    done = zmqwork("drain", "one", "two")
    assert done.returncode == 3
    assert "no worker two answered" in done.stderr
    assert second.wait(30) == 0
    assert two["node_id"]


def test_results(submit, said, worker, zmqwork):
    process, (value, failed) = submit("double:x", "fail:no")
    done = zmqwork("result", value)
    assert (done.returncode, done.stdout) == (1, "")
    assert "is waiting: --wait" in done.stderr
    assert said("result", value, "--wait", "0.1", code=1)["state"] == "unsettled"
    worker()
    told = said("result", failed, "--wait", "30", code=1)
    assert (told["state"], told["error"]["text"]) == ("failed", "ValueError: no")
    done = zmqwork("result", failed)
    assert "ValueError: no" in done.stderr
    done = zmqwork("result", value, "--wait", "30")
    assert (done.returncode, done.stdout) == (0, "xx\n")
    assert said("result", value)["result"] == "xx"
    assert zmqwork("result", f"{value[:8]}-99").returncode == 4
    assert zmqwork("result", "0badcafe-1").returncode == 3
    assert cancelled(process) == ["False", "False"]
