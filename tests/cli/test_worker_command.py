from __future__ import annotations

import ctypes
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest


def test_the_banner_says_who_serves_what_and_where(start):
    process = start("worker", "thumbs:app", "-c", "1", "-n", "gpu-1", "-Q", "a,b")
    lines = []
    while "again" not in (line := process.stdout.readline()):
        assert line, process.stderr.read()
        lines.append(line)
    shown = {line.split(maxsplit=1)[0]: line.split(maxsplit=1)[1] for line in lines}
    assert "worker gpu-1" in shown["zmqwork"]
    assert shown["realm"] == "thumbs\n"
    assert shown["endpoints"].startswith("ipc:///")
    assert "local ok (/" in shown["discovery"]
    assert "static none given" in shown["discovery"]
    assert shown["pool"] == "process, 1 at a time\n"
    assert shown["queues"] == "a, b\n"
    assert "double, fail, odd, spell, wait_for" in shown["tasks"]
    assert str(process.pid) in shown["process"]


def test_the_banner_for_programs(worker):
    process, told = worker("--realm", "other", "--pool", "thread", "--bind", "tcp://127.0.0.1:*")
    assert told["event"] == "started"
    assert (told["realm"], told["pool"], told["pid"]) == ("other", "thread", process.pid)
    assert len(told["node_id"]) == 32
    assert [endpoint[:6] for endpoint in told["endpoints"]] == ["ipc://", "tcp://"]
    assert told["slots"] == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_drains_an_idle_worker(worker, number, runtime):
    process, _ = worker()
    process.send_signal(number)
    assert process.wait(30) == 0
    assert list(runtime.rglob("*.node")) == list(runtime.rglob("*.sock")) == []


def test_a_signal_that_another_thread_gets_is_heard(worker):
    """The kernel does that with the signals of a process that was stopped."""
    process, _ = worker()
    others = {int(task.name) for task in Path(f"/proc/{process.pid}/task").iterdir()}
    tgkill = ctypes.CDLL(None, use_errno=True).tgkill
    assert tgkill(process.pid, max(others - {process.pid}), signal.SIGTERM) == 0
    assert process.wait(30) == 0


def test_the_first_signal_lets_running_tasks_finish(worker, start, gate):
    process, _ = worker()
    call = start("call", "thumbs:app", "wait_for", *gate.words)
    gate.wait_begun()
    process.send_signal(signal.SIGTERM)
    while "draining" not in (line := process.stderr.readline()):
        assert line
    gate.open()
    assert process.wait(30) == 0
    assert call.wait(30) == 0
    assert call.stdout.read() == "waited\n"


def test_a_drain_that_takes_too_long_gives_back_what_runs(worker, start, gate):
    process, _ = worker("--drain-timeout", "0.1")
    call = start("call", "thumbs:app", "wait_for", *gate.words)
    gate.wait_begun()
    process.send_signal(signal.SIGTERM)
    while "took too long: 1 attempts are returned" not in (line := process.stderr.readline()):
        assert line
    assert process.wait(30) == 0
    worker()
    gate.wait_begun()
    gate.open()
    assert call.wait(30) == 0


def test_the_second_signal_gives_back_what_runs(worker, start, gate):
    process, _ = worker()
    call = start("call", "thumbs:app", "wait_for", *gate.words)
    gate.wait_begun()
    # Two different ones: the same one at once would count as its echo.
    for number, word in ((signal.SIGINT, "draining"), (signal.SIGTERM, "stopping")):
        process.send_signal(number)
        while word not in (line := process.stderr.readline()):
            assert line
    assert process.wait(30) == 143
    worker()
    gate.wait_begun()
    gate.open()
    assert call.wait(30) == 0


def test_quit_leaves_at_once(worker):
    process, _ = worker()
    process.send_signal(signal.SIGQUIT)
    assert process.wait(30) == 131


def test_it_leaves_when_its_starter_is_gone(project, gone):
    """A starter that is killed cannot end what it has started."""
    script = """
import sys
from zmqwork.cli.local import LocalWorker
worker = LocalWorker("thumbs:app", "a realm", "w", "-c", "1")
worker.wait_started()
print(worker.pid, flush=True)
sys.stdin.read()
"""
    starter = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=project,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    pid = int(starter.stdout.readline())
    starter.kill()
    starter.communicate()
    assert gone(pid)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["thumbz:app"], 2, "did you mean thumbs:app?"),
        (["thumbs:ap"], 2, "did you mean thumbs:app?"),
        (["thumbs:app", "--bind", "tcp://0.0.0.0:*"], 78, "--insecure-lan"),
        (["thumbs:app", "--bind", "tcp://127.0.0.1"], 78, "tcp://127.0.0.1"),
        (["thumbs:app", "--discovery", "mdsn"], 2, "did you mean mdns?"),
        (["thumbs:app", "--interface", "l"], 78, "did you mean lo?"),
        (["thumbs:app", "--discovery", "local", "--interface", "lo"], 78, "is for mdns"),
        (["thumbs:app", "--discovery", "static"], 78, "bind"),
        (["thumbs:app", "--pool", "proces"], 2, "did you mean process?"),
        (["thumbs:app", "-Q", ","], 2, "at least one queue"),
        (["thumbs:app", "--realm", ""], 78, "non-empty"),
    ],
)
def test_what_goes_wrong_at_the_start(zmqwork, words, code, said):
    done = zmqwork("worker", *words)
    assert said in done.stderr
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_the_runtime_directory_of_somebody_else_is_refused(zmqwork, runtime):
    (runtime / "zmqwork").mkdir(mode=0o755)
    done = zmqwork("worker", "thumbs:app")
    assert "chmod 700" in done.stderr
    assert done.returncode == 78


def test_a_module_that_breaks_is_shown_as_python_shows_it(zmqwork, project):
    (project / "broken.py").write_text("import zmqwork\n1 / 0\n")
    done = zmqwork("worker", "broken:app")
    assert done.returncode == 2
    assert 'broken.py", line 2' in done.stderr
    assert "ZeroDivisionError: division by zero" in done.stderr


def test_a_worker_that_failed_says_so_with_its_exit_code(zmqwork, project):
    """Whoever supervises it shall start it again."""
    (project / "buggy.py").write_text(
        "import zmqwork\n"
        "from zmqwork.core.runner import Runner\n"
        "app = zmqwork.App('buggy')\n"
        "@app.task\n"
        "def f(): ...\n"
        "Runner.tick = lambda self, now: 1 / 0\n"
    )
    done = zmqwork("worker", "buggy:app", "--pool", "thread", "-c", "1")
    assert "ZeroDivisionError" in done.stderr
    assert done.returncode == 70


def test_two_workers_with_the_same_name_both_work(worker, zmqwork):
    first, told_first = worker("-n", "same")
    second, told_second = worker("-n", "same")
    assert told_first["node_id"] != told_second["node_id"]
    nodes = json.loads(zmqwork("ps", "-o", "json").stdout)["nodes"]
    assert [node["name"] for node in nodes] == ["same", "same"]
    assert {node["pid"] for node in nodes} == {first.pid, second.pid}
