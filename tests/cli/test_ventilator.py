from __future__ import annotations

import json
import logging
import os
import pty
import select
import signal
import subprocess
import sys

import pytest

from zmqwork import cli
from zmqwork.cli import ventilator
from zmqwork.cli.parser import Parser
from zmqwork.cli.plan import planned

APP = """
import zmqwork

app = zmqwork.App("venting")

@app.task(max_retries=0)
def thumbnail(path: str, width: int = 200):
    return path

@app.task
def upload(path):
    pass
"""


@pytest.fixture
def vent(tmp_path, monkeypatch, runtime, capsys):
    """Run the command here; gives the exit code and what was printed."""
    (tmp_path / "vent_app.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "vent_app", raising=False)
    logger = logging.getLogger("zmqwork")
    level = logger.level

    def vent(*words):
        code = cli.main(["ventilator", *words])
        out, err = capsys.readouterr()
        return code, out, err

    yield vent
    logger.setLevel(level)
    sys.modules.pop("vent_app", None)


@pytest.fixture
def rehearse(vent):
    """A dry run of the task."""
    return lambda *words: vent("vent_app:app", "thumbnail", *words, "--dry-run")


@pytest.fixture
def run(project):
    """Run the command in a process of its own, in the project of `worker`."""

    def run(*words, **options):
        return subprocess.run(
            [sys.executable, "-m", "zmqwork", "ventilator", *words],
            cwd=project, capture_output=True, text=True, timeout=60, check=False, **options,
        )  # fmt: skip

    return run


def parsed(*words):
    parser = Parser(prog="zmqwork ventilator")
    ventilator.configure(parser)
    return parser.parse_strictly(words)


# --- without a worker


def test_a_dry_run_shows_the_calls(rehearse, tmp_path):
    (tmp_path / "t.csv").write_text("path,width\na.jpg,7\nb.jpg,\n")
    (tmp_path / "t.jsonl").write_text('{"path": "a", "width": 1}\n["b", 2]\n"c"\n')
    (tmp_path / "t.txt").write_text("a b\n\n")
    assert rehearse("--csv", "t.csv") == (
        0,
        "thumbnail(path='a.jpg', width=7)\nthumbnail(path='b.jpg')\n",
        "",
    )
    assert rehearse("--jsonl", "t.jsonl")[1] == (
        "thumbnail(path='a', width=1)\nthumbnail('b', 2)\nthumbnail('c')\n"
    )
    assert rehearse("--lines", "t.txt")[1] == "thumbnail('a b')\nthumbnail('')\n"
    assert rehearse("--array", "0-1,7")[1] == "thumbnail(0)\nthumbnail(1)\nthumbnail(7)\n"
    assert rehearse("--jsonl", "t.jsonl", "--as-one")[1].splitlines()[:2] == [
        "thumbnail({'path': 'a', 'width': 1})",
        "thumbnail(['b', 2])",
    ]
    _, out, _ = rehearse("--jsonl", "t.jsonl", "-o", "json")
    assert [json.loads(line) for line in out.splitlines()][:2] == [
        {"event": "call", "number": 0, "args": [], "kwargs": {"path": "a", "width": 1}},
        {"event": "call", "number": 1, "args": ["b", 2], "kwargs": {}},
    ]


def test_where_workers_run_a_command_each_record_is_one_argument(vent, tmp_path):
    (tmp_path / "t.jsonl").write_text('{"a": 1}\n[2]\n')
    code, out, _ = vent("--realm", "lan", "--jsonl", "t.jsonl", "--dry-run")
    assert (code, out) == (0, "command({'a': 1})\ncommand([2])\n")
    (tmp_path / "t.csv").write_text("a;b\n1;2\n")
    _, out, _ = vent("--realm", "lan", "--csv", "t.csv", "--delimiter", ";", "--dry-run")
    assert out == "command({'a': '1', 'b': '2'})\n"
    (tmp_path / "t.txt").write_text("a\nb\0c")
    _, out, _ = vent("--realm", "lan", "--lines", "t.txt", "-0", "--dry-run")
    assert out == "command('a\\nb')\ncommand('c')\n"


def test_a_broken_line_ends_it_with_its_place(rehearse, tmp_path):
    (tmp_path / "t.jsonl").write_text('"a"\n' * 16 + '{"path" "a"}\n' + '"b"\n')
    code, out, err = rehearse("--jsonl", "t.jsonl")
    assert code == 65
    assert len(out.splitlines()) == 16
    assert err == (
        "zmqwork ventilator: t.jsonl, line 17, column 9: this is no JSON: Expecting ':' delimiter\n"
        '    {"path" "a"}\n'
    )
    code, out, err = rehearse("--jsonl", "t.jsonl", "--skip-bad")
    assert code == 1
    assert len(out.splitlines()) == 17
    assert "t.jsonl, line 17, column 9" in err
    assert err.endswith("zmqwork ventilator: 18 records read: 1 bad\n")
    _, out, _ = rehearse("--jsonl", "t.jsonl", "--skip-bad", "-o", "json")
    assert json.loads(out.splitlines()[-1]) == {"event": "ended", "read": 18, "bad": 1}


def test_an_unknown_column(rehearse, tmp_path):
    (tmp_path / "t.csv").write_text("path,widht\na,1\n")
    code, out, err = rehearse("--csv", "t.csv", "--skip-bad")
    assert (code, out) == (65, "")
    assert "t.csv, line 1: unknown column 'widht': did you mean width?" in err


def test_an_input_without_records(rehearse, vent, tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "head").write_text("path\n")
    for option, name in (("--lines", "empty"), ("--jsonl", "empty"), ("--csv", "head")):
        code, out, err = rehearse(option, name)
        assert (code, out, err) == (0, "", f"zmqwork ventilator: {name}: no records\n")
    # Also without any worker or sink.
    code, out, err = vent("vent_app:app", "thumbnail", "--csv", "empty")
    assert (code, out, err) == (0, "empty: no records, nothing to do\n", "")


def test_a_binary_input(rehearse, tmp_path):
    (tmp_path / "t.gz").write_bytes(b"\x1f\x8b\x08\0\0")
    code, _, err = rehearse("--lines", "t.gz")
    assert code == 65
    assert "t.gz, line 1, byte 1: the byte 0x8b is no UTF-8. The file looks like gzip" in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["vent_app:app", "thumbnail"], 2, "name the input: --lines FILE, --jsonl FILE, "),
        (["--lines", "t", "--csv", "t"], 2, "argument --csv: not allowed with argument --lines"),
        (["--lines", "t", "--lines", "u"], 2, "--lines may be given once: put the inputs together"),
        (["--jsonl", "t", "--jsonl", "t"], 2, "--jsonl may be given once"),
        (["--csv", "t", "--csv", "u"], 2, "--csv may be given once"),
        (["--array", "1", "--array", "2"], 2, "--array may be given once"),
        (["--lines", "t"], 2, "name an app and its task (MODULE:APP TASK), or with --realm NAME"),
        (["vent_app:app", "--array", "1"], 2, "those of app 'venting' are thumbnail, upload"),
        (["vent_app:app", "thumnail", "--array", "1"], 2, "did you mean thumbnail?"),
        (["vent_app:app", "x", "--array", "1"], 2, "no task 'x': its tasks are thumbnail, upload"),
        (["vent_app:app", "thumbnail", "--csv", "t"], 2, "there is no such file"),
        (["vent_app:app", "thumbnail", "--csv", "."], 2, "it is a directory"),
        (["vent_app:app", "thumbnail", "--array", "1-"], 2, "'1-' is no range of numbers"),
        (["vent_app:app", "thumbnail", "--array", "1", "--rate", "x"], 2, "'x' is no rate"),
        (["vent_app:app", "thumbnail", "--csv", "t", "--delimiter", "ab"], 2, "is no delimiter"),
        (["vent_app:app", "thumbnail", "--array", "1", "-0"], 2, "--null is for --lines"),
        (["a", "b", "--jsonl", "t", "--delimiter", ";"], 2, "--delimiter is for --csv"),
        (["a", "b", "--jsonl", "t", "--overwrite-errors"], 2, "--overwrite-errors is for --errors"),
        (["a", "b", "--jsonl", "t", "--errors", "-"], 2, "--errors needs a file"),
        (["a", "b", "--jsonl", "t", "--no-sink", "--inbox", "i"], 2, "--inbox is for a sink, and"),
        (["a", "b", "--jsonl", "t", "--no-sink", "--run", "i"], 2, "--run is for a sink, and"),
        (["a", "b", "--jsonl", "t", "--no-sink", "--resume"], 2, "--resume is for a sink, and"),
        (["vent_app:app", "thumbnail", "x", "--array", "1"], 2, "no task 'x'"),
        (["a", "b", "--jsonl", "t", "--no-sink", "--sink", "i"], 2, "not allowed with argument"),
        (["a", "b", "--jsonl", "t", "--allow-volatile-journal"], 2, "is for --journal"),
        (["a", "b", "--jsonl", "t", "--journal", "j", "--no-sink"], 2, "--journal is for a sink"),
        (["a", "b", "--jsonl", "t", "--wait", "--dry-run"], 2, "not allowed with argument"),
        (["a", "b", "--jsonl", "t", "--skipbad"], 2, "did you mean --skip-bad?"),
        (["a", "b", "--jsonl", "t", "--window", "0"], 2, "0 is not between 1 and 1000000"),
        (["vent_app:app", "thumbnail", "--array", "1", "-Q", ""], 78, "queue must be"),
        (
            ["vent_app:app", "thumbnail", "--array", "1", "--no-sink", "--errors", "x/y"],
            2,
            "no dir",
        ),
        (["vent_app:app", "thumbnail", "--array", "1", "--run", ""], 2, "--run must"),
        (["vent_app:app", "thumbnail", "--array", "1", "--run", "ab" * 16], 78, "id of a node"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(vent, capsys, words, code, said):
    try:
        ended, _, err = vent(*words)
    except SystemExit as error:
        ended, err = error.code, capsys.readouterr().err
    assert ended == code
    assert said in err


def test_the_errors_file_of_an_earlier_run_is_kept(vent, tmp_path):
    (tmp_path / "bad").write_text("1\n")
    words = ("vent_app:app", "thumbnail", "--lines", "empty", "--no-sink", "--errors", "bad")
    (tmp_path / "empty").touch()
    code, _, err = vent(*words)
    assert code == 2
    assert "there is such a file, with 2 bytes" in err
    assert vent(*words, "--overwrite-errors")[0] == 0
    assert not (tmp_path / "bad").exists()
    code, _, err = vent("vent_app:app", "thumbnail", "--array", "@n", "--no-sink", "--errors", "n")
    assert code == 2
    (tmp_path / "n").write_text("1\n")
    code, _, err = vent("vent_app:app", "thumbnail", "--array", "@n", "--no-sink", "--errors", "n")
    assert (code, "--errors n: this is the input" in err) == (2, True)


def test_a_large_file_is_hashed_with_a_word(vent, tmp_path, monkeypatch):
    from zmqwork.cli import venting

    monkeypatch.setattr(venting, "LARGE_BYTES", 5)
    (tmp_path / "t").write_text("\n\n\n\n\n")
    (tmp_path / "kept").write_text("1\n")
    # (Ends before it looks for sinks.)
    words = ("vent_app:app", "thumbnail", "--jsonl", "t", "--errors", "kept")
    said = "t is read once before the run begins, for the name of the run"
    assert said in vent(*words)[2]
    assert said not in vent(*words, "--run", "monday")[2]
    assert said not in vent(*words, "--no-sink")[2]


def test_a_dry_run_does_not_wait_for_a_rate(rehearse):
    assert rehearse("--array", "0-2", "--rate", "1/d")[1].count("\n") == 3


def test_the_task_s_options(vent, tmp_path):
    words = ("vent_app:app", "thumbnail", "--array", "1")
    with planned(parsed(*words)) as plan:
        (task,) = plan.stages
        assert task.spec == plan.app.tasks["thumbnail"].spec
    with planned(
        parsed(*words, "--retries", "5", "-Q", "slow", "--expires", "60", "--priority=-5")
    ) as plan:
        options = plan.stages[0].options
        assert (options.max_retries, options.queue, options.expires) == (5, "slow", 60.0)
        assert options.priority == -5
    with planned(parsed("vent_app:app", "thumbnail", "upload", "--array", "1")) as plan:
        assert (plan.name, [stage.name for stage in plan.stages]) == (
            "thumbnail > upload",
            ["thumbnail", "upload"],
        )
    # Commands are run again only if that is said.
    with planned(parsed("--realm", "lan", "--array", "1")) as plan:
        (task,) = plan.stages
        assert (plan.app.name, task.name, task.options.max_retries) == ("lan", "exec", 0)
    with planned(parsed("--realm", "lan", "--array", "1", "--retries", "2")) as plan:
        assert plan.stages[0].options.max_retries == 2


def test_runs_are_known_by_task_form_and_content(vent, tmp_path):
    (tmp_path / "t").write_text("1\n")

    def run_of(*words, name=None, tasks=("thumbnail",)):
        with planned(parsed("vent_app:app", *tasks, *words)) as plan:
            return plan.find_run(name, resume=True)[0]

    # These never change: they are on the disks of those who ran them.
    assert run_of("--lines", "t") == "edb3e52c7a3d8de02ac2"
    assert run_of("--array", "0-9,10") == "e22e108ba5ebe8736548"
    assert run_of("--array", "00-09, 10") == run_of("--array", "0-9,10")
    ids = [
        run_of(*words)
        for words in [
            ("--lines", "t"),
            ("--lines", "t", "-0"),
            ("--jsonl", "t"),
            ("--jsonl", "t", "--as-one"),
            ("--csv", "t"),
            ("--csv", "t", "--delimiter", ";"),
            ("--array", "@t"),
            ("--array", "1"),
        ]
    ]
    ids.append(run_of("--lines", "t", tasks=("thumbnail", "upload")))
    assert len(set(ids)) == len(ids)
    assert run_of("--lines", "t", name="monday") == "monday"


def test_help_has_examples_of_all_inputs():
    for option in ("--lines", "--jsonl", "--csv", "--array", "--dry-run", "--errors", "--realm"):
        assert option in ventilator.EXAMPLES
    for line in ventilator.EXAMPLES.strip().splitlines():
        words = line.partition("zmqwork ventilator ")[2].split("  ")[0].split()
        if "--" in line:
            parsed(*words)


@pytest.mark.parametrize(
    ("redirection", "code", "said"),
    [
        ("<&-", 2, "cannot read standard input: whoever started this has closed it"),
        ("< /dev/null", 0, "standard input: no records"),
    ],
)
def test_standard_input(project, redirection, code, said):
    words = "ventilator thumbs:app double --lines - --dry-run"
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -m zmqwork {words} {redirection}', sys.executable],
        cwd=project, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_what_is_typed_at_a_terminal(project):
    main, child = pty.openpty()
    os.write(main, b"typed\n\x04")
    done = subprocess.run(
        [sys.executable, "-m", "zmqwork", "ventilator", "thumbs:app", "double", "--lines", "-",
         "--dry-run"],
        cwd=project, stdin=child, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    os.close(main)
    os.close(child)
    assert done.stdout == "double('typed')\n"
    assert done.stderr == "reading from the terminal: one record a line; Ctrl-D ends it\n"


# --- with one


def test_what_failed_is_told_kept_and_can_be_fed_again(worker, run, project):
    worker()
    (project / "t.jsonl").write_text(
        '{"value": 1}\n{"value": "x", "times": "y"}\n["a", 2]\nbroken\n{"value": null}\n'
    )
    words = ("thumbs:app", "double", "--no-sink", "--errors", "bad.jsonl")
    done = run(*words, "--jsonl", "t.jsonl", "--skip-bad")
    assert done.returncode == 1
    summary, errors = done.stdout.splitlines()
    assert summary.startswith("5 records read: 2 succeeded, 2 failed, 1 bad (")
    assert errors == "3 failed records in bad.jsonl: feed it with --jsonl bad.jsonl"
    assert "zmqwork ventilator: t.jsonl, line 2: TypeError: " in done.stderr
    assert "t.jsonl, line 5: TypeError: " in done.stderr
    assert "t.jsonl, line 4, column 1: this is no JSON" in done.stderr
    again = (project / "bad.jsonl").read_text()
    assert set(again.splitlines()) == {
        "broken",
        '{"value": "x", "times": "y"}',
        '{"value": null}',
    }
    (project / "bad.jsonl").write_text(again.replace("broken", '"mended"').replace("null", "3"))
    words = ("thumbs:app", "double", "--no-sink", "--errors", "bad2.jsonl")
    done = run(*words, "--jsonl", "bad.jsonl", "-o", "json", "--max-failures", "1")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events] == ["started", "failed", "ended"]
    assert events[0]["task"] == "double"
    assert (events[0]["run"], events[2]["run"], events[2]["sinks"]) == (None, None, [])
    assert (events[2]["failed"], events[2]["errors"]) == (1, "bad2.jsonl")
    assert done.stderr == "zmqwork ventilator: 1 task has failed: no more are sent\n"
    assert done.returncode == 1


def test_a_bad_record_waits_for_what_was_sent_before_it(worker, run, project):
    worker()
    (project / "t.jsonl").write_text("1\n2\nbroken\n4\n")
    done = run("thumbs:app", "double", "--no-sink", "--jsonl", "t.jsonl")
    assert done.returncode == 65
    assert done.stdout.startswith("3 records read, and no more: 2 succeeded, 1 bad (")
    assert "t.jsonl, line 3, column 1: this is no JSON" in done.stderr
    done = run("thumbs:app", "fail", "--no-sink", "--array", "0-3", "--errors", "/dev/full")
    assert done.returncode == 74
    assert "--errors /dev/full cannot be written: No space left on device" in done.stderr
    done = run("thumbs:app", "double", "--no-sink", "--array", "0-99", "-o", "quiet",
               "--window", "2")  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_failures_are_told_while_the_input_waits(worker, start_python):
    worker()
    process = start_python(
        "-m", "zmqwork", "ventilator", "thumbs:app", "fail", "--no-sink", "--no-progress",
        "--lines", "-",
    )  # fmt: skip
    process.stdin.write("first\n")
    process.stdin.flush()
    assert select.select([process.stderr], [], [], 30.0)[0], "it is told of now"
    assert process.stderr.readline() == (
        "zmqwork ventilator: standard input, line 1: ValueError: first\n"
    )
    out, _ = process.communicate(timeout=60)
    assert out.startswith("1 record read: 0 succeeded, 1 failed (")
    # Also while the next one waits for its turn.
    process = start_python(
        "-m", "zmqwork", "ventilator", "thumbs:app", "fail", "--no-sink", "--no-progress",
        "--array", "1-2", "--rate", "1/d", "--max-failures", "1",
    )  # fmt: skip
    out, err = process.communicate(timeout=60)
    assert "1 task has failed: no more are sent" in err
    assert process.returncode == 1


def test_an_input_that_changes_while_it_is_read_is_another_run(worker, start_python, gate, project):
    worker()
    (project / "t.jsonl").write_text(json.dumps(gate.words) + "\n")
    process = start_python(
        "-m", "zmqwork", "ventilator", "thumbs:app", "wait_for", "--no-sink", "--jsonl", "t.jsonl"
    )
    gate.wait_begun()
    with (project / "t.jsonl").open("a") as file:
        file.write("\n")
    gate.open()
    _, err = process.communicate(timeout=60)
    assert "t.jsonl has changed while it was read: --resume will not know this run" in err
    assert process.returncode == 0


def test_ctrl_c_leaves_at_once_and_says_how_far_it_was(worker, start_python, gate, project):
    worker()
    process = start_python(
        "-m", "zmqwork", "ventilator", "thumbs:app", "wait_for", "--no-sink", "--jsonl", "-",
        "--errors", "bad",
    )  # fmt: skip
    process.stdin.write(json.dumps(gate.words) + "\n")
    process.stdin.flush()
    gate.wait_begun()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    gate.open()
    assert process.returncode == 130
    assert out.startswith("1 record read, and no more: 0 succeeded, 1 not settled (")
    assert "Traceback" not in err
    # It has not failed: nobody waited for it.
    assert not (project / "bad").exists()
