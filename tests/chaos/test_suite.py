"""``python -m tests.chaos``: two of its scenarios in small, and that it says what it has seen."""

import json
import os
import signal
import subprocess
import sys

import pytest
import telling
from chaos_processes import PATIENCE, ROOT, children_of, is_gone, until
from oracle import Oracle, append
from suite import FIGURES, HEAD, Scenario, load, run
from trial import Skip
from watching import Watch, quarters, slope

# Each of the others has tests of its own, of the same kind, or takes longer: `run all`.
TRIED = ("kill-worker", "soak")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", TRIED)
def test_it_passes(name):
    report = run(load()[name])
    print(json.dumps(report))
    assert report["breaches"] == []
    assert report["passed"]
    assert set(report) >= {*HEAD, *FIGURES, "recovery_seconds", "throughput", "memory_mib"}
    assert report["confirmed"] > 0
    assert report["lost"] == report["duplicate_effects"] == 0
    assert report["faults"]


def test_all_of_the_plan_is_there():
    """C1 to C24 of the plan, each under a name."""
    covered = {number for one in load().values() for number in one.covers}
    assert covered >= {f"C{number}" for number in range(1, 25)}
    text = telling.listed(load().values(), "text")
    assert all(f"{name} " in text and one.about in text for name, one in load().items())


# -- the instruments can fail -----------------------------------------------------------------------


def facts(place, *, settled=1, again=0, fault=None):
    for key in ("a", "b"):
        append(place, "submitted", key=key, producer="p")
    for attempt in range(1, 2 + again):
        append(place, "runs", what="begun", key="a", attempt=attempt, pid=7)
        if fault is not None and attempt == 1:
            append(place, "faults", kind="kill", pids=[fault], begun_at=0.0)
        append(place, "runs", what="ended", key="a", attempt=attempt, pid=7)
    for _ in range(settled):
        append(place, "settled", key="a", state="succeeded", value=["a", 1])
    return Oracle(place).figures()


def test_what_is_lost_or_took_effect_again_is_counted(tmp_path):
    figures = facts(tmp_path, settled=2)
    assert (figures["confirmed"], figures["lost"], figures["duplicate_effects"]) == (2, 1, 1)
    assert figures["settled"] == {"succeeded": 2}


@pytest.mark.parametrize(("victim", "unexplained"), [(7, []), (8, ["a"]), (None, ["a"])])
def test_another_run_needs_a_fault_that_explains_it(victim, unexplained, tmp_path):
    figures = facts(tmp_path, again=1, fault=victim)
    assert figures["duplicate_executions"] == 1
    assert figures["unexplained"] == unexplained
    assert figures["unacked_at_faults"] == (victim == 7)


def test_two_more_runs_need_two_faults(tmp_path):
    assert facts(tmp_path, again=2, fault=7)["unexplained"] == ["a"]


def test_growth_is_seen():
    assert slope([0, 1, 2, 3], [5, 7, 9, 11]) == pytest.approx(2)
    assert slope([0, 1, 2, 3], [5, 5, 5, 5]) == 0
    samples = [(at, 10 + at / 3600, 20 + at // 100, 3) for at in range(400)]
    watch = Watch()
    watch.close()
    watch.samples = {"x": samples}
    growth = watch.growth(100)["x"]
    assert growth["mib"]["per_hour"] == pytest.approx(1)
    assert growth["descriptors"]["per_hour"] > 30
    assert quarters(samples, 2, 100) == (21, 23)
    assert quarters([(at, 1, 20 + at % 5, 3) for at in range(400)], 2, 100) == (24, 22)


def made(function):
    return Scenario("made", ("C1",), function)


def test_a_breach_a_failure_and_a_traceback_are_told():
    def breaks(trial):
        """Breaks."""
        trial.hold(False, "it did not hold")
        trial.scene.errors.write(b"Traceback (most recent call last)")
        raise AssertionError("and it failed")

    report = run(made(breaks))
    assert report["passed"] is False
    assert [text.split(":")[0] for text in report["breaches"]] == [
        "AssertionError",
        "it did not hold",
        "a traceback in what the nodes said",
    ]
    assert "FAILED" in telling.told(report, "text")
    assert telling.summed_up([report]) == "0 passed, 1 failed, 0 skipped: made"


def test_what_cannot_be_done_here_is_skipped_and_counted():
    def skips(trial):
        """Skips."""
        raise Skip("there is no such disk")

    report = run(made(skips))
    assert (report["passed"], report["skipped"]) == (None, "there is no such disk")
    assert "there is no such disk" in telling.told(report, "text")
    assert telling.summed_up([report]) == "0 passed, 0 failed, 1 skipped"
    json.loads(telling.told(report, "json"))


@pytest.mark.timeout(300)
def test_a_planted_bug_is_found():
    """(The others: ``python -m tests.chaos teeth``.)"""
    report = run(load()["resets"], plant="forgets-the-inventory")
    assert any("ran again" in text for text in report["breaches"])
    assert report["duplicate_executions"] > 0


# -- the command ------------------------------------------------------------------------------------

COMMAND = [sys.executable, "-m", "tests.chaos"]


def test_an_unknown_name():
    words = [*COMMAND, "run", "no-such-thing"]
    done = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 2
    assert "no scenario is called no-such-thing" in done.stderr


def descendants(pid):
    found = children_of(pid)
    return found + [one for child in found for one in descendants(child)]


def test_an_interrupt_ends_all_that_was_started():
    words = [*COMMAND, "run", "kill-worker-long", "-o", "json"]
    with subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0
    ) as command:
        # Three workers with their slots, two producers.
        until(lambda: len(descendants(command.pid)) > 5, "its processes are there")
        started = descendants(command.pid)
        os.kill(command.pid, signal.SIGINT)
        out, err = command.communicate(timeout=PATIENCE)
    assert command.returncode == 130
    assert out == b""
    assert b"interrupted" in err
    assert b"Traceback" not in err
    until(lambda: all(map(is_gone, started)), "they are gone")
