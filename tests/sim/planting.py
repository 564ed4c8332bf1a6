"""Bugs that are planted for the simulator, which must find each of them."""

from __future__ import annotations

import pytest

from zmqwork.testing import sim


def is_found(plant, promises, first, seeds, monkeypatch):
    """Plant it, and run seeds until one of these promises is broken; fail if none is.

    `first`: a seed that showed it once: looked at before 0 to `seeds`.
    """
    plant(monkeypatch)
    for seed in (first, *range(seeds)):
        if sim.run(seed).promise in promises:
            return
    pytest.fail(f"{seeds} seeds did not find it")
