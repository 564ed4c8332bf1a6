from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

KEYS = {
    "tasks", "succeeded", "failed", "lost", "resubmitted", "executions", "workers",
    "recovery_seconds", "seconds", "verified",
}  # fmt: skip


def children_of(pid):
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def test_the_demo_loses_nothing_when_a_worker_is_killed(zmqwork, runtime):
    done = zmqwork("demo", "--limit", "300", "-o", "json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said.keys() >= KEYS
    assert (said["tasks"], said["succeeded"], said["failed"], said["lost"]) == (300, 300, 0, 0)
    assert said["verified"] is True
    assert said["workers"] == 2
    assert sum(said["shares"].values()) == 300
    assert set(said["shares"]) == {"worker-1", "worker-2"}
    assert said["noticed_seconds"] > 0
    assert list(runtime.rglob("zmqwork/*/*")) == []
    assert list((runtime / "zmqwork").iterdir()) == []


def test_the_demo_tells_its_story(zmqwork, project):
    for number in range(40):
        (project / f"file{number}.py").write_text("def f():\n    return 1\n" * 2000)
    done = zmqwork("demo", "--path", ".")
    assert done.returncode == 0, done.stderr
    said = [line.strip() for line in done.stdout.splitlines()]
    order = [
        "41 Python files under .",
        "up and found in",
        "worker-1 is killed now",
        "100 %  41 of 41 tasks",
        "tasks",
        "Next:",
    ]
    found = [next(i for i, line in enumerate(said) if line.startswith(text)) for text in order]
    assert found == sorted(found)


def test_the_demo_without_a_kill_and_without_a_word(zmqwork, project):
    done = zmqwork("demo", "--path", ".", "--no-kill", "--workers", "1", "-o", "quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = zmqwork("demo", "--path", ".", "--no-kill", "--workers", "1", "-o", "json")
    said = json.loads(done.stdout)
    assert (said["tasks"], said["executions"], said["recovery_seconds"]) == (1, 1, None)


def test_a_demo_of_one_file_has_no_time_to_kill_anybody(zmqwork):
    done = zmqwork("demo", "--path", ".")
    assert done.returncode == 0, done.stderr
    assert "1 Python file under ." in done.stdout
    assert "nobody was killed: all was done at once" in done.stdout
    assert "nobody was killed" not in zmqwork("demo", "--path", ".", "--no-kill").stdout


def test_the_demo_on_a_terminal(project):
    pytest.importorskip("rich")
    main, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "zmqwork", "demo", "--path", ".", "--no-kill"],
        cwd=project,
        stdout=child,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(child)
    shown = b""
    while True:
        try:
            shown += os.read(main, 65_536)
        except OSError:  # the other end is closed
            break
    os.close(main)
    assert process.wait(30) == 0
    assert "━" in shown.decode()
    assert b"1/1" in shown


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--path", "/nonexistent"], 78, "/nonexistent is no directory"),
        (["--discovery", "mdnss"], 2, "did you mean mdns?"),
        (["--discovery", "x"], 2, "unknown source"),
        (["--workers", "0"], 2, "not between 1 and 64"),
    ],
)
def test_a_demo_that_cannot_be(zmqwork, words, code, said):
    done = zmqwork("demo", *words)
    assert done.returncode == code
    assert said in done.stderr


def test_a_single_worker_is_started_again_and_takes_what_it_lost(zmqwork):
    done = zmqwork("demo", "--workers", "1", "--limit", "200", "-o", "json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["succeeded"], said["lost"]) == (200, 0)
    assert said["shares"] == {"worker-1": 200}
    assert "elsewhere" not in zmqwork("demo", "--workers", "1", "--limit", "200").stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_demo_that_is_cut_short_takes_its_workers_along(start, gone, runtime, number, code):
    process = start("demo", "--no-kill")
    while "10 %" not in (line := process.stdout.readline()):
        assert line, process.stderr.read()
    workers = children_of(process.pid)
    assert len(workers) >= 2
    process.send_signal(number)
    assert process.wait(30) == code
    assert "Traceback" not in process.stderr.read()
    for pid in workers:
        assert gone(pid)
    assert list((runtime / "zmqwork").iterdir()) == []


def test_workers_that_do_not_start_are_said_with_what_they_wrote(zmqwork, project):
    (project / "signal.py").write_text("raise ImportError('shadowed')")
    done = zmqwork("demo", "--limit", "1")
    assert done.returncode != 0
    assert "shadowed" in done.stderr


def test_bench_measures_three_ways(zmqwork, runtime):
    done = zmqwork("bench", "--local", "1", "--seconds", "0.2", "--pool", "inline", "-o", "json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["workers"], said["pool"], said["payload_bytes"]) == (1, "inline", 0)
    one_by_one, bulk, single = said["measurements"]
    assert one_by_one["tasks"] > 0
    assert bulk["tasks"] > 0
    assert one_by_one["p50_ms"] is None
    assert 0 < single["p50_ms"] <= single["p95_ms"] <= single["p99_ms"] <= single["max_ms"]
    assert list((runtime / "zmqwork").iterdir()) == []


def test_bench_prints_a_table(zmqwork):
    done = zmqwork("bench", "--seconds", "0.1", "--payload", "100000")
    assert done.returncode == 0, done.stderr
    assert "TASKS/S" in done.stdout
    assert "one at a time" in done.stdout


def test_bench_is_bounded(zmqwork):
    assert zmqwork("bench", "--seconds", "1e6").returncode == 78
    assert zmqwork("bench", "--local", "65").returncode == 2
