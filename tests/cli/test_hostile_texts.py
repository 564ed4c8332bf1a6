"""Whatever a peer or a record says, no command lets a terminal obey it, or makes a line of it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

import zmqwork as package
from zmqwork.classic.report import Report, WorkerReport
from zmqwork.cli.output import Output
from zmqwork.cli.sink_end import SinkEnd
from zmqwork.core import messages, orders
from zmqwork.wire import verbs, writing

# An escape sequence, C1, bidi controls, the ends of lines and paragraphs, NUL; and what would
# stand at the beginning of a line if it made one.
HOSTILE = "\x1b[2J\x9b31m\u202e\u2066evil\nFORGED\r\nFORGED\x85FORGED\u2028FORGED\x00\x7f\u200e"

# Who is asked, and for what, is decided by these.
_NEEDED = {"role", "node_id"}

APP = """
import sys
import zmqwork

app = zmqwork.App("hostile")
HOSTILE = {hostile!r}

@app.task(max_retries=0, name="fail")
def fail(text=HOSTILE):
    context = zmqwork.current()
    if context is not None:
        context.progress(0.5, HOSTILE)
    Boom.__qualname__ = "Boom" + HOSTILE
    raise Boom(text)

class Boom(Exception):
    pass

@app.task(max_retries=0)
def say(text=HOSTILE):
    return [text, {{HOSTILE: HOSTILE}}]

@app.task(max_retries=0)
def wait(path):
    zmqwork.current().progress(0.5, HOSTILE)
    open(path).read()
"""


class Boom(Exception):
    """Gets a hostile name."""


def poisoned(value, key=""):
    """The same with hostile texts: each of them, and keys as well."""
    if isinstance(value, dict):
        return {k: poisoned(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [poisoned(item) for item in value]
    return value + HOSTILE if isinstance(value, str) and key not in _NEEDED else value


def is_tame(text):
    r"""Whether all of it is printable, but the ends of our own lines."""
    lines = text.split("\n")
    return all(map(str.isprintable, lines)) and not any(s.startswith("FORGED") for s in lines)


def check(done, *, shows=True):
    """A command that has shown something hostile, tamely."""
    assert "\nTraceback (most recent call last)" not in f"\n{done.stderr}", done.stderr
    assert is_tame(done.stdout), ascii(done.stdout)
    assert is_tame(done.stderr), ascii(done.stderr)
    if shows:
        assert "[2J\\x9b31m\\u202e\\u2066evil" in done.stdout + done.stderr, done


@pytest.fixture
def hostile(project, monkeypatch):
    """The module `hostile` in the project, and the nodes of this process say hostile things."""
    (project / "hostile.py").write_text(APP.format(hostile=HOSTILE))

    def status(message, out):
        del out
        return [message.request, poisoned(message.status)]

    code, ordered = writing.WRITERS[orders.Ordered]

    def answer(message, out):
        text = message.text + HOSTILE if message.text else ""
        value = poisoned(message.value)
        return ordered(
            orders.Ordered(message.request, message.code, text, value, message.data), out
        )

    monkeypatch.setitem(writing.WRITERS, messages.Status, (verbs.STATUS, status))
    monkeypatch.setitem(writing.WRITERS, orders.Ordered, (code, answer))


@pytest.fixture
def nodes(hostile, project, tmp_path):
    """A hostile worker and producer; the producer has a task that failed, and one that runs."""
    app = package.App("hostile", journal=str(tmp_path / "journal"))
    gate, begun = threading.Event(), threading.Event()

    @app.task(max_retries=0, name="fail", headers={"by": HOSTILE})
    def fail(text=HOSTILE):
        Boom.__qualname__ = "Boom" + HOSTILE
        raise Boom(text)

    @app.task(max_retries=0)
    def wait():
        package.current().progress(0.5, HOSTILE)
        begun.set()
        gate.wait()

    with app.producer() as producer, app.worker(2, "thread"):
        failed, waiting = fail.submit(HOSTILE), wait.submit()
        assert failed.exception(60) is not None
        assert begun.wait(60)
        try:
            yield SimpleNamespace(producer=producer, failed=failed.id, waiting=waiting.id)
        finally:
            gate.set()


COMMANDS = [
    ("ps",),
    ("ps", "--realm", "hostile"),
    ("doctor",),
    ("inspect", "active"),
    ("inspect", "registered"),
    ("inspect", "{waiting}"),
    ("explain", "{waiting}"),
    ("deadletters", "ls"),
    ("deadletters", "show", "{failed}"),
    ("result", "{failed}", "--timeout", "2"),
    ("pause", "default"),
    ("deadletters", "edit", "{waiting}", "x"),
    ("drain", "{worker}"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_what_peers_say(words, nodes, zmqwork):
    survey = json.loads(zmqwork("ps", "-o", "json").stdout)
    assert HOSTILE in next(node["name"] for node in survey["nodes"])
    (worker,) = [node for node in survey["nodes"] if node["role"] == "worker"]
    known = vars(nodes) | {"worker": worker["node_id"]}
    done = zmqwork(*(word.format(**known) for word in words))
    check(done)
    if words[0] in ("inspect", "explain", "deadletters"):
        as_json = zmqwork(*(word.format(**known) for word in words), "-o", "json")
        assert is_tame(as_json.stdout)
        for line in as_json.stdout.splitlines():
            json.loads(line)


def test_what_is_in_a_journal(nodes, zmqwork, tmp_path):
    nodes.producer.stop()
    check(zmqwork("journal", "tail", str(tmp_path / "journal"), "-n", "50"))
    for action in ("ls", "verify", "export"):
        done = zmqwork("journal", action, str(tmp_path / "journal"))
        check(done, shows=False)
        assert done.returncode == 0
    check(zmqwork("deadletters", "ls", "--journal", str(tmp_path / "journal")))


@pytest.fixture
def serving(hostile, start):
    """A worker process of the hostile app."""
    process = start("worker", "hostile:app", "-c", "1", "--pool", "thread", "-o", "json")
    assert process.stdout.readline()
    return process


def test_what_tasks_return_and_raise(serving, zmqwork):
    for words in (("fail",), ("say",)):
        check(zmqwork("call", "hostile:app", *words))
    failed = zmqwork("call", "hostile:app", "fail", "-o", "json")
    assert is_tame(failed.stdout)
    assert "evil" in json.loads(failed.stdout)["error"]["text"]
    serving.terminate()
    _, said = serving.communicate(timeout=60)
    check(SimpleNamespace(stdout="", stderr=said))


def test_what_a_run_says_of_its_records(serving, zmqwork, project):
    (project / "bad.jsonl").write_text(json.dumps([HOSTILE]) + "\n" + HOSTILE.replace("\n", " "))
    done = zmqwork(
        "ventilator", "hostile:app", "fail", "--jsonl", "bad.jsonl", "--skip-bad", "--no-sink"
    )
    check(done)
    check(zmqwork("ventilator", "hostile:app", "fail", "--jsonl", "bad.jsonl", "--dry-run"))


def producers_of_a_sink():
    """What a sink knows of its producers; names on the wire have no control characters."""
    name = HOSTILE
    report = {
        "producer_id": f"run{HOSTILE}", "name": name, "count": 2, "succeeded": 2, "taken": 1,
        "lacking": 1, "missing": [[1, 1]],
    }  # fmt: skip
    unfinished = {"producer_id": "x", "name": name, "stored": 1, "ended": False}
    return report, unfinished


def test_what_a_sink_says_of_its_producers(capsys):
    report, unfinished = producers_of_a_sink()
    node = SimpleNamespace(
        last_status={"producers": [unfinished]}, stored=1, stored_before=0, reports=[report],
        wait_complete=lambda _: True, exit_code=0,
    )  # fmt: skip
    args = SimpleNamespace(once=False, expect=None)
    SinkEnd(args, node, SimpleNamespace(first_code=0, exit_code=0)).show(Output("table"))
    printed = capsys.readouterr().out
    assert is_tame(printed)
    assert printed.count("evil") == 3
    assert printed.count("\n") == 3


def test_what_the_end_of_a_classic_pipeline_says():
    report = Report(1, 1, failed=1, failures=((HOSTILE, 0, HOSTILE),), workers={HOSTILE: 1, "b": 1},
                    foreign=1, foreign_sample=HOSTILE)  # fmt: skip
    worker = WorkerReport(HOSTILE, 1, 0, foreign=1, foreign_sample=HOSTILE)
    assert is_tame(str(report))
    assert is_tame(str(worker))
    assert len(str(report).split("\n")) == 4


SHOW = """
import sys
from zmqwork.cli import main
from zmqwork.cli import ps
from zmqwork.cli.output import Output
ps.run = lambda args: Output("table").line("gr\\xf6\\xdfe \\u5de5\\U0001f600 \\udc80") or 0
sys.exit(main(["ps"]))
"""


@pytest.mark.parametrize(
    ("locale", "shown"),
    [
        ({"PYTHONIOENCODING": "ascii"}, "gr\\xf6\\xdfe \\u5de5\\U0001f600 \\udc80"),
        ({"PYTHONIOENCODING": "latin-1"}, "gr\u00f6\u00dfe \\u5de5\\U0001f600 \\udc80"),
        ({"LC_ALL": "C", "PYTHONUTF8": "1"}, "gr\u00f6\u00dfe \u5de5\U0001f600 \\udc80"),
    ],
)
def test_a_name_that_the_terminal_does_not_have(locale, shown, private_environment):
    encoding = locale.get("PYTHONIOENCODING", "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", SHOW], env=private_environment | locale, capture_output=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode(encoding) == f"{shown}\n"
