"""A command as a handler: what comes of it, and that nothing of it is left."""

from __future__ import annotations

import math
import os
import select
import signal
import threading
from types import SimpleNamespace

import pytest

from zmqwork.errors import UsageError
from zmqwork.execution import shell
from zmqwork.execution.command import Command
from zmqwork.execution.command_failed import CommandFailed
from zmqwork.execution.context import running


@pytest.fixture
def command():
    """Makes commands, and closes them."""
    made = []

    def make(text, **options):
        made.append(Command(text, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def fifo(tmp_path):
    """A pipe with a name, which a command writes to; `hear` waits for that."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def gone(pid):
    """Wait until a process has ended, whoever's child it is."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended, _, _ = select.select([descriptor], [], [], 20.0)
    os.close(descriptor)
    return bool(ended)


def test_a_system_that_cannot_look_without_reaping(command, monkeypatch):
    """macOS before Python 3.13."""
    for name in ("waitid", "WEXITED", "WNOWAIT", "P_PID", "pidfd_open"):
        monkeypatch.delattr(os, name)
    assert command("echo {}").run("a")["stdout"] == "a\n"
    with pytest.raises(CommandFailed, match="exit code 3"):
        command("exit 3; {}").run("a")
    with pytest.raises(CommandFailed, match="it wrote more than"):
        command("yes {}").run("a" * 1000)


def in_background(function, *args):
    """Run it in a thread; gives the thread, and what comes of it."""
    outcome = []

    def work():
        try:
            outcome.append(function(*args))
        except CommandFailed as error:
            outcome.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, outcome


def test_what_comes_of_a_command(command):
    result = command("echo {}; echo careful >&2").run("a b")
    seconds = result.pop("seconds")
    assert 0 < seconds < 60
    assert result == {
        "record": "a b",
        "stdout": "a b\n",
        "stderr": "careful\n",
        "host": os.uname().nodename,
    }


def test_output_that_is_no_utf_8_comes_as_bytes(command):
    result = command("printf '\\377\\n'; printf 'a\\377' >&2").run(1)
    assert (result["stdout"], result["stderr"]) == (b"\xff\n", "a\ufffd")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo why >&2; exit 3; echo {}", ["exit code 3: echo why", "echo 'a b'", "\nstderr: why"]),
        ("false", ["exit code 1: false 'a b'", "(nothing on stderr)"]),
        ("kill -9 $$", ["it was ended by SIGKILL: "]),
        ("sh -c 'kill -9 $$'", ["exit code 137 (as of SIGKILL)"]),
        ("exit 64; ", ["exit code 64: "]),
        ("no-such-program", ["exit code 127", "no-such-program: not found"]),
        ("seq 100 >&2; exit 1; ", ["stderr ends with: 86\n", "\n100"]),
        ("printf '%05000d' 1 >&2; exit 1; ", ["stderr ends with: 000"]),
        (f": {'x' * 1000}; exit 1", ["xxx…"]),
    ],
)
def test_failures_say_why(command, text, said):
    with pytest.raises(CommandFailed, match=r"(?s).*") as caught:
        command(text).run("a b")
    assert [part for part in said if part not in str(caught.value)] == []
    assert len(str(caught.value)) < 2500


def test_it_reads_nothing_and_has_no_terminal(command):
    result = command("cat; ! true 2>/dev/null </dev/tty && echo none; echo {} >&2").run("x")
    assert result["stdout"] == "none\n"


def test_what_it_may_know_of_its_task(command):
    one = command("echo {#} {%} $ZMQWORK_TASK_ID $ZMQWORK_ATTEMPT $ZMQWORK_SLOT")
    assert one.run("x")["stdout"] == "0 1 1\n"
    item = SimpleNamespace(producer_id="1a2b3c4d" + 24 * "0", seq=17, attempt=2, dropped=False)
    token = running.set(item)
    assert one.run("x")["stdout"] == "17 1 1a2b3c4d-17 2 1\n"
    running.reset(token)


def test_slots_are_numbered_from_one(command, fifo):
    one = command("echo {%}; cat {}")
    thread, outcome = in_background(one.run, str(fifo))
    with fifo.open("w"):
        assert one.run("/dev/null")["stdout"] == "2\n"
    thread.join()
    assert outcome[0]["stdout"] == "1\n"
    assert one.run("/dev/null")["stdout"] == "1\n"


# -- JSON -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", ["é\n", 1, None, {"a": [1.5, True]}, [], "x" * 1_000_000])
def test_json_in_and_out(command, record):
    assert command("cat", as_json=True).run(record) == record


def test_json_and_placeholders(command):
    assert command("echo {n}; cat >/dev/null", as_json=True).run({"n": 5}) == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo broken; echo why >&2", ["not one JSON document", "begins with 'broken", "why"]),
        ("echo '{'", ["not one JSON document"]),
        ("echo 1 2", ["not one JSON document", "'1 2\\n'"]),
        ("echo NaN", ["NaN is not JSON"]),
        ("printf '\\377'", ["not one JSON document"]),
        ("head -c 100000 /dev/zero | tr '\\0' '['", ["not one JSON document"]),
        ("true", ["it wrote no JSON document"]),
        ("cat; exit 2", ["exit code 2"]),
    ],
)
def test_json_that_is_none(command, text, said):
    with pytest.raises(CommandFailed, match=r"(?s).*") as caught:
        command(text, as_json=True).run("x")
    assert [part for part in said if part not in str(caught.value)] == []


@pytest.mark.parametrize("record", [b"x", math.nan, {1, 2}])
def test_records_that_json_does_not_have(command, record):
    with pytest.raises(CommandFailed, match="cannot be written as JSON"):
        command("cat", as_json=True).run(record)


# -- bounds ---------------------------------------------------------------------------------------


def test_too_much_output_ends_it(command, fifo):
    one = command("echo $$ >{}; exec cat /dev/zero")
    thread, outcome = in_background(one.run, str(fifo))
    pid = int(fifo.read_text())
    thread.join()
    assert "more than 66,060,288 bytes" in str(outcome[0])
    assert gone(pid)


def test_the_end_of_stderr_is_kept(command):
    said = command("seq -f %040.0f 10000 >&2; echo {} >&2").run("end")["stderr"]
    assert len(said) == shell.STDERR_BYTES_MAX
    assert said.endswith("10000\nend\n")


def test_much_output_of_both_kinds(command):
    result = command("seq 100000; seq 100000 >&2; seq 3; echo {}").run(4)
    assert result["stdout"].endswith("100000\n1\n2\n3\n4\n")


def test_a_command_line_that_the_system_does_not_take(command):
    with pytest.raises(CommandFailed, match="--exec-json"):
        command("echo").run("x" * 200_000)


# -- its end --------------------------------------------------------------------------------------


def test_what_it_leaves_running_is_not_waited_for(command):
    result = command("sleep 1000 & echo $!; : {}").run("x")
    os.kill(int(result["stdout"]), signal.SIGKILL)  # it is there
    assert result["seconds"] < 500


def test_the_end_is_seen_without_a_descriptor_for_it(command, monkeypatch):
    monkeypatch.delattr(os, "pidfd_open")
    assert command("sleep 0.01 & echo").run("x")["stdout"] == "x\n"


def test_json_without_memory_files(command, monkeypatch):
    monkeypatch.delattr(os, "memfd_create")
    assert command("cat", as_json=True).run("x") == "x"


@pytest.mark.parametrize(
    "text",
    [
        # It ends when it is asked to, and may say something; its child ends with it.
        "trap 'echo asked >{}; exit' TERM; sleep 1000 & echo $$ $! >{}; wait",
        # It does not care.
        "trap '' TERM; sleep 1000 & echo $$ $! >{}; wait",
    ],
)
def test_what_nobody_waits_for_is_ended(command, fifo, text, monkeypatch):
    monkeypatch.setattr(shell, "GRACE", 0.3)
    item = SimpleNamespace(producer_id="a" * 32, seq=1, attempt=1, dropped=False)

    def run():
        running.set(item)
        return command(text).run(str(fifo))

    thread, outcome = in_background(run)
    pids = map(int, fifo.read_text().split())
    item.dropped = True
    if "asked" in text:
        assert fifo.read_text() == "asked\n"
    thread.join()
    assert all(map(gone, pids))
    assert "nobody waits" in str(outcome[0])
    # The others of a chunk are not begun.
    running.set(item)
    with pytest.raises(CommandFailed, match="nobody waits"):
        command("echo").run(1)
    running.set(None)


def test_closing_ends_what_runs(command, fifo):
    one = command("sleep 1000 & echo $! >{}; wait")
    thread, outcome = in_background(one.run, str(fifo))
    pid = int(fifo.read_text())
    one.close()
    thread.join()
    assert gone(pid)
    assert "SIGTERM" in str(outcome[0])
    with pytest.raises(CommandFailed, match="this worker is leaving"):
        one.run("x")


def test_a_warden_that_was_killed_is_replaced(command, fifo):
    """And knows what runs already."""
    one = command("echo $$ >{}; exec sleep 1000")
    quick = command("echo")
    quick._warden.close()
    quick._warden = one._warden
    first = one._warden.pid
    thread, outcome = in_background(one.run, str(fifo))
    pid = int(fifo.read_text())
    os.kill(first, signal.SIGKILL)
    one._warden._process.wait()
    assert quick.run("x")["stdout"] == "x\n"
    assert one._warden.pid != first
    one.close()
    thread.join()
    assert gone(pid)
    assert "SIGTERM" in str(outcome[0])


def test_a_command_that_the_shell_cannot_read():
    with pytest.raises(UsageError, match=r"cannot read the command.*[Uu]nterminated"):
        Command("echo 'a")


def test_a_system_without_that_shell(monkeypatch):
    monkeypatch.setattr(shell, "SHELL", "/nowhere/sh")
    with pytest.raises(UsageError, match="/nowhere/sh"):
        Command("echo")


def test_a_shell_that_cannot_be_started(command, monkeypatch):
    one = command("echo")
    monkeypatch.setattr(shell, "SHELL", "/nowhere/sh")
    with pytest.raises(CommandFailed, match="cannot be started"):
        one.run("x")
