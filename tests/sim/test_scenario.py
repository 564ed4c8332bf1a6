"""What a run does is data: it can be kept, taken apart, and played without any of its parts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from planted import BUGS

from zmqwork.testing import sim
from zmqwork.testing.clock import FakeClock
from zmqwork.testing.plan import draw
from zmqwork.testing.play import perform
from zmqwork.testing.scenario import Scenario, Step
from zmqwork.testing.shrink import breaks, ddmin, shrink
from zmqwork.testing.stage import Stage

REGRESSIONS = sorted(Path(__file__).with_name("regressions").glob("*.json"))

# A seed whose runs are short.
SEED = 3


def traced(scenario):
    lines = []
    perform(scenario, lines.append)
    return lines


def test_a_plan_that_was_kept_is_the_same_run(tmp_path):
    scenario = draw(SEED)
    path = tmp_path / "plan.json"
    path.write_text(scenario.to_json(promise="none"), "utf-8")
    again = Scenario.from_json(path.read_text("utf-8"))
    assert again.steps == scenario.steps
    assert traced(again) == traced(scenario)
    assert sim.main(["--plan", str(path)]) == 0


def test_a_plan_of_another_version_is_refused():
    text = json.dumps({**json.loads(draw(SEED).to_json()), "version": 0})
    with pytest.raises(ValueError, match="version 0"):
        Scenario.from_json(text)


def test_a_step_makes_the_same_choices_whatever_else_there_is():
    def choices(*steps):
        clock, chosen = FakeClock(), []
        stage = Stage(clock, 1)

        def follow(name):
            chosen.append((name, stage.random.random()))

        def choose(name):
            chosen.append((name, stage.random.random()))
            stage.later(stage.random.random(), follow, name)

        stage.can_about("choose", choose)
        stage.play(steps)
        clock.run_for(10.0)
        return {entry for entry in chosen if entry[0] == "kept"}

    kept = Step(1.0, "choose", 17, "kept")
    others = [Step(at, "choose", 18, "other") for at in (0.5, 1.0, 1.1)]
    assert len(choices(kept)) == 2
    assert choices(kept) == choices(*others, kept) == choices(kept, others[2])


def test_ddmin_leaves_what_is_needed():
    steps = [Step(float(at), "do", at) for at in range(40)]
    needed = {3, 17, 31}
    tries = []

    def fails(some):
        tries.append(len(some))
        return needed <= {step.key for step in some}

    assert {step.key for step in ddmin(steps, fails)} == needed
    assert len(tries) < 120


def test_what_breaks_is_cut_down_and_breaks_still(monkeypatch, tmp_path, capsys):
    """A worker that acks nothing needs a producer, a worker and one task."""
    bug = BUGS["ack_nothing"]
    bug.plant(monkeypatch)
    path = tmp_path / "plan.json"
    seed = next(seed for seed in range(20) if perform(draw(seed)).promise in bug.promises)
    assert sim.main(["--seed", str(seed), "--shrink", str(path)]) == 1
    assert f"python -m zmqwork.testing.sim --plan {path} --trace" in capsys.readouterr().out
    least = Scenario.from_json(path.read_text("utf-8"))
    assert len(least.steps) <= 4
    assert perform(least).promise in bug.promises
    monkeypatch.undo()
    assert not perform(least).error


def test_fewer_tasks_and_a_quiet_network_are_tried():
    scenario = draw(SEED)
    noisy = {**scenario.world["network"], "loss": 0.5}
    scenario = replace(scenario, world={**scenario.world, "network": noisy})

    def fails(candidate):
        return any("submit" in step.do for step in candidate.steps)

    least = shrink(scenario, fails)
    assert [(step.do.split()[0], step.most) for step in least.steps] == [("submit", 1)]
    assert least.world["network"]["loss"] == 0.0


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: path.stem)
def test_what_broke_once_holds(path):
    """Each file is what `--shrink` has written, with the bug that it showed, if that was planted."""
    scenario = Scenario.from_json(path.read_text("utf-8"))
    assert perform(scenario).error == ""


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: path.stem)
def test_they_show_still_what_they_were_kept_for(path, monkeypatch):
    """A plan that means something else by now is of no use."""
    data = json.loads(path.read_text("utf-8"))
    if data["bug"] in BUGS:
        BUGS[data["bug"]].plant(monkeypatch)
        assert breaks(data["promise"])(Scenario.from_json(path.read_text("utf-8")))
