from __future__ import annotations

import pytest

from zmqwork.security import cluster


@pytest.fixture
def lab(tmp_path):
    """The keys directory of an admin, desk."""
    place = tmp_path / "desk"
    cluster.create(place, "lab", "desk")
    return place


@pytest.fixture
def clock(monkeypatch):
    """The wall clock, in a list of one; it stands still."""
    now = [1_000_000.0]
    for module in ("keyring", "cluster", "checkup"):
        monkeypatch.setattr(f"zmqwork.security.{module}.today", lambda: now[0])
    return now
