"""``zmqwork sink``: what it refuses, what it says, and how it ends."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from typing import NamedTuple

import pytest

from zmqwork import cli
from zmqwork.cli import sink as cli_sink
from zmqwork.cli.feed import Counts
from zmqwork.cli.parser import Parser
from zmqwork.cli.sink_end import SinkEnd
from zmqwork.cli.storing import place_of, sink_of
from zmqwork.cli.vent_end import lacking_of, listed, resume_text, sink_text
from zmqwork.nodes import unended
from zmqwork.nodes.unended import Unended
from zmqwork.sinks import Csv, SqliteTable, Stdout

PATIENCE = 60

APP = """
import zmqwork

app = zmqwork.App("sinking")
none = zmqwork.App("none")
several = zmqwork.App("several")

@app.task(max_retries=0)
def pad(value: int, width: int = 10):
    return str(value).rjust(width, "x")

@app.sink(name="default", batch=9)
def keep(results):
    with open("kept.txt", "a") as file:
        file.writelines(f"{result}\\n" for result in results)

@several.sink(name="thumbs")
def one(results):
    pass

@several.sink(name="sheets")
def two(results):
    pass
"""


@pytest.fixture
def project(tmp_path, runtime, monkeypatch):
    (tmp_path / "sink_app.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("sink_app", None)


@pytest.fixture
def here(project, capsys):
    """Run the command here; gives the exit code and what was complained of."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def here(*words):
        try:
            code = cli.main(["sink", *words])
        except SystemExit as error:
            code = error.code
        return code, capsys.readouterr().err

    yield here
    root.handlers[:] = handlers
    root.setLevel(level)


def parsed(*words):
    parser = Parser(prog="zmqwork sink")
    cli_sink.configure(parser)
    return parser.parse_strictly(words)


# --- without anybody else


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            [],
            2,
            "name an app that has a sink (MODULE:APP), or where results go: --realm NAME --out",
        ),
        (["--realm", "lan"], 2, "or where results go: --realm NAME --out FILE"),
        (["--out", "x.jsonl"], 2, "whose results? Name an app (MODULE:APP), or --realm NAME"),
        (["sink_app:app", "--out", ""], 2, "--out needs a place"),
        (["sink_app:app", "--format", "csv"], 2, "--format is for --out, which is not given"),
        (["sink_app:app", "--append"], 2, "--append is for --out"),
        (["sink_app:app", "--inbox", "x"], 2, "--inbox is for --out"),
        (["sink_app:app", "--columns", "a,,b"], 2, "name the columns, with commas between them"),
        (["sink_app:app", "a", "--sink", "b"], 2, "two names: 'a', and 'b' of --sink"),
        (
            ["sink_app:none"],
            2,
            "app 'none' has no sink: make one of a function (@app.sink), or say",
        ),
        (["sink_app:several"], 2, "app 'several' has several sinks: name one, sheets, thumbs"),
        (["sink_app:several", "thumb"], 2, "no sink 'thumb': did you mean thumbs?"),
        (["sink_app:several", "--sink", "x"], 2, "no sink 'x': its sinks are sheets, thumbs"),
        (["sink_app:app", "--expect", "0"], 2, "0 is not between 1 and"),
        (["sink_app:app", "--linger", "-1"], 2, "-1 is not a time to wait"),
        (["--realm", "lan", "--out", "x.parquet"], 2, "x.parquet: a Parquet file cannot be"),
        (["--realm", "lan", "--out", "x.db"], 2, "sqlite:x.db makes one"),
        (["--realm", "lan", "--out", "x/", "--bare"], 2, "--bare does not go with --out x/\n"),
        (["--realm", "lan", "--out", "-", "--format", "xml"], 2, "jsonl or csv or text"),
        (
            ["--realm", "lan", "--out", "x.jsonl", "--columns", "a"],
            2,
            "--columns does not go with --out x.jsonl, which is jsonl",
        ),
        (["--realm", "lan", "--out", "-", "--inbox", "x"], 2, "--inbox does not go with --out -"),
        (["--realm", "lan", "--out", "x.csv", "--inbox", ""], 2, "inbox must be a non-empty"),
        (["--realm", "lan", "--out", "no/x.jsonl"], 74, "/no: make it first (mkdir -p), or choose"),
        (["--realm", "lan", "--out", "sqlite:no/x.db"], 74, "/no: make it first (mkdir -p)"),
        (["--realm", "lan", "--out", "no/x/"], 74, "/no: make it first (mkdir -p)"),
        (["--realm", "lan", "--out", "theirs.jsonl/x"], 74, "theirs.jsonl is no directory: choose"),
        (
            ["--realm", "lan", "--out", "theirs.jsonl"],
            74,
            "no sink is known to have written. Choose another name; or delete it, to begin anew; or",
        ),
        (["--realm", "lan", "--out", "x", "--bind", "tcp://0.0.0.0:1"], 78, "tcp://0.0.0.0:1"),
    ],
)
def test_what_is_wrong_is_said_at_once(here, project, words, code, said):
    (project / "theirs.jsonl").write_text("1\n")
    ended, err = here(*words)
    assert (ended, said in err) == (code, True), err
    assert "Traceback" not in err
    assert (project / "theirs.jsonl").read_text() == "1\n"


def test_which_sink_is_meant(project):
    sink = sink_of(parsed("sink_app:app"))
    assert (sink.name, place_of(sink)) == (
        "default",
        f"to keep (sink_app.keep, {project}/sink_app.py:12)",
    )
    assert sink_of(parsed("sink_app:several", "thumbs")).name == "thumbs"
    assert sink_of(parsed("sink_app:several", "--sink", "sheets")).name == "sheets"
    sink = sink_of(parsed("sink_app:app", "--out", "o.csv", "--columns", "a, b", "--sink", "s"))
    assert isinstance(sink.target, Csv)
    assert (sink.name, place_of(sink)) == ("s", f"into {project}/o.csv")
    sink = sink_of(parsed("--realm", "lan", "--out", "sqlite:o.db", "--inbox", "box"))
    assert isinstance(sink.target, SqliteTable)
    assert (sink.name, sink.target.inbox) == ("default", "box")
    sink = sink_of(parsed("--realm", "lan", "--out", "-", "--format", "text"))
    assert (isinstance(sink.target, Stdout), place_of(sink)) == (True, "to standard output")


def test_help_has_examples_that_can_be_typed():
    for line in cli_sink.EXAMPLES.strip().splitlines():
        words = line.partition("zmqwork sink ")[2].split("  ")[0].split(" | ")[0].split()
        if words:
            parsed(*words)


def report(**values):
    return {
        "producer_id": "night",
        "name": "ventilator#ab12",
        "count": 9,
        "succeeded": 9,
        "taken": 9,
        "lacking": 0,
        "missing": [],
        **values,
    }


class Signals(NamedTuple):
    """Those that a sink got."""

    exit_code: int = 0
    first_code: int = 0


class Left:
    """A node that has left."""

    def __init__(self, *reports, complete=True, before=0, exit_code=0, producers=()):
        self.reports = list(reports)
        self.complete = complete
        self.stored, self.stored_before = 1234, before
        self.exit_code = exit_code
        self.last_status = {"duplicates": 2, "producers": list(producers)}

    def wait_complete(self, timeout):
        assert timeout == 0
        return self.complete


@pytest.mark.parametrize(
    ("words", "left", "signalled", "code"),
    [
        ([], Left(complete=False), 0, 0),
        ([], Left(complete=False), 143, 143),
        ([], Left(report(lacking=1)), 0, 0),
        (["--once"], Left(report()), 0, 0),
        (["--once"], Left(complete=False), 0, 1),
        (["--once"], Left(complete=False), 130, 130),
        (["--once"], Left(report(lacking=1, missing=[[3, 3]])), 0, 1),
        # The last word counts.
        (["--once"], Left(report(lacking=1), report()), 0, 0),
        (["--once"], Left(complete=False, exit_code=74), 0, 74),
        (["--expect", "9"], Left(report(lacking=1)), 0, 0),
        (["--expect", "9"], Left(complete=False), 0, 1),
    ],
)
def test_how_it_ends(words, left, signalled, code):
    assert SinkEnd(parsed(*words), left, Signals(signalled, signalled)).exit_code == code


@pytest.mark.parametrize(
    ("words", "left", "code"),
    [
        ([], Left(complete=False), 0),
        (["--once"], Left(complete=False), 130),
        (["--expect", "9"], Left(complete=False), 130),
        (["--once"], Left(complete=False, exit_code=74), 74),
        (["--once"], Left(report()), 0),
    ],
)
def test_how_it_ends_by_one_ctrl_c(words, left, code):
    assert SinkEnd(parsed(*words), left, Signals(first_code=130)).exit_code == code


def test_what_is_said_at_the_end(capsys):
    from zmqwork.cli.output import Output

    others = {"producer_id": "ab" * 16, "name": "m#abab", "stored": 1, "ended": False}
    ended = {**others, "producer_id": "night", "ended": True}
    left = Left(
        report(count=12, lacking=2, missing=[[1, 3], [7, 8]]),
        report(producer_id="cd" * 16, name="x#cdcd"),
        before=1000,
        producers=[others, ended],
    )
    SinkEnd(parsed(), left, Signals()).show(Output("table"))
    assert capsys.readouterr().out.splitlines() == [
        "1,234 results stored (2,234 in all), 2 duplicates dropped",
        (
            "  ventilator#ab12, run night: incomplete: 7 of 9 results, missing 1-3, 7-8; "
            "3 tasks without one"
        ),
        "  x#cdcd: complete: 9 of 9 results",
        "  m#abab: 1 result, and it has not said that it has no more",
    ]
    SinkEnd(parsed(), left, Signals()).show(Output("json"))
    told = json.loads(capsys.readouterr().out)
    assert (told["event"], told["stored"], told["stored_before"], told["duplicates"]) == (
        "ended", 1234, 1000, 2,
    )  # fmt: skip
    assert (told["complete"], len(told["producers"]), len(told["unfinished"])) == (False, 2, 1)


def test_what_a_ventilator_says_of_its_sinks():
    sink = {"sink": "s#1", "count": 10, "succeeded": 8, "taken": 8, "missing": [[1, 1], [9, 9]]}
    assert (lacking_of(sink), sink_text(sink)) == (0, "sink s#1 has 8 of 8 results")
    sink["missing"] = [[1, 2], [9, 9]]
    assert sink_text(sink) == (
        "sink s#1 lacks 1 of 8 results: 1-2, 9 (2 numbers of tasks that failed among them)"
    )
    assert sink_text({**sink, "taken": None, "missing": []}) == (
        "sink s#1 took 8 results, and is not there any more to count them"
    )
    assert listed([(n, n) for n in range(1, 30, 2)]) == "1, 3, 5, 7, 9, 11, 13, 15, 17, 19, ..."


@pytest.mark.parametrize(
    ("counts", "unsettled", "words"),
    [
        (Counts(9, 0, 9, 0, 4, 0), True, "to go on with run a: the same command with --resume"),
        (Counts(9, 0, 9, 0, 8, 1), True, "to go on with run a: the same command with --resume"),
        (
            Counts(9, 0, 9, 0, 7, 2),
            False,
            (
                "nothing is left to do of run a but 2 failed records: to try again, once the cause is "
                "mended: the same command with --resume"
            ),
        ),
        (
            Counts(9, 1, 8, 0, 7, 1),
            False,
            (
                "to go on with run a: the same command with --run a --resume once the input is mended; "
                "each record must stay in its place"
            ),
        ),
    ],
)
def test_how_a_run_is_gone_on_with(counts, unsettled, words):
    assert resume_text("a", counts, is_known=True, unsettled=unsettled, kept=False) == words


# --- with workers and ventilators


@pytest.fixture
def serving(project, start):
    """Start a worker or a sink and wait until it serves."""

    def serving(name, *words):
        process = start(name, *words, "-o", "json")
        line = process.stdout.readline()
        assert line, process.stderr.read()
        process.told = json.loads(line)
        return process

    return serving


@pytest.fixture
def vent(project):
    """Run a ventilator to its end; gives exit code, its last words as an object, and complaints."""

    def vent(*words):
        done = subprocess.run(
            [sys.executable, "-m", "zmqwork", "ventilator", "sink_app:app", "pad", "-o", "json",
             *words],
            cwd=project, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stderr

    return vent


def ended(process):
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, json.loads(out.splitlines()[-1]), err


def test_the_app_s_function_gets_the_results(serving, vent, project):
    serving("worker", "sink_app:app", "--pool", "thread")
    sink = serving("sink", "sink_app:app", "--once", "--batch", "2", "-n", "keeper")
    assert (sink.told["name"], sink.told["sinks"], sink.told["inbox"]) == (
        "keeper", ["default"], None,
    )  # fmt: skip
    code, told, _ = vent("--array", "1-5")
    assert (code, told["succeeded"], told["run"]) == (0, 5, None)
    code, told, err = ended(sink)
    assert (code, told["stored"], told["complete"]) == (0, 5, True)
    assert told["producers"][0]["taken"] == 5
    lines = (project / "kept.txt").read_text().splitlines()
    assert sorted(lines) == [f"xxxxxxxxx{number}" for number in range(1, 6)]
    # A signal stores and leaves; with --once that is too early.
    for words, code in (([], 0), (["--once"], 143)):
        sink = serving("sink", "sink_app:app", *words)
        sink.send_signal(signal.SIGTERM)
        left, told, err = ended(sink)
        assert (left, told["stored"], told["complete"]) == (code, 0, False)
        assert "draining: what is here is stored" in err


@pytest.mark.parametrize("sink", [("--out", "out.jsonl"), ()])
def test_an_input_without_records_ends_it_too(serving, vent, project, sink):
    sink = serving("sink", "sink_app:app", "--once", *sink)
    (project / "empty").touch()
    code, told, err = vent("--lines", "empty")
    assert (code, told["read"], told["sinks"], err) == (0, 0, [], "")
    code, told, err = ended(sink)
    assert (code, told["stored"], told["complete"]) == (0, 0, True)
    assert "complete: 0 of 0 results" in err


def test_a_broken_line_is_mended_and_the_run_gone_on_with(serving, vent, project):
    serving("worker", "sink_app:app", "--pool", "thread")
    serving("sink", "sink_app:app", "--out", "out.csv")
    lines = [f'{{"value": {number}}}\n' for number in range(1, 21)]
    (project / "in.jsonl").write_text("".join([*lines[:16], '{"value" 17}\n', *lines[17:]]))
    code, told, err = vent("--jsonl", "in.jsonl")
    assert (code, told["succeeded"], told["bad"], told["complete"]) == (65, 16, 1, False)
    assert "in.jsonl, line 17, column 10: this is no JSON" in err
    run = told["run"]
    code, told, _ = vent("--jsonl", "in.jsonl", "--resume", "--skip-bad")
    assert (code, told["run"], told["already"], told["succeeded"], told["bad"]) == (
        1, run, 16, 3, 1,
    )  # fmt: skip
    assert told["sinks"][0]["lacking"] == 0
    (project / "in.jsonl").write_text("".join(lines))
    code, told, _ = vent("--jsonl", "in.jsonl", "--run", run, "--resume")
    assert (code, told["already"], told["succeeded"], told["bad"]) == (0, 19, 1, 0)
    rows = (project / "out.csv").read_text().splitlines()
    assert rows[0] == "task_id,task,result"
    assert sorted(rows[1:]) == sorted(
        f"{run}-{number},pad,{number:x>10}" for number in range(1, 21)
    )


@pytest.fixture
def killed(serving, start, monkeypatch):
    """A ventilator that is killed as soon as the sink here has stored a result of it."""
    look = Unended.look

    def killed(*words):
        serving("worker", "sink_app:app", "--pool", "thread")
        words = ("--array", "0-999", "--rate", "100/s", *words)
        ventilator = start("ventilator", "sink_app:app", "pad", *words)

        def look_and_kill(self, producers, now):
            if any(producer["stored"] for producer in producers):
                ventilator.kill()
            return look(self, producers, now)

        monkeypatch.setattr(Unended, "look", look_and_kill)
        monkeypatch.setattr(unended, "PATIENCE", 0.0)

    return killed


def test_once_ends_when_a_ventilator_without_a_run_was_killed(here, killed, caplog):
    killed()
    assert here("sink_app:app", "--once")[0] == 1
    said = r"incomplete: ventilator#\w+ was lost without saying how many results there are: \d+ are"
    assert re.search(said, caplog.text)


def test_once_says_how_a_run_is_gone_on_with_that_was_killed(here, killed, monkeypatch):
    killed("--run", "night")
    told = []

    def interrupt(record):
        if "incomplete: run night" in record.getMessage():
            told.append(record.getMessage())
            signal.raise_signal(signal.SIGINT)
        return True

    monkeypatch.setattr(unended._log, "filters", [interrupt])
    code, _ = here("sink_app:app", "--out", "out.jsonl", "--once")
    assert (code, len(told)) == (130, 1)
    assert "To go on start it again with --resume" in told[0]


FULL = """
mount -t tmpfs -o size=1m none disk || exit 9
head -c 500000 /dev/zero >disk/ballast
"$0" -m zmqwork sink sink_app:app --out disk/out.jsonl -o json --batch 20; echo "ended $?"
rm disk/ballast
"$0" -m zmqwork sink sink_app:app --out disk/out.jsonl -o json --once; echo "ended $?"
cp disk/out.jsonl .
"""


@pytest.fixture
def unshared():
    """How to start a program that may mount."""
    for words in (["unshare", "-m"], ["unshare", "-rm"]):
        if shutil.which("unshare") and not subprocess.run(
            [*words, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
        ).returncode:  # fmt: skip
            return words
    pytest.skip("no mount namespace can be had here")


def test_a_full_disk_ends_it_and_it_goes_on(unshared, serving, vent, project):
    (project / "disk").mkdir()
    serving("worker", "sink_app:app", "--pool", "thread")
    sinks = subprocess.Popen(
        [*unshared, "/bin/sh", "-c", FULL, sys.executable], start_new_session=True,
        cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        lines = [f"[{number}, 2000]\n" for number in range(1, 301)]
        (project / "in.jsonl").write_text("".join(lines))
        code, told, _ = vent("--jsonl", "in.jsonl")
        out, err = sinks.communicate(timeout=PATIENCE)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(sinks.pid, signal.SIGKILL)
        sinks.communicate()
    assert (code, told["succeeded"]) == (0, 300)
    words = out.splitlines()
    codes = [line for line in words if line.startswith("ended")]
    assert codes == ["ended 74", "ended 0"]
    full = json.loads(words[words.index("ended 74") - 1])
    done = json.loads(words[-2])
    assert 0 < full["stored"] < 300
    said = (
        r"/disk/out\.jsonl\S*: (No space left on device|database or disk is full)\. (\d+) results"
    )
    assert int(re.search(said, err)[2]) == full["stored"], err
    # The last transaction may have been in doubt: then its batch is there.
    assert done["stored_before"] - full["stored"] in (0, 20)
    assert done["stored_before"] + done["stored"] == 300
    results = [json.loads(line) for line in (project / "out.jsonl").read_text().splitlines()]
    assert sorted(int(result["result"].lstrip("x")) for result in results) == list(range(1, 301))
