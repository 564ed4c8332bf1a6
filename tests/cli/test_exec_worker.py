"""``zmqwork worker --exec``: records in, results out, and commands that end with their worker."""

from __future__ import annotations

import json
import os
import signal

import pytest

from zmqwork.cli import worker as cli_worker
from zmqwork.cli.parser import Parser
from zmqwork.commands import command_app
from zmqwork.errors import TaskFailed, UsageError

REALM = "pics"


@pytest.fixture
def exec_worker(start):
    """Start a worker that runs a command and wait until it serves; gives process and banner."""

    def worker(command, *words, **options):
        words = ["--realm", REALM, "-c", "1", "-o", "json", "--exec", command, *words]
        process = start("worker", *words, **options)
        line = process.stdout.readline()
        assert line, process.stderr.read()
        return process, json.loads(line)

    return worker


@pytest.fixture
def task(runtime):
    """The task of the realm, submitted from here; `stop` ends its producer."""
    app = command_app(REALM, peers=[])
    producer = app.producer()
    with producer:
        yield app.tasks["exec"]
        producer.stop()


class Begun:
    """A pipe through which commands say their process ids; the test's time-out bounds the wait."""

    def __init__(self, path):
        os.mkfifo(path)
        self.path = path

    def pids(self):
        return [int(word) for word in self.path.read_text().split()]


@pytest.fixture
def begun(tmp_path):
    return Begun(tmp_path / "begun")


def heard(process, word):
    """Read what a worker says until it says this."""
    while word not in (line := process.stderr.readline()):
        assert line


# A shell, and what it has started in the background; both say who they are. The worker that gets
# the record second lets it through.
WAIT = "sleep 1000 & echo $$ $! >begun; [ $ZMQWORK_ATTEMPT != 1 ] || wait; echo {}"


def test_records_of_every_kind(exec_worker, task):
    exec_worker("echo {} {name} '{print $1}'")
    records = ["a  b", 17, ["x", "y z"], {"name": "n", "size": 1}]
    results = [future.result(60) for future in map(task.submit, records)]
    assert [result["record"] for result in results] == records
    assert [result["stdout"] for result in results] == [
        "a  b {name} {print $1}\n",
        "17 {name} {print $1}\n",
        "x y z {name} {print $1}\n",
        '{"name": "n", "size": 1} n {print $1}\n',
    ]
    # In chunks, too, which `map` makes of quick ones.
    said = [result["stdout"].split()[0] for result in task.map(range(30))]
    assert said == list(map(str, range(30)))
    with pytest.raises(TaskFailed, match="has no field 'name'; it has size"):
        task.submit({"size": 1}).result(60)


def test_failures_and_retries(exec_worker, task):
    exec_worker("[ $ZMQWORK_ATTEMPT = {} ] || { echo 'not yet' >&2; exit 5; }")
    with pytest.raises(TaskFailed) as caught:
        task.submit(2).result(60)
    assert caught.value.type_name == "CommandFailed"
    assert caught.value.attempts == 1
    assert caught.value.text.startswith("exit code 5: [ $ZMQWORK_ATTEMPT = 2 ] ||")
    assert caught.value.text.endswith("\nstderr: not yet")
    assert caught.value.traceback == ""
    patient = task.using(max_retries=2, retry_backoff=0.01)
    assert patient.submit(2).result(60)["stdout"] == ""


@pytest.mark.parametrize("words", [["--exec-json"], ["--exec-json", "cat"]])
def test_json(start, task, words):
    words = ["--exec", "cat", *words] if len(words) == 1 else words
    worker = start("worker", "--realm", REALM, *words)
    assert task.submit({"a": [1, None]}).result(60) == {"a": [1, None]}
    worker.terminate()
    assert worker.wait(30) == 0


def test_people_are_shown_the_command(exec_worker, zmqwork, begun):
    _, told = exec_worker(WAIT, "-Q", "default")
    assert told["command"] == WAIT
    assert (told["pool"], told["tasks"], told["slots"]) == ("thread", ["exec"], 1)
    assert f"exec: {WAIT[:60]}…" in zmqwork("ps").stdout
    app = command_app(REALM, peers=[])
    with app.producer() as producer:
        future = app.tasks["exec"].submit("x")
        begun.pids()
        explained = zmqwork("explain", future.id).stdout
        assert f"{told['name']}: {WAIT}" in explained
        producer.stop()


def test_the_banner_shows_the_command(start):
    process = start("worker", "--realm", REALM, "--exec", "echo {}")
    lines = []
    while "again" not in (line := process.stdout.readline()):
        assert line, process.stderr.read()
        lines.append(line.split(maxsplit=1))
    assert ["command", "echo {}\n"] in lines


def test_a_worker_that_is_killed_takes_its_command_along(exec_worker, task, begun, gone):
    """And the record is run elsewhere."""
    process, _ = exec_worker(WAIT)
    future = task.submit("a b")
    pids = begun.pids()
    process.kill()
    assert all(map(gone, pids))
    exec_worker(WAIT)
    _, child = begun.pids()
    assert future.result(60)["stdout"] == "a b\n"
    os.kill(child, signal.SIGKILL)


def test_a_command_ends_when_its_producer_is_gone(exec_worker, task, begun, gone):
    exec_worker(WAIT)
    task.submit("x")
    pids = begun.pids()
    task.producers.current.stop()
    assert all(map(gone, pids))


def test_ctrl_c_lets_commands_finish(exec_worker, task, tmp_path, begun):
    """A terminal sends it to the whole group of the worker: not to what that runs."""
    os.mkfifo(tmp_path / "go")
    process, _ = exec_worker("echo $$ >begun; cat go; echo {}", start_new_session=True)
    future = task.submit("x")
    begun.pids()
    os.killpg(process.pid, signal.SIGINT)
    heard(process, "draining")
    (tmp_path / "go").write_text("went on, ")
    assert future.result(60)["stdout"] == "went on, x\n"
    assert process.wait(30) == 0


def test_the_second_signal_ends_commands_and_gives_them_back(exec_worker, task, begun, gone):
    process, _ = exec_worker(WAIT)
    future = task.submit("x")
    pids = begun.pids()
    for number, word in ((signal.SIGINT, "draining"), (signal.SIGTERM, "stopping")):
        process.send_signal(number)
        heard(process, word)
    assert process.wait(30) == 143
    assert all(map(gone, pids))
    exec_worker("echo again {}")
    assert future.result(60)["stdout"] == "again x\n"


def test_leaving_at_once_ends_commands(exec_worker, task, begun, gone):
    process, _ = exec_worker(WAIT)
    task.submit("x")
    pids = begun.pids()
    process.send_signal(signal.SIGQUIT)
    assert process.wait(30) == 131
    assert all(map(gone, pids))


def test_whoever_submits_has_no_command():
    with pytest.raises(UsageError, match="--realm pics --exec"):
        command_app(REALM).tasks["exec"]("x")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--exec", "echo"], "--exec needs --realm NAME"),
        (["thumbs:app", "--exec", "echo", "--realm", "r"], "'thumbs:app' names an app"),
        (["--exec", "echo", "--realm", "r", "--allow", "pkg.*"], "--allow do not go together"),
        (["--exec", "echo", "--realm", "r", "--pool", "process"], "--pool process is for Python"),
        (["--exec-json", "--realm", "r"], "--exec-json needs a command"),
        (["--exec", "a", "--exec-json", "b", "--realm", "r"], "two commands: 'a'"),
    ],
)
def test_what_does_not_go_together(words, said):
    parser = Parser(prog="zmqwork worker")
    cli_worker.configure(parser)
    with pytest.raises(UsageError) as caught:
        cli_worker.run(parser.parse_strictly(words))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--exec 'CMD {}' a command"),
        (["--exec", "echo 'a", "--realm", "r"], "nterminated quoted string"),
    ],
)
def test_what_cannot_be_run(zmqwork, words, said):
    done = zmqwork("worker", *words)
    assert said in done.stderr
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
