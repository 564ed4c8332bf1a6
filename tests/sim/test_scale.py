"""The cost of size, at a size at which it can be counted by hand."""

from __future__ import annotations

import json

import pytest

from zmqwork.core.contacts import PEERS_MAX
from zmqwork.core.messages import Ping, Tasks
from zmqwork.testing import scale, scale_run
from zmqwork.testing.crowd import Crowd
from zmqwork.testing.footprint import footprint
from zmqwork.testing.meter import Meter
from zmqwork.testing.scale_run import ScaleRun, Setting
from zmqwork.wire.codec import encode

SMALL = ["--workers", "20", "--producers", "3", "--slots", "2", "--idle", "2"]


def measured(capsys, *words):
    code = scale.main([*words, "-o", "json"])
    told = capsys.readouterr()
    return code, json.loads(told.out), told.err


def counted(figures):
    """What is the same in every run: not what a clock has measured."""
    return {
        name: counted(it) if isinstance(it, dict) else it
        for name, it in figures.items()
        if not name.endswith(("_load", "real_seconds", "limit")) and "_us_per_" not in name
    }


def test_a_small_crowd(capsys):
    code, figures, err = measured(capsys, *SMALL)
    assert code == 0
    assert figures["sessions"] == figures["wanted_sessions"] == 60
    # HELLO, WELCOME, CREDIT; some are told another one when there are more producers.
    assert 3 <= figures["meeting"]["messages_per_session"] < 4
    # PING and PONG a second, in both directions.
    beats = figures["heartbeats"]
    assert beats["messages_per_second"] == pytest.approx(4 * 60, rel=0.02)
    assert beats["messages_per_second_and_worker"] == pytest.approx(4 * 3, rel=0.02)
    assert 10 < beats["bytes_per_second"] / beats["messages_per_second"] < 30
    work = figures["work"]
    assert work["tasks"] == work["settled"] == 160
    assert work["messages"]["Done"] <= work["messages"]["Started"] <= 160
    assert 0.5 < work["of_ideal"] <= 1
    loss = figures["loss"]
    assert (loss["workers"], loss["settled"]) == (6, loss["tasks"])
    assert 0 < loss["tasks_lost_running"] <= 12
    assert 1.0 <= loss["all_given_up_after"] <= loss["all_running_again_after"] < 3.0
    assert loss["all_running_again_after"] < loss["all_settled_after"] < 10.0
    for name in ("producer_bytes_per_session", "worker_bytes_per_session"):
        assert 1_000 < figures["memory"][name] < 20_000
    assert "scale: lose" in err


def test_what_is_counted_is_the_same_in_every_run(capsys):
    _, one, _ = measured(capsys, *SMALL)
    _, again, _ = measured(capsys, *SMALL)
    _, other, _ = measured(capsys, *SMALL, "--seed", "2")
    assert counted(one) == counted(again) != counted(other)


def test_for_people(capsys):
    assert scale.main(["--workers", "3", "--producers", "1", "--lose", "0", "--tasks", "0"]) == 0
    told = capsys.readouterr().out
    assert "heartbeats\n  messages per second: 12\n" in told
    assert "\nwork\n" not in told
    assert "\nloss\n" not in told


def test_it_ends_when_its_time_is_over(capsys):
    code, figures, _ = measured(capsys, "--workers", "200", "--producers", "20", "--limit", "1")
    assert code == scale.OUT_OF_TIME
    assert figures["out_of_time"]
    assert "loss" not in figures


def test_wrong_numbers_are_wrong_usage(capsys):
    with pytest.raises(SystemExit) as caught:
        scale.main(["--workers", "0"])
    assert caught.value.code == 2
    assert "--workers must be a number from 1" in capsys.readouterr().err


def test_more_workers_than_a_producer_dials(monkeypatch):
    monkeypatch.setattr("zmqwork.core.contacts.PEERS_MAX", 8)
    monkeypatch.setattr(scale_run, "PEERS_MAX", 8)
    figures = ScaleRun(Setting(20, 2, lose=0.0), lambda _: None).run()
    assert (figures["sessions"], figures["wanted_sessions"]) == (16, 40)
    assert figures["work"]["settled"] == figures["work"]["tasks"] == 80
    assert PEERS_MAX == 4_096, "docs/scale.md says so"


def test_bytes_are_counted_by_samples():
    meter, exact = Meter(), 0
    for number in range(1, 2_001):
        message = Ping(number)
        meter.sent(number, message)
        exact += sum(len(bytes(f)) + 2 for frames in encode(number, message) for f in frames)
    assert meter.size_bytes["Ping"] == pytest.approx(exact, rel=0.02)
    reading = meter.reading()
    meter.sent(1, Tasks([], 0))
    assert (reading.messages(beats=False), reading.messages(beats=True)) == (1, 0)
    assert reading.by_verb() == {"Tasks": 1}
    assert 0 < reading.size_bytes(beats=False) < 30


def test_a_footprint_counts_each_object_once():
    class Thing:
        def __init__(self, *others):
            self.others = others

    shared = bytes(10_000)
    assert 10_000 < footprint(Thing(shared)) < 11_000
    assert footprint(Thing(shared, shared)) < 11_000
    assert footprint(Thing(shared), without=[shared]) < 1_000
    ring = Thing()
    ring.others = (ring, len, int)
    assert footprint(ring) < 1_000


def test_a_killed_worker_is_mourned_until_it_is_given_up():
    crowd = Crowd(1, 4, 2, slots=1, tasks={"work": "1"})
    crowd.run_for(1.0)
    assert (crowd.sessions(), crowd.mourned()) == (8, 0)
    crowd.kill(crowd.workers[:1])
    assert crowd.mourned() == 2
    crowd.run_for(3.0)
    assert (crowd.sessions(), crowd.mourned()) == (6, 0)
