"""Many runs: the same however many are run at once, and never tame."""

from __future__ import annotations

import json

from zmqwork.testing import sim
from zmqwork.testing.campaign import Summary, reports
from zmqwork.testing.marks import MARKS


def summary(seeds, jobs):
    said = Summary()
    said.of(reports(seeds, jobs), lambda _: None)
    return said.as_dict


def test_two_at_a_time_are_what_one_after_the_other_is():
    seeds = range(3, 6)
    one = summary(seeds, 1)
    assert summary(seeds, 2) == one
    assert one["seeds"] == 3
    assert one["breaches"] == []
    assert one["tasks"] > 10
    assert one["virtual_hours"] > 0


def test_a_program_can_read_it(capsys):
    assert sim.main(["--first", "3", "--seeds", "1", "--jobs", "1", "-o", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["seeds"] == 1
    assert {*said["marks_missed"]} < {*MARKS}, "and one seed comes by some of them"
    assert not {*said["marks_missed"]} & said["marks"].keys()


def test_who_misses_a_mark_where_none_may_be_missed_fails(monkeypatch, capsys):
    monkeypatch.setattr(sim, "ALL_MARKS_SEEDS", 1)
    assert sim.main(["--first", "3", "--seeds", "1", "--jobs", "1"]) == 1
    assert "no seed came by: " in capsys.readouterr().out


def test_a_mark_has_one_name():
    assert len({*MARKS}) == len(MARKS)
    assert 40 <= len(MARKS) <= 80
