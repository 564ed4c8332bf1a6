"""Commands whose output nobody can take: closed streams, and a disk that is full."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest

COMMANDS = {
    "ps": (3, ["ps", "--timeout", "0.1"]),
    "doctor": (0, ["doctor", "--discovery", "local", "--timeout", "0.1"]),
    "demo": (0, ["demo", "--path", ".", "--no-kill", "--workers", "1"]),
    "call": (0, ["call", "thumbs:app", "double", "1"]),
    "explain": (3, ["explain", "12345678-1", "--timeout", "0.1"]),
    "journal": (0, ["journal", "ls", "."]),
    "help": (0, ["--help"]),
    "help of a command": (0, ["ps", "--help"]),
    "version": (0, ["--version"]),
}
FULL = ["doctor", "demo", "call", "journal", "help", "help of a command", "version"]


@pytest.fixture
def in_shell(project):
    """Run a command with redirections, which only a shell can tell."""

    def run(redirection, *words, **variables):
        return subprocess.run(
            ["/bin/sh", "-c", f'exec "$0" -m zmqwork "$@" {redirection}', sys.executable, *words],
            cwd=project,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.mark.parametrize("redirection", [">&-", ">&- 2>&-", ">&- <&-", "<&- >&- 2>&-"])
def test_closed_streams_lead_nowhere(in_shell, redirection):
    code, words = COMMANDS["ps"]
    done = in_shell(redirection, *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr
    assert ("no node" in done.stderr) is ("2>" not in redirection)


@pytest.mark.parametrize("command", COMMANDS)
def test_without_standard_output_a_command_still_works(command, in_shell, worker):
    if command == "call":
        worker()
    code, words = COMMANDS[command]
    done = in_shell(">&-", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", FULL)
def test_output_that_cannot_be_written_is_one_line_and_code_74(
    command, unbuffered, in_shell, worker
):
    if command == "call":
        worker()
    _, words = COMMANDS[command]
    done = in_shell(">/dev/full", *words, PYTHONUNBUFFERED=unbuffered)
    assert done.stderr == (
        f"zmqwork {words[0]}: the output cannot be written: No space left on device\n"
    )
    assert done.returncode == 74


def test_errors_that_cannot_be_said_are_in_the_exit_code(in_shell):
    assert in_shell("2>/dev/full", "wroker").returncode == 2
    assert in_shell("2>&-", "wroker").returncode == 2


@pytest.mark.parametrize(
    ("redirection", "said"),
    [(">&-", ""), (">/dev/full", r".* WARNING serving without a banner: .*No space left.*\n")],
)
@pytest.mark.parametrize("form", ["table", "json"])
def test_a_worker_serves_without_its_banner(project, zmqwork, redirection, said, form):
    process = subprocess.Popen(
        ["/bin/sh", "-c", f'exec "$0" -m zmqwork worker thumbs:app -c 1 -o {form} {redirection}',
         sys.executable],
        cwd=project, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        try:
            assert zmqwork("call", "thumbs:app", "double", "1").stdout == "2\n"
            process.send_signal(signal.SIGTERM)
            log = process.stderr.read()
            assert process.wait(30) == 0
        finally:
            process.kill()
    before, _, _ = log.partition("\nzmqwork worker: draining")
    assert re.fullmatch(said, before), log
