"""``zmqwork bench worker``, ``run`` and ``compare``: real processes, on this machine's own ways."""

from __future__ import annotations

import csv
import json
import os
import pty
import signal
import socket
import subprocess
import sys

import pytest

from zmqwork.bench.report import Report
from zmqwork.cli import main

HERE = socket.gethostname()
BRIEF = ("--tasks", "100", "--duration", "20")


@pytest.fixture
def no_keys(monkeypatch):
    monkeypatch.setenv("ZMQWORK_KEYS", "none")


@pytest.fixture
def bench_worker(start):
    """Start one and wait until it serves; its banner."""

    def bench_worker(*words):
        process = start("bench", "worker", "--pool", "inline", "-c", "1", "-o", "json", *words)
        line = process.stdout.readline()
        assert line, process.stderr.read()
        return json.loads(line) | {"process": process}

    return bench_worker


def here(*words):
    """The exit code of a command that is run in this process: one that meets nobody."""
    try:
        return main(words)
    except SystemExit as error:
        return error.code


def run_json(zmqwork, *words, code=0):
    done = zmqwork("bench", "run", "-o", "json", *words)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_every_form_between_several_workers(no_keys, bench_worker, zmqwork, project):
    told = [bench_worker("-n", name) for name in ("one", "two")]
    assert {tuple(banner["tasks"]) for banner in told} == {
        ("noop", "echo", "sleep", "cpu", "about")
    }
    said = run_json(
        zmqwork,
        *BRIEF,
        *("--workers", "2", "--hosts", HERE, "--form", "request,map,pipeline"),
        *("--payload", "0,1k", "--concurrency", "1,10", "--json", "lan.json", "--csv", "lan.csv"),
    )
    found = said["measurements"]
    assert [(m["form"], m["payload_bytes"], m["in_flight"]) for m in found] == [
        ("request", 0, 1), ("request", 0, 10), ("request", 1024, 1), ("request", 1024, 10),
        ("map", 0, 0), ("map", 1024, 0), ("pipeline", 0, 0), ("pipeline", 1024, 0),
    ]  # fmt: skip
    assert {m["tasks"] for m in found} == {100}
    assert {m["slots"] for m in found} == {2}
    requests = [m for m in found if m["form"] == "request"]
    assert all(sum(m["workers"].values()) == 100 for m in requests)
    assert all(m["hosts"][0]["count"] == 100 for m in requests)
    assert all(0 < m["p50_ms"] <= m["p99_ms"] <= m["max_ms"] for m in requests)
    assert (said["transports"], said["hosts"], said["keys"]) == (["ipc"], [HERE], False)
    assert {worker["label"].partition("#")[0] for worker in said["workers"]} == {"one", "two"}
    assert all(worker["round_trip"] > 0 for worker in said["workers"])
    assert (said["interrupted"], said["trouble"]) == (False, None)
    assert json.loads((project / "lan.json").read_text()) == said
    assert Report.read(project / "lan.json").plain() == said
    with (project / "lan.csv").open() as file:
        assert [row["tasks"] for row in csv.DictReader(file)] == ["100"] * 8


def test_people_get_tables_and_a_sentence(no_keys, bench_worker, zmqwork):
    bench_worker()
    bench_worker()
    done = zmqwork("bench", "run", *BRIEF, "--workers", "2", "--concurrency", "1,20")
    assert done.returncode == 0, done.stderr
    assert f"2 workers with 2 slots on 1 host: {HERE}; ipc" in done.stdout
    for word in ("FORM", "TASKS/S", "BREAK-EVEN US", "HOST", "LINK MS", "SHARE %"):
        assert word in done.stdout
    assert "us a task is cheaper in this process than there (2 slots); from " in done.stdout
    assert "2 of 2: request, echo 0, 20 in flight: " in done.stderr


def test_tasks_that_take_their_time(no_keys, bench_worker, zmqwork):
    bench_worker()
    words = ["--concurrency", "1", "--tasks", "5", "--length", "0.002"]
    for kind in ("sleep", "cpu"):
        (found,) = run_json(zmqwork, "--task", kind, *words)["measurements"]
        assert (found["task"], found["tasks"], found["break_even_us"]) == (kind, 5, None)
        assert found["seconds"] >= 5 * 0.002


def test_over_tcp_it_says_so(no_keys, bench_worker, zmqwork):
    banner = bench_worker("--discovery", "static", "--bind", "tcp://127.0.0.1:*")
    (endpoint,) = [place for place in banner["endpoints"] if place.startswith("tcp")]
    said = run_json(zmqwork, *BRIEF, "--discovery", "static", "--peer", endpoint)
    assert said["transports"] == ["tcp"]
    assert said["workers"][0]["endpoint"] == endpoint


def test_with_keys_it_says_so(bench_worker, zmqwork, project, monkeypatch):
    monkeypatch.setenv("ZMQWORK_KEYS", str(project / "keys"))
    monkeypatch.setenv("XDG_STATE_HOME", str(project / "state"))
    assert zmqwork("keys", "init", "--cluster", "lab").returncode == 0
    banner = bench_worker("--discovery", "static", "--bind", "tcp://127.0.0.1:*")
    (endpoint,) = [place for place in banner["endpoints"] if place.startswith("tcp")]
    said = run_json(zmqwork, *BRIEF, "--discovery", "static", "--peer", endpoint)
    assert (said["transports"], said["keys"]) == (["tcp + CURVE"], True)


def test_realms_are_apart(no_keys, bench_worker, zmqwork):
    bench_worker("--realm", "bench-2")
    assert zmqwork("bench", "run", "--timeout", "0.5").returncode == 3
    assert run_json(zmqwork, *BRIEF, "--realm", "bench-2")["measurements"]


def test_who_is_missing_is_said_with_who_is_there(no_keys, bench_worker, zmqwork):
    done = zmqwork("bench", "run", "--timeout", "0.5")
    assert done.returncode == 3
    assert "zmqwork bench run: 0 of 1 hosts after 0.5 s; there is nobody\n" in done.stderr
    assert "On each host: zmqwork bench worker" in done.stderr
    bench_worker()
    for words, lacking in [
        (["--hosts", "2"], "1 of 2 hosts"),
        (["--hosts", f"{HERE},nowhere"], "no worker on nowhere"),
        (["--workers", "3"], "1 of 3 workers"),
    ]:
        done = zmqwork("bench", "run", "--timeout", "1", *words)
        assert done.returncode == 3
        assert f"{lacking} after 1 s; there is {HERE} (1 worker)" in done.stderr


MANY = ("--duration", "0.2", "--concurrency", ",".join(map(str, range(1, 200))))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_was_measured_until_it_is_interrupted_is_shown(
    no_keys, bench_worker, start, project, number, code
):
    bench_worker()
    process = start("bench", "run", *MANY, "--json", "lan.json")
    while "1 of 199: " not in (line := process.stderr.readline()):
        assert line
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "it ends with what was measured so far" in err
    assert "Traceback" not in err
    assert "TASKS/S" in out
    assert "it was interrupted" in out
    written = Report.read(project / "lan.json")
    assert written.interrupted
    assert 1 <= len(written.measurements) < 199


@pytest.fixture
def long_run(no_keys, bench_worker, start, zmqwork, until):
    """A run in whose middle a task takes longer than anybody waits."""
    bench_worker("--pool", "process")
    process = start("bench", "run", "--task", "sleep", "--length", "1000", "--concurrency", "1")

    def is_under_way():
        """The first task asked the worker who it is; the second one sleeps."""
        nodes = json.loads(zmqwork("ps", "-o", "json").stdout)["nodes"]
        states = [n["tasks_by_state"] for n in nodes if n["role"] == "producer" and n["newest"] > 1]
        return any(state["started"] for state in states)

    until(is_under_way)
    return process


def ended(process, code):
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in err
    assert out.endswith("nothing was measured\n")


def test_a_second_signal_does_not_wait(long_run):
    long_run.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        long_run.wait(1)  # it waits for what is under way; and the next one is a word of its own
    long_run.send_signal(signal.SIGINT)
    ended(long_run, 130)


def test_who_signals_once_is_not_kept_waiting(long_run):
    long_run.send_signal(signal.SIGTERM)
    ended(long_run, 143)


def test_it_can_be_ended_while_it_waits(no_keys, start):
    process = start("bench", "run", "--timeout", "1000")
    assert "looking for workers" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == "nothing was measured\n"


def test_on_a_terminal_there_is_a_bar(no_keys, bench_worker, project):
    pytest.importorskip("rich")
    bench_worker()
    main, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "zmqwork", "bench", "run", "--duration", "1"],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=child,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(child)
    shown = b""
    while True:
        try:
            shown += os.read(main, 65_536)
        except OSError:  # the other end is closed
            break
    os.close(main)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "━".encode() in shown
    assert b"tasks, " in shown
    assert b"TASKS/S" in out


def test_a_picture(no_keys, bench_worker, zmqwork, project):
    pytest.importorskip("matplotlib")
    bench_worker()
    done = zmqwork(
        *("bench", "run", *BRIEF, "--form", "request,map", "--payload", "0,1k"),
        *("--plot", "lan.png"),
    )
    assert done.returncode == 0, done.stderr
    assert "written: lan.png" in done.stdout
    assert (project / "lan.png").read_bytes().startswith(b"\x89PNG")
    done = zmqwork("bench", "run", "--plot", "lan.xyz")
    assert done.returncode == 78
    assert "the name says what kind of file it is" in done.stderr


def test_a_picture_without_matplotlib_names_the_extra(zmqwork, project):
    (project / "matplotlib.py").write_text("raise ImportError('no such thing')")
    done = zmqwork("bench", "run", "--plot", "lan.png")
    assert done.returncode == 78
    assert "pip install 'zmqwork[plot]'" in done.stderr


def test_files_are_looked_at_before_anything_is_measured(zmqwork, project):
    (project / "there").mkdir()
    for words, said in [
        (["--json", "no/lan.json"], "there is no directory"),
        (["--csv", "there"], "is a directory"),
    ]:
        done = zmqwork("bench", "run", *words)
        assert done.returncode == 74
        assert said in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "--form", "request,mapp"], "unknown form 'mapp': did you mean map?"),
        (["run", "--task", "ecko"], "did you mean echo?"),
        (["run", "--payload", "1x"], "'1x' is no payload, as 0, 1k (1,024) or 1M"),
        (["run", "--payload", "1G"], "not between 0 and 67,108,864"),
        (["run", "--concurrency", "0"], "not between 1 and 50,000"),
        (["run", "--tasks", "-5"], "'-5' is no number"),
        (["run", "--hosts", ","], "neither a number nor names"),
        (["run", "--hosts", "0"], "not between 1 and"),
        (["run", "--duration", "1e6"], "a day is enough"),
        (["run", "--length", "1"], "takes --payload, and no --length"),
        (["run", "--task", "sleep", "--payload", "1k"], "takes --length, and no --payload"),
        (["wroker"], "unknown ACTION 'wroker': did you mean worker?"),
        (["--seconds", "1", "run"], "say it first: zmqwork bench run"),
        (["compare", "a.json"], "B.json"),
    ],
)
def test_what_cannot_be_meant_is_refused(capsys, words, said):
    assert here("bench", *words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("action", ["worker", "run", "compare"])
def test_each_action_teaches(capsys, action):
    assert here("bench", action, "--help") == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: zmqwork bench {action} ")
    assert f"examples:\n  zmqwork bench {action} " in text
    assert "exit codes:" in text
    assert max(map(len, text.splitlines())) <= 100
    assert here("bench", "--help") == 0
    assert f"  {action}  " in capsys.readouterr().out


@pytest.fixture
def results(no_keys, bench_worker, zmqwork):
    """Two files with two measurements in common."""
    bench_worker()
    for name, payloads in (("a.json", "0,1k,2k"), ("b.json", "0,1k,3k")):
        words = ["--payload", payloads, "--concurrency", "2", "--json", name, "-o", "quiet"]
        done = zmqwork("bench", "run", *BRIEF, *words)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_two_runs_are_compared(results, zmqwork, project):
    done = zmqwork("bench", "compare", "a.json", "b.json", "-o", "json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [pair["payload_bytes"] for pair in said["pairs"]] == [0, 1024]
    assert all(pair["tasks_per_second"]["ratio"] > 0 for pair in said["pairs"])
    assert said["only_before"] == ["request, echo 2k, 2 in flight"]
    assert said["only_after"] == ["request, echo 3k, 2 in flight"]
    done = zmqwork("bench", "compare", "a.json", "a.json")
    assert done.stdout.count(" 1.00") == 9, "of each the throughput and two round trips"
    assert done.stderr == ""
    done = zmqwork("bench", "compare", "a.json", "b.json")
    assert "RATIO" in done.stdout
    assert "only in a.json: request, echo 2k, 2 in flight" in done.stderr
    # What cannot be compared.
    other = json.loads((project / "a.json").read_text())
    other["measurements"] = []
    (project / "empty.json").write_text(json.dumps(other))
    done = zmqwork("bench", "compare", "a.json", "empty.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing was measured in both" in done.stderr
    (project / "bad.json").write_text("[]")
    for name, said in (("bad.json", "no result of"), ("none.json", "cannot be read")):
        done = zmqwork("bench", "compare", "a.json", name)
        assert done.returncode == 65
        assert said in done.stderr
