"""The benchmark between network namespaces: found by mDNS, with keys and without."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hosts import why_not

ROOT = Path(__file__).parents[2]
BRIEF = ("--duration", "20", "--tasks", "300", "--concurrency", "20", "-o", "json")


@pytest.fixture(scope="module")
def no_hosts():
    return why_not() or ""


@pytest.fixture
def lan(no_hosts, tmp_path):
    """Start the program; it is ended by the test."""
    if no_hosts:
        pytest.skip(no_hosts)
    started = []

    def lan(*words):
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.netns.lan", *words],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        started.append(process)
        return process

    yield lan
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("words", "transport"), [([], "tcp + CURVE"), (["--plain"], "tcp")], ids=["keys", "plain"]
)
def test_hosts_are_found_and_measured(lan, words, transport):
    process = lan(*words, "--", *BRIEF, "--form", "request,map,pipeline", "--json", "lan.json")
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    said = json.loads(out.splitlines()[-1])
    assert (said["host"], said["hosts"]) == ("anna", ["bert", "carl"])
    assert said["transports"] == [transport]
    assert [m["tasks"] for m in said["measurements"]] == [300] * 3
    requests = said["measurements"][0]
    assert {share["host"] for share in requests["hosts"] if share["count"]} == {"bert", "carl"}
    assert sum(share["count"] for share in requests["hosts"]) == 300


def test_it_ends_with_what_it_has_and_leaves_nothing(lan, gone):
    process = lan("--", "--duration", "0.2", "--concurrency", ",".join(map(str, range(1, 200))))
    told = []
    while not (line := process.stdout.readline()).startswith("anna: "):
        assert line, process.stderr.read()
        told.append(line)
    while "1 of 199: " not in (line := process.stderr.readline()):
        assert line
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert "it was interrupted" in out
    for line in told:
        name, pid, place = re.match(
            r"(\w+): process (\d+), .*ipc://(/tmp/zw-[^/]+)/", line
        ).groups()
        assert name in ("bert", "carl")
        assert gone(int(pid))
        assert not Path(place).exists()


def test_its_processes_end_when_it_is_killed(lan, gone):
    process = lan("--plain", "--", "--duration", "1000")
    lines = [process.stdout.readline() for _ in range(3)]
    pids = [int(re.match(r"\w+: process (\d+),", line)[1]) for line in lines]
    process.kill()
    for pid in pids:
        assert gone(pid)


def test_without_root_it_says_so(tmp_path):
    program = "import os; os.geteuid = lambda: 1000; from benchmarks.netns.hosts import why_not; print(why_not())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert "root" in done.stdout or "network namespaces need" in done.stdout
