"""Somebody puts the wall clocks again and again, by decades, and nothing is done otherwise."""

from __future__ import annotations

import contextlib

from planted import BUGS

from zmqwork.testing import Cluster
from zmqwork.testing.plan import Plan, draw
from zmqwork.testing.play import play
from zmqwork.testing.truth import Violation

_DECADE = 3.2e8


def has_a_journal_that_stays_open(scenario):
    """(What is opened later has its tasks for as old as the wall clock says.)"""
    journals, faults = scenario.world["journals"], scenario.world["faults"]
    ends = (
        {"crashes", "stops", "wall clocks"} & {*faults} or journals["kills"] or journals["breaks"]
    )
    return journals["is_on"] and journals["share"] == 1.0 and not ends


def traced(scenario, step):
    """All that happens in a run, up to what breaks it."""
    lines = []
    cluster = Cluster(scenario.seed, lines.append)

    def put():
        for node in cluster.producers:
            node.wall += step
            if node.archive is not None:
                node.archive.wall += step
        cluster.clock.call_later(0.7, put)

    cluster.clock.call_later(0.7, put)
    with contextlib.suppress(Violation):
        play(cluster, Plan(scenario, cluster))
    return lines


def test_a_wall_clock_that_is_put_changes_nothing(monkeypatch):
    scenarios = filter(has_a_journal_that_stays_open, map(draw, range(1_000)))
    scenario = min(list(scenarios)[:20], key=lambda scenario: scenario.world["seconds"])
    as_it_is = traced(scenario, 0.0)
    assert any("Record(" in line for line in as_it_is)
    assert traced(scenario, _DECADE) == as_it_is
    assert traced(scenario, -_DECADE) == as_it_is
    BUGS["decide_by_the_wall_clock"].plant(monkeypatch)
    assert traced(scenario, _DECADE) != as_it_is, "or this test sees nothing"
