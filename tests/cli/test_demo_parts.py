from __future__ import annotations

import ast
import hashlib
import json
import sysconfig
from pathlib import Path

import pytest

from zmqwork.cli import demo_loss
from zmqwork.cli.demo import python_files
from zmqwork.cli.demo_loss import Loss
from zmqwork.cli.demo_report import Report
from zmqwork.cli.demo_run import Outcome
from zmqwork.cli.demo_sample import Sample
from zmqwork.cli.demo_story import Lines
from zmqwork.cli.demo_task import count_file, tokenise_file
from zmqwork.cli.output import Output
from zmqwork.core.effects import Notice

SOURCE = '''\
import os


class A:
    def short(self): return 1

    @property
    def long(self):
        """It has

        several lines."""
        def inner():
            pass
        # a comment

        return inner


async def last(a, b):
    return (a,
            b)
'''


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "x.py"
    path.write_text(SOURCE)
    return path


def test_the_counts_of_one_file(file):
    counts = count_file(str(file))
    assert counts["lines"] == 21
    assert (counts["longest"], counts["longest_lines"]) == ("long", 9)
    assert counts["digest"] == hashlib.blake2b(SOURCE.encode(), digest_size=8).hexdigest()
    assert counts["fault"] == ""
    assert counts["identifiers"] == 16
    assert counts["worker"] == 0
    assert {**tokenise_file(str(file)), "worker": 0} == counts


def test_the_longest_function_is_the_one_that_the_parser_finds():
    root = Path(sysconfig.get_path("stdlib"))
    for name in ("ast.py", "argparse.py", "enum.py", "asyncio/base_events.py", "tokenize.py"):
        tree = ast.parse((root / name).read_bytes())
        functions = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        longest = max(functions, key=lambda node: node.end_lineno - node.lineno)
        counts = count_file(str(root / name))
        assert counts["longest"] == longest.name
        assert counts["longest_lines"] == longest.end_lineno - longest.lineno + 1


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"(", "TokenError"),
        (b"# coding: nonsense\n", "SyntaxError"),
        (b"\xff\xfe\n", "SyntaxError"),
        (b"  x\n y\n", "IndentationError"),
    ],
)
def test_what_is_no_python_is_a_counted_result(tmp_path, data, fault):
    path = tmp_path / "x.py"
    path.write_bytes(data)
    assert count_file(str(path))["fault"] == fault


def test_files_are_found_without_installed_packages(tmp_path):
    for name in ("a.py", "b/c.py", "site-packages/d.py", "b/__pycache__/e.py", "f.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "g.py").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [p.name for p in python_files(tmp_path, None)] == ["a.py", "c.py"]
    assert len(python_files(tmp_path, 1)) == 1


@pytest.fixture
def clock(monkeypatch):
    now = [10.0]
    monkeypatch.setattr(demo_loss.time, "monotonic", lambda: now[0])
    return now


def lost(node_id="n", held=2, started=1, seqs=(7, 8)):
    data = {"node_id": node_id, "name": "w", "held": held, "started": started, "seqs": list(seqs)}
    return Notice("peer_lost", "lost", data)


def resumed(seq):
    return Notice("resumed", "resumed", {"seq": seq, "attempt": 2, "delay": 0.1})


def test_a_loss_is_over_when_all_that_was_held_has_started_elsewhere(clock):
    loss = Loss("worker-1", "n")
    loss.begin()
    for notice in (resumed(7), lost("another"), Notice("no_worker", "", {})):
        loss.notice(notice)
    assert loss.noticed_after is None
    clock[0] = 10.01
    loss.notice(lost())
    clock[0] = 10.02
    loss.notice(resumed(7))
    loss.notice(resumed(7))
    loss.notice(resumed(99))
    assert not loss.over()
    clock[0] = 10.5
    loss.notice(resumed(8))
    assert loss.over()
    assert loss.recovered_after == pytest.approx(0.5)
    assert loss.text() == (
        "missed after 10 ms; it held 2 tasks, 1 begun; "
        "the first started elsewhere 20 ms after the kill, the last 500 ms"
    )


def test_a_loss_of_nothing(clock):
    loss = Loss("worker-1", "n")
    assert "not missed" in loss.text()
    loss.notice(lost(held=0, started=0, seqs=()))
    assert loss.over()
    assert loss.text() == "missed after 0 ms; it held no task"


def test_a_loss_of_one(clock):
    loss = Loss("worker-1", "n")
    loss.notice(lost(held=1, started=0, seqs=(7,)))
    clock[0] = 12.0
    loss.notice(resumed(7))
    assert loss.text() == (
        "missed after 0 ms; it held 1 task, 0 begun; it started elsewhere 2.0 s after the kill"
    )


def test_the_loss_of_the_only_worker(clock):
    """There is no elsewhere."""
    loss = Loss("worker-1", "n", alone=True)
    loss.notice(lost())
    for seq in (7, 8):
        loss.notice(resumed(seq))
    assert "the first started again 0 ms after the kill, the last 0 ms" in loss.text()
    loss = Loss("worker-1", "n", alone=True)
    loss.notice(lost(held=1, started=0, seqs=(7,)))
    loss.notice(resumed(7))
    assert loss.text().endswith("it held 1 task, 0 begun; it started again 0 ms after the kill")


def test_what_the_killed_worker_had_begun_was_run_twice(file, outcome, clock, capsys):
    outcome.loss = Loss("worker-1", "n")
    outcome.loss.notice(lost(held=2, started=1))
    outcome.counters["executions"] = 1
    Report([file], outcome, Sample.take([file])).show(Output("json"))
    values = json.loads(capsys.readouterr().out)
    assert (values["executions"], values["run_twice"], values["held_by_killed"]) == (2, 1, 2)


def test_plain_lines_tell_each_tenth_once(capsys):
    with Lines(Output("table")) as tale:
        tale.begin(50)
        for settled in (1, 4, 5, 6, 25, 50):
            tale.advance(settled)
        tale.say("something")
    assert capsys.readouterr().out == (
        "  10 %  5 of 50 tasks\n  50 %  25 of 50 tasks\n 100 %  50 of 50 tasks\n       something\n"
    )


def test_nothing_is_told_when_asked_for_quiet(capsys):
    for form in ("quiet", "json"):
        with Lines(Output(form)) as tale:
            tale.begin(1)
            tale.advance(1)
            tale.say("something")
    assert capsys.readouterr().out == ""


@pytest.fixture
def outcome(file):
    it = Outcome(workers=2, seconds=0.5)
    it.results[str(file)] = {**count_file(str(file)), "worker": 4711}
    it.shares["worker-1"] = 1
    it.counters = {"resubmitted": 1, "executions": 2, "duplicates": 0}
    return it


def test_the_report_of_a_good_run(file, outcome, capsys):
    report = Report([file], outcome, Sample.take([file]))
    report.show(Output("json"))
    values = json.loads(capsys.readouterr().out)
    assert report.good
    expected = {
        "tasks": 1,
        "succeeded": 1,
        "failed": 0,
        "lost": 0,
        "resubmitted": 1,
        "executions": 2,
        "run_twice": 1,
        "workers": 2,
        "recovery_seconds": None,
        "seconds": 0.5,
        "verified": True,
    }
    assert {name: values[name] for name in expected} == expected
    report.show(Output("table"))
    shown = capsys.readouterr().out
    assert "run twice" in shown
    assert "1 file: it agrees" in shown
    assert "0 files" in shown
    speeds = [line for line in shown.splitlines() if line.startswith(("speed", "one process"))]
    assert [line.count(" MB/s") for line in speeds] == [1, 1], "one unit, so that they compare"
    assert "files/s" not in shown
    assert shown.count("  zmqwork ") == 3


def test_a_wrong_result_is_found_and_is_no_success(file, outcome, capsys):
    outcome.results[str(file)]["tokens"] += 1
    report = Report([file], outcome, Sample.take([file]))
    assert not report.good
    report.show(Output("table"))
    assert "DIFFERS" in capsys.readouterr().out


def test_missing_and_failed_tasks_are_no_success(file, outcome, capsys):
    report = Report([file, file], outcome, Sample.take([file]))
    assert (report.lost, report.good) == (1, False)
    outcome.errors["OSError: gone"] += 1
    report = Report([file, file], outcome, Sample.take([file]))
    assert (report.lost, report.failed, report.good) == (0, 1, False)
    report.show(Output("table"))
    assert "1 x OSError: gone" in capsys.readouterr().out


def test_nothing_at_all_came_back(file, capsys):
    it = Outcome(workers=2, counters={"resubmitted": 0, "executions": 0, "duplicates": 0})
    report = Report([file], it, Sample.take([file]))
    report.show(Output("table"))
    assert (report.lost, report.good) == (1, False)
