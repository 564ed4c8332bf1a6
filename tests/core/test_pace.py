from __future__ import annotations

import pytest

from zmqwork.core import pace
from zmqwork.core.pace import LONG_SECONDS, Pace


def test_unknown_names_are_not_short():
    assert Pace().mean("f") is None
    assert not Pace().is_short("f")


def test_short_and_long():
    known = Pace()
    known.observe("short", 10, 10 * LONG_SECONDS)
    known.observe("long", 1, 1.01 * LONG_SECONDS)
    assert known.is_short("short")
    assert not known.is_short("long")


def test_the_mean_moves_by_the_weight_of_a_batch():
    known = Pace()
    known.observe("f", 1, 1.0)
    known.observe("f", 16, 0.0)
    assert known.mean("f") == pytest.approx(0.5)


def test_nothing_and_nonsense_are_ignored():
    known = Pace()
    known.observe("f", 0, 5.0)
    assert known.mean("f") is None
    known.observe("f", 1, -5.0)
    assert known.mean("f") == 0.0


def test_names_are_bounded(monkeypatch):
    monkeypatch.setattr(pace, "NAMES_MAX", 2)
    known = Pace()
    for name in ("a", "b", "c"):
        known.observe(name, 1, 0.0)
    assert [known.is_short(name) for name in ("a", "b", "c")] == [True, True, False]
