"""H40: signals, and terminals that are none."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hostile_node import HERE, PATIENCE

PLACES = {
    "no terminal": {"TERM": ""},
    "dumb": {"TERM": "dumb"},
    "unknown": {"TERM": "no-such-terminal"},
    "one column": {"COLUMNS": "1", "LINES": "1"},
    "no columns": {"COLUMNS": "0"},
    "wrong columns": {"COLUMNS": "x"},
    "ascii": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "no colour": {"NO_COLOR": "1"},
}
COMMANDS = [["--help"], ["ps"], ["worker", "--help"], ["queues"], ["no-such-command"]]


def start(*words, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "zmqwork", *words], cwd=HERE, text=True, errors="replace", **options
    )


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_h40_where_nothing_can_be_shown_well(place, words, where):
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with start(*words, env={**os.environ, **PLACES[where]}, **pipes) as process:
        said, complaint = process.communicate(timeout=PATIENCE)
    assert process.returncode in {0, 2, 3}, complaint
    assert "Traceback" not in complaint
    assert said or complaint


@pytest.mark.parametrize("closed", ["0", "1", "2", "0 1 2"])
def test_h40_closed_descriptors(place, closed):
    """As a shell does with ``>&-``: what is opened later may get these numbers."""
    redirections = " ".join(f"{number}>&-" for number in closed.split())
    command = f'exec "$@" {redirections}'
    words = [sys.executable, "-m", "zmqwork", "ps"]
    done = subprocess.run(
        ["sh", "-c", command, "sh", *words],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode >= 0, "no signal ended it"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["ps"], ["--help"], ["ps", "-o", "json"]], ids=" ".join)
def test_h40_a_disk_that_is_full_behind_standard_output(place, words):
    with (
        Path("/dev/full").open("w") as full,
        start(*words, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE) as process,
    ):
        _, complaint = process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert "Traceback" not in complaint


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda it: it.name)
@pytest.mark.parametrize("times", [1, 2, 5])
def test_h40_a_worker_that_is_told_to_end(start_node, number, times):
    node = start_node()
    node.honest.end()
    for _ in range(times):
        node.process.send_signal(number)
    code = node.process.wait(PATIENCE)
    node.end()
    assert code in {0, 128 + number, -number}, node.text()
    assert "Traceback" not in node.text()
