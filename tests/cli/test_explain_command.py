from __future__ import annotations

import json
import os

import pytest

PROGRAM = """
import sys
import zmqwork

app = zmqwork.App("thumbs")

@app.task
def doubel(value):
    pass

@app.task(queue="images")
def double(value, times=1):
    pass

@app.task(retry_backoff=1000, max_retries=5, expires=5000)
def fail(text):
    pass

futures = {name: app.tasks[name].submit("x") for name in sys.argv[1:]}
print(*[future.id for future in futures.values()], flush=True)
sys.stdin.readline()
sys.exit(print([future.state for future in futures.values()]))
"""


@pytest.fixture
def submit(project, start_python):
    """A process of its own that submits these tasks; its ids."""
    (project / "program.py").write_text(PROGRAM)

    def submit(*names):
        process = start_python("program.py", *names)
        return process, process.stdout.readline().split()

    return submit


def explained(zmqwork, task_id, code=0, *words):
    done = zmqwork("explain", task_id, "-o", "json", *words)
    assert done.returncode == code, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_nobody_is_there_to_run_it(submit, zmqwork):
    _, (task_id,) = submit("double")
    said = explained(zmqwork, task_id)
    assert (said["id"], said["found"]) == (task_id, True)
    assert said["producer"]["node_id"].startswith(task_id[:8])
    assert said["task"]["state"] == "waiting"
    assert "no worker was found" in said["task"]["text"]
    done = zmqwork("explain", task_id.upper(), "--realm", "thumbs")
    assert done.returncode == 0
    assert "'double', queue 'images'" in done.stdout
    assert "  try       start a worker of realm 'thumbs'" in done.stdout


def test_workers_that_cannot_run_it_say_why(submit, worker, zmqwork, until):
    worker("-n", "one", "-Q", "default")
    _, (typo, lane, failing) = submit("doubel", "double", "fail")

    def task(task_id):
        return explained(zmqwork, task_id)["task"]

    until(lambda: task(failing)["state"] == "resting")
    said = task(typo)
    (view,) = said["workers"]
    assert view["why_not"] == "does not know the task: did you mean 'double'?"
    assert "did you mean 'double'?" in said["text"]
    (view,) = task(lane)["workers"]
    assert view["why_not"] == "does not serve queue 'images', but default"
    said = task(failing)
    assert 0 < said["retry_in"] <= 1000
    assert 1000 < said["expires_in"] <= 5000
    assert (said["attempt"], said["failures"], said["max_retries"]) == (1, 1, 5)
    assert said["evidence"] == [
        {"cause": "failed", "type": "ValueError", "text": "x", "attempt": 1}
    ]
    table = zmqwork("explain", failing).stdout
    assert "evidence" in table
    assert "ValueError: x" in table
    assert table.splitlines()[-1].split()[0].startswith("one#")


def test_one_that_never_was(submit, zmqwork):
    _, (task_id,) = submit("double")
    said = explained(zmqwork, f"{task_id[:8]}-7", 4)
    assert said["task"]["state"] == "unknown"
    assert "its newest is number 1" in said["task"]["text"]


def test_its_producer_is_nowhere(worker, zmqwork):
    worker()
    said = explained(zmqwork, "0badcafe-1", 3)
    assert (said["found"], said["seen"], said["known"]) == (False, 1, 1)
    done = zmqwork("explain", "0badcafe-1")
    assert (done.returncode, done.stdout) == (3, "")
    assert "no producer 0badcafe answered" in done.stderr
    assert "seen 1 of 1 node in 1 realm.\n" in done.stderr


def test_its_producer_is_stopped(submit, zmqwork, frozen):
    process, (task_id,) = submit("double")
    with frozen(process):
        said = explained(zmqwork, task_id, 3, "--timeout", "0.5")
        (silent,) = said["unheard"]
        assert (silent["pid"], silent["reach"]) == (process.pid, "mute")
        done = zmqwork("explain", task_id, "--timeout", "0.5")
    assert "is there, but silent: connected, but it says nothing" in done.stderr


@pytest.mark.parametrize("text", ["17", "1a2b3c4d", "1a2b3c4d-0", "1a2b3c4d-x", "thumbs:app"])
def test_what_is_no_id(zmqwork, text):
    done = zmqwork("explain", text)
    assert (done.returncode, done.stdout) == (2, "")
    assert "1a2b3c4d-17" in done.stderr


def test_workers_tell_of_a_producer_that_cannot_be_found(
    submit, worker, zmqwork, until, monkeypatch, project
):
    """It has another runtime directory, as another user would, and dials over tcp."""
    _, told = worker("-n", "one", "-Q", "default", "--bind", "tcp://127.0.0.1:*")
    here = os.environ["XDG_RUNTIME_DIR"]
    (endpoint,) = [e for e in told["endpoints"] if e.startswith("tcp://")]
    elsewhere = project / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(elsewhere))
    monkeypatch.setenv("ZMQWORK_PEERS", endpoint)
    _, (task_id,) = submit("double")
    monkeypatch.setenv("XDG_RUNTIME_DIR", here)
    monkeypatch.delenv("ZMQWORK_PEERS")
    until(lambda: explained(zmqwork, task_id, 3)["holders"] == [{"worker": "one", "held": 0}])
    assert "Workers know it: one (0 held)" in zmqwork("explain", task_id).stderr
