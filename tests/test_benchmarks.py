"""The measuring programs count and compare right; how fast anything is, is not tested here."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys

import pytest

from benchmarks import __main__ as command
from benchmarks import (
    classic,
    false_deaths,
    idle_cost,
    journal_store,
    measure,
    p9_growth,
    p12_recovery,
    processes,
    push_pull_prototype,
    under_attack,
)
from benchmarks.growth import catalog, curve, point
from benchmarks.growth.load import MANY, Load
from benchmarks.measure import Bar, Target, percentile, verdict
from zmqwork.core.effects import Notice

RATE = Bar("P", "rate", "tasks/s", 1.2, "higher", "work")
DELAY = Bar("P", "p50", "s", 2.0, "lower", "work")


@pytest.mark.parametrize(
    ("percent", "expected"), [(50, 50), (99, 99), (100, 100), (1, 1), (0, 1), (99.5, 100)]
)
def test_percentile_is_the_nearest_rank(percent, expected):
    assert percentile(range(100, 0, -1), percent) == expected


def test_percentile_of_one_value():
    assert percentile([7.0], 99) == 7.0


@pytest.mark.parametrize(
    ("bar", "ours", "baseline", "ok"),
    [
        (RATE, 120.0, 100.0, True),
        (RATE, 119.0, 100.0, False),
        (DELAY, 2.0, 1.0, True),
        (DELAY, 2.1, 1.0, False),
        (Bar("P", "rate", "tasks/s", None, "higher", "work"), 1.0, 100.0, None),
    ],
)
def test_bar(bar, ours, baseline, ok):
    assert verdict(bar, [({bar.figure: ours}, {bar.figure: baseline})]).ok is ok


def test_medians_are_compared_and_every_pair_is_shown():
    pairs = [({"rate": ours}, {"rate": raw}) for ours, raw in [(300, 100), (1, 90), (200, 500)]]
    line = verdict(RATE, pairs)
    assert (line.value, line.baseline, line.ratio) == (200, 100, 2)
    assert line.runs == [(300, 100), (1, 90), (200, 500)]


def test_runs_take_turns_in_going_first():
    order = []
    target = Target(
        (RATE,),
        lambda: order.append("ours") or {"rate": 2.0},
        lambda: order.append("raw") or {"rate": 1.0},
    )
    said = []
    (line,) = measure.measure(target, 3, said.append)
    assert order == ["ours", "raw", "raw", "ours", "ours", "raw"]
    assert (line.ok, len(line.runs), len(said)) == (True, 3, 3)


def test_one_json_object_per_line(monkeypatch, capsys, tmp_path):
    target = Target((RATE, DELAY), lambda: {"rate": 3.0, "p50": 1.0}, lambda: {"rate": 2, "p50": 4})
    monkeypatch.setitem(command.TARGETS, "P1", target)
    command.main(
        ["targets", "--only", "p1", "--runs", "1", "-o", "json", "--save", f"{tmp_path}/r"]
    )
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["ratio"] for line in lines] == [1.5, 0.25]
    for line in lines:
        assert {"target", "value", "unit", "baseline", "ratio", "bar", "ok", "runs"} <= set(line)
    saved = json.loads((tmp_path / "r").read_text("utf-8"))
    assert saved["targets"] == lines
    assert saved["taken"]["runs"] == 1


def test_an_unknown_target_is_refused_with_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        command.main(["targets", "--only", "P1,P77"])
    complaint = capsys.readouterr().err
    assert "p77" in complaint
    assert "P1, " in complaint


@pytest.mark.parametrize("worker", ["worker", "frames"])
def test_raw_programs_run(worker):
    assert processes.raw("submit", worker, 300)["rate"] > 0
    measured = processes.raw("pingpong", worker, 50)
    assert 0 < measured["p50"] <= measured["p99"]


@pytest.mark.parametrize(("role", "count"), [("bulk", 700), ("echo", 20)])
def test_raw_programs_of_other_work_run(role, count):
    assert processes.raw(role, f"{role}-worker", count)["rate"] > 0


@pytest.mark.parametrize("whose", ["ours", "raw"])
def test_classic_programs_run(whose):
    assert classic.run(whose, 20_000)["rate"] > 0


@pytest.mark.parametrize("way", push_pull_prototype.WAYS)
def test_the_push_pull_prototype_runs(way):
    measured = push_pull_prototype.run(way, 64, 6_400)
    assert min(measured.values()) > 0


@pytest.mark.parametrize(
    ("program", "pool", "slots", "numbers", "names"),
    [
        ("benchmarks.p1_submit", "inline", 1, [500], {"rate"}),
        ("benchmarks.p1_options", "inline", 1, [500, 0, 10], {"rate"}),
        ("benchmarks.p2_map", "inline", 1, [5_000], {"rate"}),
        ("benchmarks.p3_latency", "inline", 1, [20], {"p50", "p99"}),
        ("benchmarks.p4_echo", "inline", 1, [20], {"rate"}),
        ("benchmarks.p5_process_pool", "process", 1, [200], {"rate"}),
        ("benchmarks.p6_cpu", "process", 2, [8, 1000], {"rate"}),
    ],
)
def test_our_programs_run(program, pool, slots, numbers, names):
    measured = processes.ours(program, pool, slots, *numbers)
    assert set(measured) == names
    assert min(measured.values()) > 0


def test_a_producer_with_many_workers_runs(monkeypatch):
    monkeypatch.setattr(p9_growth, "COUNT", 500)
    assert p9_growth.run_with(5)["seconds"] > 0


def test_idle_nodes_are_measured(monkeypatch):
    """(Their programs measure for seconds.)"""
    monkeypatch.setattr(idle_cost, "SECONDS", 0.1)
    monkeypatch.setattr(idle_cost, "_SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(idle_cost, "PRODUCERS", 2)
    assert idle_cost.run_worker()["percent"] >= 0
    with processes.private_directory() as place, processes.idle_workers(place, 3) as peers:
        assert peers.count("ipc://") == 3


def test_with_keys_our_programs_run_as_well():
    assert processes.ours("benchmarks.p1_submit", "inline", 1, 500, keyed=True)["rate"] > 0


def test_they_are_used_at_both_ends():
    """A sender without them does not meet a worker with them."""
    program = "from benchmarks.tasks import noop; print(noop.submit(1).result(timeout=1))"
    with processes.private_directory() as place:
        _, theirs = processes.make_keys(place)
        with processes.worker(place, "benchmarks.serve", "inline", "1", keys=theirs):
            ended = subprocess.run(
                [sys.executable, "-c", program],
                cwd=processes.HERE,
                env=processes.environment(place),
                capture_output=True,
                text=True,
                timeout=100,
                check=False,
            )
    assert ended.returncode == 1
    assert "NoWorker" in ended.stderr


def test_keys_of_the_user_are_left_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("ZMQWORK_KEYS", "/home/user/keys")
    assert processes.environment(tmp_path)["ZMQWORK_KEYS"] == "none"
    assert processes.environment(tmp_path, tmp_path)["ZMQWORK_KEYS"] == str(tmp_path)


@pytest.mark.parametrize(
    ("program", "numbers"),
    [("benchmarks.p5_process_pool", ["200"]), ("benchmarks.p6_cpu", ["8", "1000"])],
)
def test_pool_programs_run(program, numbers, tmp_path):
    assert processes.figures(tmp_path, program, "pool", *numbers)["rate"] > 0


@pytest.mark.parametrize("how", ["local", "mdns", "bare"])
def test_cold_start_programs_run(how):
    with processes.private_directory() as place:
        measured = processes.figures(place, "benchmarks.p7_cold_start", how, "1")
    assert set(measured) == {"seconds"}
    assert measured["seconds"] > 0


@pytest.mark.parametrize(("how", "count"), [("kill", 2), ("stop", 1)])
def test_recovery_programs_run(how, count):
    with processes.private_directory() as place:
        seconds = processes.figures(place, "benchmarks.p12_recovery", how, str(count))
    assert 0 < seconds["p50"] <= seconds["p100"]


def test_recovery_is_told_with_its_distribution(monkeypatch, capsys):
    told = {"p50": 0.01, "p99": 0.1, "p100": 0.1}
    monkeypatch.setattr(p12_recovery, "figures", lambda *words: told)
    (line, other) = measure.measure(p12_recovery.TARGET, 1, lambda _: None)
    assert (line.ok, other.ok) == (True, True)
    assert line.baseline == 0.05
    assert "p50 0.01, p99 0.1, p100 0.1" in capsys.readouterr().err


def test_false_deaths_are_counted_and_are_an_error(monkeypatch, capsys):
    counted = {"false_deaths": 1}
    monkeypatch.setattr(false_deaths, "run", lambda seconds: counted | {"seconds": seconds})
    with pytest.raises(SystemExit) as ended:
        command.main(["false_deaths", "--seconds", "3"])
    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out) == {"false_deaths": 1, "seconds": 3}


ATTACKED = {
    "ok": False,
    "ratio": 0.4,
    "recovered_after": None,
    "before": [10.0, 30.0],
    "during": [8.0],
    "after": [9.0, 11.0],
    "connections_opened": 4400,
    "connections_ended_by_the_node": 2200,
}


@pytest.mark.parametrize(
    ("more", "code", "texts"),
    [
        ({}, 1, ["20 tasks/s", "40%", "4,400 connections", "not in time", "SHORT"]),
        ({"ok": True, "recovered_after": 2.0}, 0, ["recovered after 2.0 s", "ok"]),
    ],
)
def test_an_attack_is_judged_by_its_bars(monkeypatch, capsys, tmp_path, more, code, texts):
    monkeypatch.setattr(under_attack, "run", lambda seconds: ATTACKED | more)
    for output in ("table", "json"):
        with pytest.raises(SystemExit) as ended:
            command.main(["under_attack", "-o", output, "--save", f"{tmp_path}/r"])
        assert ended.value.code == code
    *table, line = capsys.readouterr().out.splitlines()
    assert json.loads(line) == ATTACKED | more
    saved = json.loads((tmp_path / "r").read_text("utf-8"))
    assert saved["under_attack"] == ATTACKED | more
    assert saved["taken"]["cores"] >= 1
    for text in texts:
        assert text in "\n".join(table)


def test_a_worker_that_asks_for_a_new_session_had_given_its_producer_up():
    text = "worker w is suspect: it asked for a new session"
    assert false_deaths.kind_of(Notice("peer_suspect", text, {})) == "producer_lost"
    assert false_deaths.kind_of(Notice("peer_suspect", "worker w: silent", {})) == "peer_suspect"


def test_the_machine_is_busy_and_nobody_is_given_up():
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", "false_deaths", "--seconds", "1"],
        cwd=processes.HERE,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.stderr == ""
    counted = json.loads(ended.stdout)
    assert counted["false_deaths"] == 0
    assert counted["tasks"] >= false_deaths.WINDOW


def test_a_program_that_fails_is_not_measured(tmp_path):
    with pytest.raises(RuntimeError, match="invalid choice"):
        processes.figures(tmp_path, "benchmarks.raw", "nothing", "ipc://x")


def test_a_worker_that_ends_early_is_heard(tmp_path):
    with (
        pytest.raises(RuntimeError, match=r"(?s)ended early.*ZMQError"),
        processes.worker(tmp_path, "benchmarks.raw", "worker", "no-such-transport://"),
    ):
        processes.figures(tmp_path, "benchmarks.raw", "nothing", "ipc://x")


def test_the_journal_is_measured(tmp_path, monkeypatch):
    sizes = {"COUNT": 10, "BATCHES": 20, "SETTLED": 100, "OPEN": 10}
    for name, value in sizes.items():
        monkeypatch.setattr(journal_store, name, value)
    assert journal_store.write(tmp_path) > 0
    assert journal_store.write_rows(tmp_path) > 0
    assert journal_store.open_again(tmp_path)["seconds"] > 0


COSTS_OF_GROWTH = {
    "none": lambda n: 5.0,
    "logarithm": lambda n: 5.0 + 0.7 * math.log2(n),
    "logarithm alone": lambda n: math.log2(n) + 1e-9,
    "falls": lambda n: 100.0 / n + 5.0,
    "root": lambda n: 5.0 + 0.02 * n**0.5,
    "line": lambda n: 5.0 + 1e-5 * n,
}


@pytest.mark.parametrize(("how", "cost"), COSTS_OF_GROWTH.items(), ids=list(COSTS_OF_GROWTH))
def test_what_grows_faster_than_the_logarithm_is_seen(how, cost):
    judged = curve.judge("cost", [(10**power, cost(10**power)) for power in range(7)])
    assert judged.ok is (how not in {"root", "line"})


def test_the_line_over_the_logarithm_is_told():
    judged = curve.judge("cost", [(2**power, 3.0 + 0.5 * power) for power in range(10)])
    assert (judged.base, judged.per_doubling) == (3.0, 0.5)
    fallen = [(1, 900.0), (10, 90.0), (100, 5.0), (10_000, 5.0)]
    assert curve.judge("cost", fallen).per_doubling == 0.0, "what batches save is not part of it"
    assert curve.judge("cost", [(7, 1.0)]).ok is None, "one point is no curve"


def test_points_are_measured_up_and_down():
    asked = []

    def measured(number):
        asked.append(number)
        return {"cost": float(len(asked))}

    made = curve.Curve("c", "things", "what", (1, 10, 100, 1000), measured, ("cost",))
    drawn = curve.draw(made, 2, lambda _: None, most=100)
    assert asked == [1, 10, 100, 100, 10, 1]
    assert [point["cost"] for point in drawn.points] == [3.5, 3.5, 3.5]
    assert drawn.judged[0].ok


@pytest.mark.parametrize(
    ("load", "crew", "more"),
    [
        ({}, {"workers": 2, "producers": 2}, set()),
        ({"payload_bytes": 100_000}, {"idle": 3}, set()),
        ({"waiting": 300}, {}, set()),
        ({"waiting": 1_000, "how": "mixed"}, {}, {"submit_us", "own_submit_us"}),
        ({"waiting": 1_000, "how": "resting"}, {}, {"submit_us", "own_submit_us"}),
    ],
)
def test_points_of_growth_run(load, crew, more):
    made = Load(1, 200, 60.0, 50, **load)
    measured = point.run(made, **crew)
    names = {"tasks_per_second", "producer_us", "own_us", "worker_us"}
    assert set(measured) == names | more
    assert min(measured.values()) > 0
    assert measured["own_us"] <= measured["producer_us"]


def test_memory_of_what_waits_is_told_where_it_is_much():
    measured = point.run(dataclasses.replace(catalog.PLAIN, tasks=200, waiting=MANY))
    assert 100 < measured["bytes_each"] < 2_000


def test_growth_is_told_and_judged(monkeypatch, capsys, tmp_path):
    flat = curve.Curve(
        "flat", "things", "what", (1, 10, 100), lambda n: {"own_us": 5.0}, ("own_us",)
    )
    made = [flat, dataclasses.replace(flat, name="steep", measure=lambda n: {"own_us": n / 10})]
    monkeypatch.setattr(command, "CURVES", tuple(made))
    file = tmp_path / "r"
    for name, code in (("flat", 0), ("all", 1)):
        with pytest.raises(SystemExit) as ended:
            command.main(["growth", name, "--runs", "1", "--save", str(file), "--note", "n"])
        assert ended.value.code == code
    told = capsys.readouterr().out
    assert "STEEPER" in told
    assert "things" in told
    saved = json.loads(file.read_text("utf-8"))
    assert saved["taken"]["note"] == "n"
    assert [one["judged"][0]["ok"] for one in saved["growth"]] == [True, False]
    with pytest.raises(SystemExit):
        command.main(["growth", "quue"])
    assert "no curve quue" in capsys.readouterr().err
