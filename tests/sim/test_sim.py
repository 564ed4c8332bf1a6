"""The simulator holds what `zmqwork.testing` promises: seeds pass, replay, and can fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from planted import tasks

from zmqwork.testing import sim

ROOT = Path(__file__).resolve().parent.parent.parent

# Seeds beyond those of `make sim`, which begins at 0.
FIRST = 10_000


@pytest.mark.parametrize("seed", range(FIRST, FIRST + 40))
def test_seeds_hold(seed):
    report = sim.run(seed)
    assert report.error == ""
    assert report.turns > 100


def test_a_seed_is_the_same_in_every_process():
    def digests(hash_seed: str) -> str:
        command = [sys.executable, "-m", "zmqwork.testing.sim", "--digest", "--seeds", "4"]
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout

    one, other = digests("1"), digests("2")
    assert one == other
    assert len(set(one.split())) == 4, "different seeds do different things"


def test_a_failing_seed_is_one_line_with_its_command(monkeypatch, capsys):
    tasks.forget_the_lost(monkeypatch)
    assert sim.main(["--seeds", "12", "--jobs", "1"]) == 1
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("seed ")
    assert "python -m zmqwork.testing.sim --seed " in lines[0]
    assert last.split()[1:4] == ["of", "12", "seeds"]


def test_a_trace_shows_events_and_effects(capsys):
    assert sim.main(["--seed", "3", "--trace"]) == 0
    out = capsys.readouterr().out
    assert "producer-0  <- Submitted(" in out
    assert "-> Settle(" in out
    assert "1 of 1 seeds hold" in out
