"""Whatever a disk makes of what was not synced: all that was confirmed is there, and in one piece."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from power_cuts import losses

CUTS = 500


@pytest.fixture
def folder():
    """In memory, if that can be: nothing here needs a disk that syncs."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_that_was_confirmed_is_lost(folder, seed):
    assert losses(folder, seed, CUTS) == (0, 0)


def test_the_test_sees_losses(folder):
    """SQLite's other way to sync may lose what was written last: if not here, this test is blind."""
    lost, damaged = losses(folder, 1, CUTS, careless=True)
    assert lost > CUTS / 10
    assert damaged == 0
