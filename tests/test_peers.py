"""The comparison with peers counts, compares and cleans up right. Those to install are not run."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.peers import __main__ as command
from benchmarks.peers import broker, census, environments, harness, report, workloads
from benchmarks.peers.catalog import DRIVERS, PEERS, REFERENCE, Peer
from benchmarks.peers.harness import Bounds, Failed, Line
from benchmarks.peers.workloads import WORKLOADS, Run
from benchmarks.processes import HERE

# A run takes a second or two; this bounds a hang.
pytestmark = pytest.mark.timeout(100)

SMALL = Bounds(seconds=0.3, timeout=60.0, count=40)
RATE = WORKLOADS["single"].figures[0]
DELAY = WORKLOADS["latency"].figures[0]


class Standin(Peer):
    module = "tests.peer_standin"


@pytest.fixture
def standin(monkeypatch):
    def behaving(manners):
        monkeypatch.setenv("PEER_STANDIN", manners)
        return Standin("standin")

    return behaving


@pytest.fixture
def short():
    """A directory whose path leaves room for sockets below."""
    with harness.private_directory() as place:
        yield place


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return census.alive(pid)


@pytest.mark.parametrize("name", WORKLOADS)
@pytest.mark.parametrize("peer", ["pool", REFERENCE])
def test_both_do_the_work(peer, name):
    said = []
    lines = harness.compare(PEERS[peer], WORKLOADS[name], 1, SMALL, said.append)
    assert [line.figure for line in lines] == [figure.name for figure in WORKLOADS[name].figures]
    for line in lines:
        assert line.failed is None
        assert line.runs == [(line.value, line.zmqwork)]
        assert 1 <= line.count <= line.asked == min(40, WORKLOADS[name].count)
        if line.figure != "queued":  # of 40 tasks, the noise may be larger
            assert line.value > 0
            assert line.zmqwork > 0
            assert line.factor > 0
    assert f"{peer} {name} run 1/1" in said[0]


def test_zmqwork_beside_itself_is_run_once():
    (line,) = harness.compare(PEERS[REFERENCE], WORKLOADS["single"], 2, SMALL, lambda _: None)
    assert [one == other for one, other in line.runs] == [True, True]
    assert line.factor == 1.0


def test_a_peer_that_hangs_is_killed_with_all_that_it_started(standin, monkeypatch, tmp_path):
    monkeypatch.setenv("PEER_STANDIN_CHILD", f"{tmp_path}/child")
    bounds = Bounds(seconds=0.1, timeout=10.0, count=10)
    (line,) = harness.compare(standin("hangs"), WORKLOADS["single"], 3, bounds, lambda _: None)
    assert line.failed.startswith("not done after 10 s: killed")
    assert (line.value, line.factor, line.runs) == (None, None, [])
    assert not alive(int((tmp_path / "child").read_text()))


def test_a_wrong_result_is_no_figure(standin):
    with pytest.raises(Failed, match=r"(?s)ended with 1.*task 0 gave '1'"):
        harness.execute(standin("lies"), WORKLOADS["single"], SMALL)


def test_a_slow_peer_gets_fewer_tasks(standin):
    bounds = Bounds(seconds=0.3, timeout=60.0)
    measured = harness.execute(standin("slow"), WORKLOADS["single"], bounds)
    # 50 a second at most; the first 16, of 0.32 s, are all that fits.
    assert measured.count == workloads.FIRST_COUNT
    assert 0 < measured.figures["rate"] <= 50


def test_a_driver_that_is_not_there_is_told(tmp_path):
    with pytest.raises(Failed, match=r"(?s)ended with 1.*No module named .*nobody"):
        harness.execute(Peer("nobody"), WORKLOADS["single"], SMALL)


def test_failures_do_not_tell_where_files_are(tmp_path):
    text = f"{tmp_path}/x {HERE}/y {sys.base_prefix}/z"
    (tmp_path / "probe.log").write_text(text)
    assert harness.last_words(tmp_path) == "PLACE/x ./y PYTHON/z"


def test_longer_and_longer_runs_until_the_time_is_over():
    def of(count, seconds):
        return Run("", "", count=count, seconds=seconds, rounds=1, begun_at=0.0)

    counts = []

    def measure(count):
        counts.append(count)
        return count / 1000  # a thousand a second

    assert workloads.paced(measure, of(100_000, 4.0)) == (4000, 4.0)
    assert counts == [16, 16, 160, 1600, 4000]
    counts.clear()
    assert workloads.paced(measure, of(170, 4.0)) == (170, 0.17)
    assert counts == [16, 16, 160, 170]
    counts.clear()
    assert workloads.paced(measure, of(1, 4.0)) == (1, 0.001)


def test_results_are_checked_to_the_last():
    workloads.check(iter([1, 2]), [1, 2])
    for wrong in ([1, 3], [1], [1, 2, 3]):
        with pytest.raises((SystemExit, ValueError)):
            workloads.check(iter(wrong), [1, 2])


@pytest.mark.parametrize(
    ("figure", "pairs", "factor"),
    [
        (RATE, [(10.0, 50.0)], 5.0),
        (DELAY, [(10.0, 50.0)], 0.2),
        (RATE, [(10.0, 50.0), (20.0, 80.0), (90.0, 60.0)], 3.0),
        (DELAY, [(3.0, -1.0)], None),
        (DELAY, [(-3.0, 1.0)], None),
    ],
)
def test_the_factor_is_how_many_times_zmqwork_is_better(figure, pairs, factor):
    line = Line("p", "w", figure.name, figure.unit, figure.better)
    assert harness.judged(line, figure, pairs).factor == factor


def line(peer, workload, figure, pairs, **more):
    found = next(one for one in WORKLOADS[workload].figures if one.name == figure)
    blank = Line(peer, workload, figure, found.unit, found.better, count=5, asked=5)
    told = harness.judged(blank, found, pairs) if pairs else blank
    return Line(**{**told.as_dict(), **more})


def record(*lines, **taken):
    how = {"at": "2026-11-27T10:00:00", "runs": 1, "processor": "P", "cores": 2, "load_before": 0.5}
    how |= {"system": "Linux", "python": "3.11", "redis": "7.0", "note": "Shared."}
    settings = {"settings": "As\nit is.", "versions": {"python": "3.11", "rq": "3"}}
    return {
        "taken": how | taken,
        "settings": {one.peer: dict(settings) for one in lines},
        "peers": [json.loads(json.dumps(one.as_dict())) for one in lines],
    }


def test_a_table_of_several_files_takes_the_medians_of_all_pairs():
    first = record(
        line("rq", "single", "rate", [(100.0, 1000.0)], count=3),
        line("rq", "cpu", "share", [(0.5, 1.0)]),
        line("huey", "single", "rate", [], failed="not done after 9 s: killed\nwhy"),
    )
    second = record(line("rq", "single", "rate", [(300.0, 9000.0), (200.0, 80000.0)], count=3))
    text = report.table([first, second])
    assert "| peer | single in tasks/s | cpu of ideal |" in text
    assert "| rq | 200\\* (45) | 50% (2) |" in text
    assert "| huey | failed |  |" in text
    assert "- huey, single: not done after 9 s: killed; why" in text
    assert "- **rq** (rq 3). As it is." in text
    assert text.count("Shared.") == 2


def test_figures_of_other_settings_are_not_mixed():
    first = record(
        line("rq", "single", "rate", [(100.0, 1000.0)]),
        line("huey", "single", "rate", [(50.0, 1000.0)]),
    )
    second = record(line("rq", "single", "rate", [(400.0, 1000.0)]))
    second["settings"]["rq"]["settings"] = "Faster."
    text = report.table([first, second])
    assert "| rq | 400 (2.5) |" in text
    assert "| huey | 50 (20) |" in text
    assert text.count("- **rq**") == 1
    assert "- **rq** (rq 3). Faster." in text


def test_a_failure_in_one_file_does_not_hide_the_figures_of_another():
    good = record(line("rq", "single", "rate", [(100.0, 1000.0)]))
    bad = record(line("rq", "single", "rate", [], failed="why"))
    for order in ([good, bad], [bad, good]):
        (merged,) = report.pooled(order)
        assert (merged.value, merged.factor, merged.failed) == (100.0, 10.0, "why")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(123456.0, "tasks/s", "123 k"), (0.00042, "s", "420 µ"), (0.987, "of ideal", "99%")],
)
def test_values_are_written_short(value, unit, text):
    assert report.scaled(value, unit) == text


@pytest.mark.parametrize("peer", PEERS.values(), ids=list(PEERS))
def test_each_peer_has_a_driver_that_tells_its_settings(peer):
    assert peer.settings().splitlines()[0].endswith(".")
    assert all("==" in requirement for requirement in peer.requires)


def test_each_driver_is_of_a_peer():
    files = {path.stem for path in DRIVERS.glob("*.py")} - {"__init__"}
    assert files == {peer.module.rpartition(".")[2] for peer in PEERS.values()}


@pytest.mark.parametrize("name", ["probe", "driver", "workloads", "chores", "census", "broker"])
def test_what_runs_beside_a_peer_needs_nothing_but_python(name):
    """It is imported where zmqwork's requirements are not installed."""
    program = f"import sys, benchmarks.peers.{name}; print(*sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=HERE, capture_output=True, text=True, check=True
    )
    assert not {"zmq", "msgpack", "zmqwork", "zeroconf"} & set(told.stdout.split())


def test_no_code_of_zmqwork_knows_a_peer():
    peers = {word.lower() for peer in PEERS.values() for word in peer.distributions}
    for path in (HERE / "zmqwork").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not {name.partition(".")[0] for name in names} & peers, path


def test_the_census_finds_those_that_hide_the_mark_and_ends_them(tmp_path):
    stays = "import threading; threading.Event().wait()"
    starts = (
        "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', sys.argv[1]], "
        "env={}, start_new_session=True); print(child.pid, flush=True); child.wait()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", starts, stays],
        env={**os.environ, census.MARK_VARIABLE: "a-mark"},
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        child = int(parent.stdout.readline())
        assert census.members("a-mark") == {parent.pid, child}
        assert census.memory("a-mark") > 1024 * 1024
        assert census.sweep("a-mark") == 2
        assert parent.wait() == -signal.SIGTERM
    assert not alive(child)
    assert census.members("a-mark") == set()
    assert census.sweep("a-mark") == 0


def test_orphans_that_hide_the_mark_are_found_by_their_session():
    """As Parsl leaves one whose title takes the place of its environment."""
    program = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], env={})\n"
        "print(child.pid, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as leader:
        orphan = int(leader.stdout.readline())
        leader.wait()
        assert census.in_session(leader.pid) == {orphan}
        assert census.end(lambda: census.in_session(leader.pid)) == 1
    assert census.in_session(leader.pid) == set()


def test_a_peer_that_is_not_set_up_is_left_out_and_told(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    with pytest.raises(SystemExit) as ended:
        command.main(["run", "joblib,dask"])
    assert ended.value.code == 2
    assert "python -m benchmarks.peers setup dask" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        command.main(["list", "-o", "json"])
    assert ended.value.code == 0
    listed = {told["peer"]: told for told in map(json.loads, capsys.readouterr().out.splitlines())}
    assert list(listed) == list(PEERS)
    assert (listed["pool"]["ready"], listed["joblib"]["ready"]) == (True, False)
    assert "setup joblib" in listed["joblib"]["lacking"]


def test_a_set_up_that_fails_says_why_and_is_not_taken_for_one(monkeypatch, tmp_path):
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    monkeypatch.setattr(environments, "HERE", tmp_path)
    peer = Peer("nothing", (f"{tmp_path}/nothing-1-py3-none-any.whl",))
    said = []
    with pytest.raises(environments.NotReady, match=r"(?s)nothing: pip ended with 1:.*nothing-1"):
        environments.setup(peer, said.append)
    assert [text.split(" ")[1] for text in said] == ["making", "installing"]
    assert not environments.installed(peer)
    environments.stamp(peer).write_text(json.dumps(peer.requires))
    environments.setup(peer, said.append)
    assert said[-2:] == ["nothing: is there", "nothing: ready"]
    assert not environments.installed(Peer("nothing", ("another==1",)))


def test_without_a_redis_it_is_told_how_to_get_one(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(broker.Missing, match="apt-get install redis-server"):
        broker.executable()
    assert broker.version() == ""


@pytest.mark.skipif(shutil.which(broker.COMMAND) is None, reason="there is no redis-server")
def test_a_redis_lasts_as_long_as_its_block():
    with harness.private_directory() as place:
        with broker.redis(place, os.environ) as path:
            assert path.is_socket()
        assert not path.exists()
        path.mkdir()  # nothing can listen there
        with pytest.raises(RuntimeError, match="ended early"), broker.redis(place, os.environ):
            pass


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["run", "pool,nobody"], "no peer nobody; there are zmqwork, "),
        (["run", "pool", "--only", "singles"], "no workload singles; there are single, "),
        (["run", "pool", "--runs", "0"], "at least 1"),
        (["run", "pool", "--seconds", "0"], "more than 0"),
    ],
)
def test_what_is_unknown_is_refused(words, complaint, capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(words)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


def test_run_prints_a_line_for_each_figure_and_saves_them(tmp_path, capsys):
    saved = tmp_path / "saved.json"
    small = ["--runs", "1", "--seconds", "0.1", "--count", "20", "--note", "A note."]
    with pytest.raises(SystemExit) as ended:
        command.main(
            ["run", "pool", "--only", "latency", *small, "-o", "json", "--save", str(saved)]
        )
    assert ended.value.code == 0
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [told["figure"] for told in lines] == ["p50", "p99"]
    kept = json.loads(saved.read_text("utf-8"))
    assert json.loads(json.dumps(kept["peers"])) == lines
    assert kept["taken"]["command"].startswith("python -m benchmarks.peers")
    assert "apply_async" in kept["settings"]["pool"]["settings"]
    command.main(["table", str(saved)])
    text = capsys.readouterr().out
    assert "| peer | latency p50 in s | latency p99 in s |" in text
    assert "A note." in text


@pytest.mark.parametrize("text", ["", "[]", '{"targets": []}'])
def test_a_table_of_another_file_is_refused(text, tmp_path):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(SystemExit, match=r"other\.json"):
        command.main(["table", str(path)])


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_keeps_what_was_measured_and_leaves_nothing_behind(sign, short, tmp_path):
    saved = tmp_path / "saved.json"
    words = ["run", "pool", "--count", "20", "--runs", "1", "--only", "latency,memory"]
    mark = {"PEERS_TEST": tmp_path.name}
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.peers", *words, "-o", "json", "--save", str(saved)],
        cwd=HERE,
        env={**os.environ, **mark, "TMPDIR": str(short)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        running.stdout.readline()  # one is measured, the next one has begun
        running.send_signal(sign)
        _, said = running.communicate(timeout=60)
    assert running.returncode == command.INTERRUPTED
    assert "interrupted" in said
    kept = json.loads(saved.read_text("utf-8"))["peers"]
    assert [told["workload"] for told in kept][:1] == ["latency"]
    left = [
        path
        for path in Path("/proc").glob("[0-9]*/environ")
        if f"PEERS_TEST={tmp_path.name}".encode() in readable(path)
    ]
    assert left == []
    assert list(short.iterdir()) == []


def readable(path):
    try:
        return path.read_bytes()
    except OSError:  # it has ended
        return b""
